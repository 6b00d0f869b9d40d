// SPDX-License-Identifier: Apache-2.0
// Why a TLS connection failed, as an Error that an operator can act on. Inside this folder only.
#pragma once

#include "io/base/result.h"
#include "transport/tls/handshake_notes.h"

namespace afterimage::tls {

enum class Phase { handshake, established };

// `reason` is what SSL_get_error said of the call that failed. Empties the error queue.
[[nodiscard]] Error failure_of(const HandshakeNotes& notes, int reason, Phase phase);

}  // namespace afterimage::tls
