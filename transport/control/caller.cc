// SPDX-License-Identifier: Apache-2.0
#include "transport/control/caller.h"

namespace afterimage::control {

Caller local_caller(const io::Stream& stream, std::uint32_t own_user) {
  const auto credentials = stream.credentials();
  if (!credentials) return Caller{.kind = CallerKind::stranger, .name = stream.peer()};
  const bool may = credentials->user == 0 || credentials->user == own_user;
  return Caller{.kind = may ? CallerKind::local : CallerKind::stranger,
                .name = "user " + std::to_string(credentials->user)};
}

}  // namespace afterimage::control
