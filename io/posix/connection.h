// SPDX-License-Identifier: Apache-2.0
// Calls on sockets that do not wait, and what their failures mean: for every platform that has real sockets.
#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "io/network.h"
#include "io/posix/address.h"
#include "io/posix/unique_fd.h"

namespace afterimage::io::posix {

// A stream socket, non-blocking.
[[nodiscard]] Result<UniqueFd> make_socket(int family);

// 0 when the connection stands, EINPROGRESS while it does not yet, else why not.
[[nodiscard]] int state_of_connection(int fd);

// Sets the options of a connection: TCP sends at once (no Nagle) and notices a silent peer within half a minute
// (keepalive, user timeout). Who is at the other end of a unix socket. Fails when the peer has reset it already.
[[nodiscard]] Result<std::optional<PeerCredentials>> prepare_connection(int fd);

// What a connection that was accepted is called in messages: "10.0.0.1:41000", "unix:process 7".
[[nodiscard]] std::string name_of_accepted(const Address& address, int fd);

// What a failed accept says about the next one.
enum class AcceptFailure : unsigned char { would_block, that_connection_only, exhausted, final };
[[nodiscard]] AcceptFailure judge_accept(int system);
inline constexpr Duration pause_when_exhausted = std::chrono::milliseconds(100);

// Errors with a sentence. A connection that does not come about is unreachable, but for a socket that we may not open;
// one that stood and broke is unreachable whatever the system says; so is one that was closed here.
[[nodiscard]] std::unexpected<Error> fail_connect(int system, const std::string& to);
[[nodiscard]] std::unexpected<Error> fail_broken(int system, const char* what, const std::string& peer);
[[nodiscard]] std::unexpected<Error> fail_closed(const std::string& peer);

// The file of a unix socket, so that only our own is removed at the end.
struct SocketFile {
  dev_t device = 0;
  ino_t inode = 0;
};
// Blocking. Called while its socket still listens: nobody takes the file for stale and replaces it between the look and
// the removal.
void remove_socket_file(const std::string& path, const SocketFile& file);

}  // namespace afterimage::io::posix
