// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/certificate_keeper.h"

#include <memory>
#include <utility>

#include "tools/afterimaged/certificate_health.h"
#include "transport/tls/pki_files.h"

namespace afterimage::daemon {
namespace {

constexpr Duration remind_every = std::chrono::hours(24);

}  // namespace

// The files are the authority: an operator's new ones, and those that a renewal has just written.
io::Task<Status> CertificateKeeper::take_over(io::Scope& scope, io::Directory& pki) {
  AFI_CO_TRY(tls::Identity identity, tls::read_identity(scope, pki));
  const tls::Identity& old = trust_.identity();
  if (identity.certificate == old.certificate && identity.root == old.root) co_return Status{};
  const std::string ends = to_rfc3339(identity.certificate.not_after());
  const bool has_new_root = identity.root.fingerprint() != old.root.fingerprint();
  AFI_CO_STATUS(trust_.set_identity(std::move(identity)));
  log_.info("this host has a new certificate; it ends at " + ends);
  if (has_new_root) {
    log_.warning(
        "this host has a new authority; peers that enrolled with the old one refuse this host until it has "
        "enrolled with them again");
  }
  reminded_.reset();
  co_return Status{};
}

io::Task<Status> CertificateKeeper::renew(io::Scope& scope, io::Directory& pki) {
  const WallTime now = platform_.clock.now();
  AFI_CO_TRY(const bool is_ours, tls::has_authority_key(scope, pki));
  renewal_ = is_ours ? host::Renewal::automatic : host::Renewal::by_operator;
  if (!is_ours || !tls::renewal_wanted(trust_.identity(), now)) co_return Status{};
  AFI_CO_TRY(const tls::Authority authority, tls::read_authority(scope, pki));
  AFI_CO_RESULT(tls::Renewal renewal, tls::renew_identity(trust_.identity(), authority, now));
  AFI_CO_TRY_STATUS(tls::write_renewal(scope, pki, std::move(renewal)));
  AFI_CO_TRY_STATUS(take_over(scope, pki));
  co_return Status{};
}

io::Task<Status> CertificateKeeper::look_at_files(io::Scope& scope) {
  auto locking = looking_.acquire(scope);
  const auto lock = co_await locking;
  if (!lock) co_return std::unexpected(lock.error());
  AFI_CO_TRY(const std::unique_ptr<io::Directory> pki, platform_.disk.open_directory(scope, pki_dir_));
  AFI_CO_TRY_STATUS(take_over(scope, *pki));
  AFI_CO_TRY_STATUS(renew(scope, *pki));
  co_return Status{};
}

io::Task<void> CertificateKeeper::look(io::Scope& scope) {
  auto looking = look_at_files(scope);
  const Status looked = co_await looking;
  if (scope.is_interrupted()) co_return;
  std::string trouble = looked ? "" : looked.error().text();
  if (!trouble.empty() && trouble != trouble_)
    log_.error("the certificate of this host is not looked after: " + trouble + "; the old one stays in use");
  trouble_ = std::move(trouble);
  remind();
}

io::Task<Status> CertificateKeeper::reload(io::Scope& scope) {
  auto looking = look_at_files(scope);
  const Status looked = co_await looking;
  if (!looked) co_return std::unexpected(looked.error());
  trouble_.clear();
  log_.info("the certificate of this host was read again; it ends at " +
            to_rfc3339(trust_.identity().certificate.not_after()));
  reminded_.reset();
  remind();
  co_return Status{};
}

host::HostInfo CertificateKeeper::health() const {
  return judge_host(trust_.identity(), renewal_, trouble_, platform_.clock.now());
}

void CertificateKeeper::remind() {
  const MonotonicTime now = platform_.reactor.now();
  if (reminded_ && now - *reminded_ < remind_every) return;
  const host::HostInfo info = health();
  for (const std::string& reason : info.reasons)
    log_.write(info.health == host::Health::critical ? Severity::error : Severity::warning, reason);
  reminded_ = now;
}

}  // namespace afterimage::daemon
