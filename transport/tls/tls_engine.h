// SPDX-License-Identifier: Apache-2.0
// One TLS connection without a network: ciphertext in, ciphertext out, plaintext on the other side. TlsStream carries
// its bytes over a stream; tests carry them over nothing.
//
// Events: feed (bytes came), feed_end (the peer's stream ended). Then handshake() or read() go as far as they can and
// say what they lack. Whatever is to be sent collects in take_output(), also after a failure (the alert). Memory: about
// 40 KiB inside, plus what the caller feeds before it reads and writes before it takes; the caller does both in steps
// of at most engine_step_bytes.
//
// Errors: authentication (which check failed, on which side), protocol (no TLS, no TLS 1.3, no common ALPN, broken
// records), unreachable (the stream ended without the peer's goodbye). After an error every call answers the same
// error. Externally serialised.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "io/base/bytes.h"
#include "io/base/result.h"
#include "io/base/time.h"
#include "transport/tls/tls_context.h"

namespace afterimage::tls {

inline constexpr std::size_t engine_step_bytes = 16 * 1024;  // plaintext of one TLS record

// What a connection is about, beside its context.
struct ConnectionOptions {
  HostId expected;  // the host that must answer; none: any that the context trusts
  WallTime now;     // for validity
};

enum class Handshake { done, needs_input };

struct ReadOutcome {
  enum class Kind { bytes, needs_input, end } kind = Kind::needs_input;  // end: the peer said goodbye
  std::size_t count = 0;
};

class TlsEngine {
 public:
  [[nodiscard]] static Result<TlsEngine> create(std::shared_ptr<const TlsContext> context,
                                                const ConnectionOptions& options);
  TlsEngine(TlsEngine&&) noexcept;
  TlsEngine& operator=(TlsEngine&&) noexcept;
  TlsEngine(const TlsEngine&) = delete;
  TlsEngine& operator=(const TlsEngine&) = delete;
  ~TlsEngine();

  [[nodiscard]] Status feed(ByteView ciphertext);
  // The same without a copy: room for ciphertext that is to come, and how much of it came. Only fed() in between.
  [[nodiscard]] Result<MutableBytes> room(std::size_t size);
  void fed(std::size_t count);
  void feed_end();
  [[nodiscard]] bool has_output() const;
  // Moves out all that is to be sent now. `spare`: memory to collect the next output in.
  [[nodiscard]] Bytes take_output(Bytes spare = {});

  [[nodiscard]] Result<Handshake> handshake();
  // After the handshake. Never answers bytes with a count of 0, except for an empty `out`.
  [[nodiscard]] Result<ReadOutcome> read(MutableBytes out);
  // After the handshake: all of `plaintext`, in one or more records. An empty one sends nothing.
  [[nodiscard]] Status write(ByteView plaintext);
  // Says goodbye; reading goes on until the peer has too. Writing is over.
  [[nodiscard]] Status close_write();

  // After the handshake. None: a client without certificate, where that is allowed.
  [[nodiscard]] const std::optional<PeerIdentity>& peer() const;
  // What the peer showed beside its leaf: the pinned root is among it.
  [[nodiscard]] const std::vector<Certificate>& peer_chain() const;
  // Keying material of this connection (RFC 8446, section 7.5) that both sides, and nobody else, know.
  [[nodiscard]] Result<Digest> export_key(std::string_view label) const;

 private:
  struct State;
  explicit TlsEngine(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace afterimage::tls
