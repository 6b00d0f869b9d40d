// SPDX-License-Identifier: Apache-2.0
// WatchedStream: a TLS stream to a proven peer that is cut when the peer is no longer trusted. Whoever reads or writes
// then gets the reason instead of a broken connection. Thread: the reactor's.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "io/network.h"
#include "tools/afterimaged/live_sessions.h"
#include "transport/tls/tls_stream.h"

namespace afterimage::daemon {

class WatchedStream final : public io::Stream, public LiveSession {
 public:
  // The stream has an identity. `sessions` outlives it.
  WatchedStream(std::unique_ptr<tls::TlsStream> stream, LiveSessions& sessions);

  [[nodiscard]] io::Task<Result<std::size_t>> read_some(io::Scope& scope, MutableBytes out) override;
  [[nodiscard]] io::Task<Status> write(io::Scope& scope, ByteView data) override;
  [[nodiscard]] io::Task<Status> shutdown_write(io::Scope& scope) override;
  void close() override { stream_->close(); }
  [[nodiscard]] std::string peer() const override { return stream_->peer(); }
  [[nodiscard]] std::optional<io::PeerCredentials> credentials() const override { return std::nullopt; }

  void end(const Error& reason) override;

 private:
  std::unique_ptr<tls::TlsStream> stream_;
  std::optional<Error> ended_;
};

}  // namespace afterimage::daemon
