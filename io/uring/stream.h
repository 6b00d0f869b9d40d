// SPDX-License-Identifier: Apache-2.0
// UringStream: io::Stream over a connected socket of the ring. Contract: io/network.h.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "io/network.h"
#include "io/uring/socket.h"

namespace afterimage::io::uring {

class UringStream final : public Stream {
 public:
  // Takes a connected, non-blocking socket and sets its options.
  [[nodiscard]] static Result<std::unique_ptr<Stream>> create(std::shared_ptr<RingSocket> socket);
  ~UringStream() override { socket_->close(); }

  [[nodiscard]] Task<Result<std::size_t>> read_some(Scope& scope, MutableBytes out) override;
  [[nodiscard]] Task<Status> write(Scope& scope, ByteView data) override;
  [[nodiscard]] Task<Status> shutdown_write(Scope& scope) override;
  void close() override { socket_->close(); }
  [[nodiscard]] std::string peer() const override { return socket_->peer(); }
  [[nodiscard]] std::optional<PeerCredentials> credentials() const override { return credentials_; }

 private:
  UringStream(std::shared_ptr<RingSocket> socket, std::optional<PeerCredentials> credentials)
      : socket_(std::move(socket)), credentials_(credentials) {}

  std::shared_ptr<RingSocket> socket_;
  std::optional<PeerCredentials> credentials_;
};

}  // namespace afterimage::io::uring
