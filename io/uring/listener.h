// SPDX-License-Identifier: Apache-2.0
// UringListener: io::Listener over a listening socket of the ring. Contract: io/network.h.
// When the process is out of descriptors or memory accepting pauses and goes on: connections wait in the kernel's
// queue. One task accepts at a time.
#pragma once

#include <memory>
#include <optional>

#include "io/network.h"
#include "io/posix/connection.h"
#include "io/uring/socket.h"

namespace afterimage::io::uring {

class UringListener final : public Listener {
 public:
  UringListener(std::shared_ptr<RingSocket> socket, Endpoint local, std::optional<posix::SocketFile> file)
      : socket_(std::move(socket)), local_(std::move(local)), file_(file) {}
  // Stops listening: a pending accept ends with `unreachable`. Removes the file of a unix socket if it is still ours.
  ~UringListener() override;

  [[nodiscard]] Task<Result<std::unique_ptr<Stream>>> accept(Scope& scope) override;
  [[nodiscard]] Endpoint local() const override { return local_; }

 private:
  std::shared_ptr<RingSocket> socket_;
  Endpoint local_;
  std::optional<posix::SocketFile> file_;
};

}  // namespace afterimage::io::uring
