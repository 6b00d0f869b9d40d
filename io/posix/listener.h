// SPDX-License-Identifier: Apache-2.0
// PosixListener: io::Listener over a listening socket. Contract: io/network.h.
// When the process is out of descriptors or memory accepting pauses and goes on: connections wait in the kernel's
// queue. One task accepts at a time.
#pragma once

#include <memory>
#include <optional>

#include "io/network.h"
#include "io/posix/connection.h"
#include "io/posix/socket.h"
#include "io/posix/system_calls.h"

namespace afterimage::io::posix {

class PosixListener final : public Listener {
 public:
  PosixListener(const SystemCalls& calls, std::shared_ptr<Socket> socket, Endpoint local,
                std::optional<SocketFile> file)
      : calls_(calls), socket_(std::move(socket)), local_(std::move(local)), file_(file) {}
  // Stops listening: a pending accept ends with `unreachable`. Removes the file of a unix socket if it is still ours.
  ~PosixListener() override;

  [[nodiscard]] Task<Result<std::unique_ptr<Stream>>> accept(Scope& scope) override;
  [[nodiscard]] Endpoint local() const override { return local_; }

 private:
  const SystemCalls& calls_;
  std::shared_ptr<Socket> socket_;
  Endpoint local_;
  std::optional<SocketFile> file_;
};

}  // namespace afterimage::io::posix
