// SPDX-License-Identifier: Apache-2.0
// Network, Listener, Stream: reliable ordered bytes between two ends.
//
// A Stream is read by at most one task and written by at most one task at a time; the two may be different tasks.
// Cancelling a read loses nothing that was not returned; cancelling a write leaves an unknown part sent: close the
// stream. A peer that vanishes without a word is noticed by deadlines (and TCP keepalive where the platform has it).
// Thread: the reactor's. Errors: unreachable for a broken or refused connection, timed_out, cancelled.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/base/bytes.h"
#include "io/base/result.h"
#include "io/scope.h"
#include "io/task.h"

namespace afterimage::io {

// A TCP address (host name or literal, port) or the path of a unix socket.
struct Endpoint {
  std::string host;            // "chi.example", "10.0.0.1", "::1"; empty = every address (listening) or a unix socket
  std::uint16_t port = 0;      // 0 when listening = any free one
  std::string unix_path = {};  // not empty: a unix socket

  bool operator==(const Endpoint&) const = default;
  [[nodiscard]] std::string text() const;  // "chi.example:8084", "[::1]:8084", "unix:/run/x.sock"
  // "HOST", "HOST:PORT", "[V6]:PORT"; `port` where none is given.
  [[nodiscard]] static Result<Endpoint> parse(std::string_view text, std::uint16_t port);
};

// Who is at the other end of a unix socket.
struct PeerCredentials {
  std::uint32_t user = 0;
  std::uint32_t group = 0;
  std::int32_t process = 0;
};

class Stream {
 public:
  virtual ~Stream() = default;
  // At least one byte, at most out.size(); 0 = the peer has ended its direction cleanly.
  [[nodiscard]] virtual Task<Result<std::size_t>> read_some(Scope& scope, MutableBytes out) = 0;
  // All of `data` handed to the network (not: received).
  [[nodiscard]] virtual Task<Status> write(Scope& scope, ByteView data) = 0;
  // Ends our direction cleanly; reading goes on.
  [[nodiscard]] virtual Task<Status> shutdown_write(Scope& scope) = 0;
  // Ends both directions at once; pending reads and writes of this stream end with `unreachable`.
  virtual void close() = 0;
  [[nodiscard]] virtual std::string peer() const = 0;                            // for logs: "10.0.0.1:41000"
  [[nodiscard]] virtual std::optional<PeerCredentials> credentials() const = 0;  // unix sockets only
};

class Listener {
 public:
  virtual ~Listener() = default;
  [[nodiscard]] virtual Task<Result<std::unique_ptr<Stream>>> accept(Scope& scope) = 0;
  [[nodiscard]] virtual Endpoint local() const = 0;  // with the port that was given
};

class Network {
 public:
  virtual ~Network() = default;
  [[nodiscard]] virtual Task<Result<std::unique_ptr<Stream>>> connect(Scope& scope, Endpoint to) = 0;
  // Listens. A stale unix socket that nobody answers on is replaced; a live one is `busy`. Unix sockets get mode 0600.
  [[nodiscard]] virtual Task<Result<std::unique_ptr<Listener>>> listen(Scope& scope, Endpoint at) = 0;
};

// Reads until `out` is full. end_of_data if the peer ended before the first byte, unreachable if in the middle.
[[nodiscard]] Task<Status> read_exactly(Scope& scope, Stream& stream, MutableBytes out);

}  // namespace afterimage::io
