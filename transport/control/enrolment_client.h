// SPDX-License-Identifier: Apache-2.0
// The primary's side of an enrolment on a TLS stream to the replica's control port. What the request says and what the
// answer is worth is decided by transport/tls/enrolment.h.
#pragma once

#include <string>

#include "io/network.h"
#include "io/task.h"
#include "transport/tls/enrolment.h"

namespace afterimage::control {

// Posts the request and reads the answer. The replica's refusal comes back as its error, with its sentence.
[[nodiscard]] io::Task<Result<tls::EnrolmentAnswer>> post_enrolment(io::Scope& scope, io::Stream& stream,
                                                                    std::string host, tls::EnrolmentRequest request);

}  // namespace afterimage::control
