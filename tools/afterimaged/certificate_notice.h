// SPDX-License-Identifier: Apache-2.0
// What an operator has to know about the certificate of this host before it ends. Pure.
#pragma once

#include <optional>
#include <string>

#include "transport/tls/pki.h"

namespace afterimage::daemon {

// A sentence when less than a third of its life is left, or none at all.
[[nodiscard]] std::optional<std::string> certificate_notice(const tls::Identity& identity, WallTime now);

}  // namespace afterimage::daemon
