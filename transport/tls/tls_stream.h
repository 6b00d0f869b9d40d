// SPDX-License-Identifier: Apache-2.0
// TLS 1.3 over any stream, as a stream. No byte of the peer reaches a caller before both sides have proven themselves.
//
// In TLS 1.3 a client is done before the server has judged its certificate: a refusal reaches the client with its first
// read (authentication). Protocols therefore begin with a word of the server. Memory: about 250 KiB at most, less when
// idle, 40 KiB before the handshake is over. Thread: the reactor's. Contract of reads and writes: io::Stream; besides,
// read_some answers 0 only after the peer's goodbye, and a stream that ends without one is `unreachable`: nobody in the
// middle can cut the end off unnoticed.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/base/bytes.h"
#include "io/base/result.h"
#include "io/base/time.h"
#include "io/network.h"
#include "io/scope.h"
#include "io/task.h"
#include "transport/tls/tls_context.h"
#include "transport/tls/tls_engine.h"

namespace afterimage::tls {

struct EstablishOptions {
  HostId expected;                              // a client: the host that must answer; none: any that is trusted
  WallTime now;                                 // for validity
  Duration timeout = std::chrono::seconds(10);  // of the whole handshake
};

class TlsStream final : public io::Stream {
 public:
  // Who has not proven himself gets no more memory than he needs.
  static constexpr std::size_t incoming_bytes_min = std::size_t{4} * 1024;

  // The handshake. Takes the stream; after a failure the peer has been told (in general terms) and the stream is
  // closed. Errors: see tls_engine.h, with the peer's address in front; timed_out.
  [[nodiscard]] static io::Task<Result<std::unique_ptr<TlsStream>>> establish(io::Scope& scope,
                                                                              std::unique_ptr<io::Stream> raw,
                                                                              std::shared_ptr<const TlsContext> context,
                                                                              EstablishOptions options);

  [[nodiscard]] io::Task<Result<std::size_t>> read_some(io::Scope& scope, MutableBytes out) override;
  [[nodiscard]] io::Task<Status> write(io::Scope& scope, ByteView data) override;
  // Says goodbye and ends our direction.
  [[nodiscard]] io::Task<Status> shutdown_write(io::Scope& scope) override;
  void close() override;
  [[nodiscard]] std::string peer() const override;  // the address
  [[nodiscard]] std::optional<io::PeerCredentials> credentials() const override { return std::nullopt; }

  // All parts in order, small ones joined in one record.
  [[nodiscard]] io::Task<Status> write_parts(io::Scope& scope, std::span<const ByteView> parts);

  // Who is there, proven; none only for a client without certificate where the context allows it.
  [[nodiscard]] const std::optional<PeerIdentity>& identity() const { return engine_.peer(); }
  [[nodiscard]] const std::vector<Certificate>& presented() const { return engine_.peer_chain(); }
  // Known to both ends of this connection and to nobody else.
  [[nodiscard]] Result<Digest> export_key(std::string_view label) const { return engine_.export_key(label); }

 private:
  TlsStream(std::unique_ptr<io::Stream> raw, TlsEngine engine);
  [[nodiscard]] io::Task<Status> shake_hands(io::Scope& scope);
  [[nodiscard]] io::Task<Status> receive(io::Scope& scope);
  [[nodiscard]] io::Task<Status> send_output(io::Scope& scope);
  [[nodiscard]] io::Task<Status> encrypt(io::Scope& scope, ByteView data);
  [[nodiscard]] io::Task<void> send_alert(io::Scope& scope);
  [[nodiscard]] io::Task<void> take_leave(io::Scope& scope);

  std::unique_ptr<io::Stream> raw_;
  TlsEngine engine_;
  std::size_t incoming_bytes_ = incoming_bytes_min;  // of one read; grows with what comes
  bool is_sending_ = false;
  Bytes spare_;     // what the last output was in
  Bytes gathered_;  // small parts of write_parts
};

}  // namespace afterimage::tls
