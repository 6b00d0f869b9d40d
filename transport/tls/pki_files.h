// SPDX-License-Identifier: Apache-2.0
// DIR/pki: authority.key, authority.crt, host.key, host.crt. All files have mode 0600. The roots of peers are not here:
// host.db keeps them.
//
// Order of writes. New identity: authority.key, authority.crt, host.key, host.crt, each durable; an identity exists
// when host.crt does. Renewal: host.crt.next, host.key, host.crt durable in this order, then host.crt.next removed.
// What a start finds after a cut in a renewal:
//   host.key fits host.crt                          that pair; a leftover host.crt.next means nothing
//   host.key does not, host.crt.next fits host.key  the renewal is finished now
//   neither                                         refused: never without a key, never with another's
#pragma once

#include "io/base/result.h"
#include "io/disk.h"
#include "io/scope.h"
#include "io/task.h"
#include "transport/tls/authority.h"
#include "transport/tls/pki.h"

namespace afterimage::tls {

// already_exists if an identity is there.
[[nodiscard]] io::Task<Status> write_pki(io::Scope& scope, io::Directory& pki, PkiTexts texts);

// refused, with what to do: a missing file, a key that others may read, files that do not belong together.
[[nodiscard]] io::Task<Result<Identity>> read_identity(io::Scope& scope, io::Directory& pki);

// Is there an authority.key? Without it the certificates are the operator's affair (an own PKI).
[[nodiscard]] io::Task<Result<bool>> has_authority_key(io::Scope& scope, io::Directory& pki);

// Needed only to renew and to enrol.
[[nodiscard]] io::Task<Result<Authority>> read_authority(io::Scope& scope, io::Directory& pki);

// Durable when it returns. Use the new identity (read_identity) only afterwards.
[[nodiscard]] io::Task<Status> write_renewal(io::Scope& scope, io::Directory& pki, Renewal renewal);

}  // namespace afterimage::tls
