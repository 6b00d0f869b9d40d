// SPDX-License-Identifier: Apache-2.0
// Who is at the other end of a control connection, and what that lets them do.
//
//   local      root, or the user the daemon runs as, over the unix socket     everything
//   peer       a host whose certificate was checked, on the control port      version, enrolment
//   anonymous  a client without a certificate, on the control port            enrolment
//   stranger   another user, over the unix socket                             nothing, and the reason
//
// Only the operator at the host changes or sees its machines: a primary that fell to an attacker gains no command here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "io/base/identity.h"
#include "io/network.h"

namespace afterimage::control {

enum class CallerKind : std::uint8_t { local, peer, anonymous, stranger };

struct Caller {
  CallerKind kind = CallerKind::stranger;
  std::string name;               // for logs: "user 0", the peer's name, its address
  HostId host;                    // peer only
  std::optional<Digest> channel;  // over TLS: the exporter value of enrolment, known to both ends only
};

// The caller on an accepted unix socket. `own_user` is the daemon's.
[[nodiscard]] Caller local_caller(const io::Stream& stream, std::uint32_t own_user);

}  // namespace afterimage::control
