// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/daemon_trust.h"

#include <algorithm>
#include <utility>

#include "io/base/limits.h"
#include "tools/afterimaged/peer_rows.h"
#include "transport/control/enrolment_client.h"
#include "transport/tls/pki_files.h"
#include "transport/tls/tls_stream.h"

namespace afterimage::daemon {

using catalogue::PeerRole;
using catalogue::PeerRow;
using catalogue::PeerState;
using control::IssuedKey;
using host::Execution;
using host::Plan;

namespace {

constexpr Duration expiry_min = std::chrono::minutes(1);
constexpr Duration expiry_max = std::chrono::hours(24 * 366);
constexpr Duration used_keys_kept = std::chrono::hours(24 * 30);  // past their expiry: an answer may have been lost

// The end of a whole second: keys carry seconds.
WallTime end_of_second(WallTime time) {
  constexpr std::int64_t second = 1'000'000'000;
  return WallTime{(time.nanoseconds + second - 1) / second * second};
}

std::string joined_names(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "'" : ", '") + name + "'";
  return text;
}

std::string with_port(const std::string& host, std::uint16_t port) {
  return io::Endpoint{.host = host, .port = port}.text();
}

// Operators name replicas by their names: two of one name would be taken for each other.
Status check_name_is_free(const std::vector<PeerRow>& peers, const PeerRow& replica) {
  for (const PeerRow& peer : peers) {
    const bool is_other = peer.id != replica.id && peer.name == replica.name;
    if (!is_other || peer.state == PeerState::revoked || peer.role == PeerRole::primary) continue;
    return fail(ErrorCode::conflict, "join",
                "this host knows another replica '" + peer.name + "' (" + peer.id.text() +
                    "); if it is gone, run 'afterimage peers revoke " + peer.id.text() + "' and join again");
  }
  return {};
}

Error at_replica(Error error, const io::Endpoint& place) {
  const std::string who = "replica " + place.text();
  if (error.code == ErrorCode::unreachable || error.code == ErrorCode::timed_out) {
    error.code = ErrorCode::unreachable;
    error.detail = who + " cannot be reached: " + error.text() +
                   "; is afterimaged running there? --replica ADDR names another address";
  } else {
    error.detail = who + ": " + error.text();
  }
  return error;
}

}  // namespace

DaemonTrust::DaemonTrust(const io::Platform& platform, catalogue::Catalogue& catalogue, PeerTrust& trust,
                         const CertificateKeeper& keeper, Log& log, DaemonTrustOptions options)
    : platform_(platform),
      catalogue_(catalogue),
      trust_(trust),
      keeper_(keeper),
      log_(log),
      options_(std::move(options)) {}

// --- Registration keys.

Result<std::string> DaemonTrust::choose_store(const std::string& wanted) const {
  constexpr const char* what = "make a registration key";
  const std::vector<std::string>& stores = options_.stores;
  if (stores.empty()) {
    return fail(ErrorCode::refused, what,
                "this host has no store, so it cannot be a replica; add a [[store]] to afterimaged.toml and restart "
                "afterimaged");
  }
  if (wanted.empty() && stores.size() == 1) return stores.front();
  if (wanted.empty()) {
    return fail(ErrorCode::invalid_argument, what,
                "this host has several stores; name one with --store: " + joined_names(stores));
  }
  if (std::ranges::find(stores, wanted) != stores.end()) return wanted;
  return fail(ErrorCode::not_found, what,
              "this host has no store '" + wanted + "'; its stores are " + joined_names(stores));
}

Result<std::vector<tls::KeyAddress>> DaemonTrust::key_addresses(const std::vector<std::string>& wanted) const {
  std::vector<tls::KeyAddress> addresses;
  for (const std::string& text : wanted) {
    AFI_TRY(io::Endpoint place, io::Endpoint::parse(text, options_.control_port));
    addresses.push_back({.host = std::move(place.host), .port = place.port});
  }
  if (addresses.empty()) addresses.push_back({.host = options_.key_address, .port = options_.control_port});
  return addresses;
}

io::Task<Result<std::variant<IssuedKey, Plan>>> DaemonTrust::make_key(io::Scope& scope, control::MakeKey command) {
  AFI_CO_RESULT(const std::string store, choose_store(command.store));
  if (command.expires < expiry_min || command.expires > expiry_max) {
    co_return fail(ErrorCode::invalid_argument, "make a registration key",
                   "a registration key lives between 1m and 366d; the default is 5d");
  }
  AFI_CO_RESULT(std::vector<tls::KeyAddress> addresses, key_addresses(command.addresses));
  const WallTime now = platform_.clock.now();
  const WallTime expires = end_of_second(now + command.expires);
  if (command.execution == Execution::dry_run) {
    Plan plan;
    plan.steps.push_back("make a registration key for store " + store + " that can be used once, until " +
                         to_rfc3339(expires));
    for (const tls::KeyAddress& address : addresses) {
      plan.steps.push_back("tell in it that this host is reached at " + with_port(address.host, address.port));
    }
    co_return std::variant<IssuedKey, Plan>(std::move(plan));
  }
  AFI_CO_RESULT(const tls::JoinSecret secret, tls::JoinSecret::generate());
  tls::RegistrationKey key{.addresses = std::move(addresses),
                           .host = options_.host.id,
                           .authority = trust_.identity().root.fingerprint(),
                           .secret = secret,
                           .expires = expires};
  AFI_CO_RESULT(std::string text, tls::encode_registration_key(key));
  AFI_CO_TRY(const std::size_t removed, catalogue_.remove_keys_expired(scope, now + -used_keys_kept));
  (void)removed;
  AFI_CO_TRY_STATUS(catalogue_.put_key(scope, {.secret_digest = secret.digest(), .expires = expires, .store = store}));
  log_.info("made a registration key for store '" + store + "', good until " + to_rfc3339(expires));
  co_return std::variant<IssuedKey, Plan>(IssuedKey{.key = std::move(text), .expires = expires, .store = store});
}

// --- Joining, on the primary.

// Signed with the key of this host's authority, or, where that is elsewhere, of its certificate.
io::Task<Result<tls::EnrolmentRequest>> DaemonTrust::make_request(io::Scope& scope, Digest channel,
                                                                  tls::JoinSecret secret) {
  AFI_CO_TRY(const std::unique_ptr<io::Directory> pki, platform_.disk.open_directory(scope, options_.pki_dir));
  AFI_CO_TRY(const bool is_ours, tls::has_authority_key(scope, *pki));
  if (!is_ours) co_return tls::make_enrolment_request(channel, secret, trust_.identity());
  AFI_CO_TRY(const tls::Authority authority, tls::read_authority(scope, *pki));
  co_return tls::make_enrolment_request(channel, secret, options_.host, authority);
}

io::Task<Result<DaemonTrust::Joined>> DaemonTrust::ask_at(io::Scope& scope, tls::RegistrationKey key,
                                                          io::Endpoint place) {
  AFI_CO_RESULT(auto context, PeerTrust::joining_client({.host = key.host, .fingerprint = key.authority}));
  io::Scope connecting(scope, options_.connect_timeout);
  AFI_CO_TRY(std::unique_ptr<io::Stream> raw, platform_.network.connect(connecting, place));
  AFI_CO_TRY(const std::unique_ptr<tls::TlsStream> stream,
             tls::TlsStream::establish(scope, std::move(raw), std::move(context),
                                       {.expected = key.host, .now = platform_.clock.now()}));
  AFI_CO_RESULT(const Digest channel, stream->export_key(tls::enrolment_exporter_label));
  AFI_CO_TRY(tls::EnrolmentRequest request, make_request(scope, channel, key.secret));
  io::Scope enrolling(scope, options_.enrol_timeout);
  AFI_CO_TRY(tls::EnrolmentAnswer answer, control::post_enrolment(enrolling, *stream, place.host, std::move(request)));
  AFI_CO_RESULT(tls::TrustAnchor anchor, tls::accept_enrolment(answer, key, platform_.clock.now()));
  if (answer.replication_port == 0) {
    co_return fail(ErrorCode::protocol, "join", "the replica named no replication port");
  }
  co_return Joined{.answer = std::move(answer), .anchor = std::move(anchor), .host = place.host};
}

// The first address where the replica answers. Another host at one of them is no reason not to try the next.
io::Task<Result<DaemonTrust::Joined>> DaemonTrust::ask_replica(io::Scope& scope, tls::RegistrationKey key,
                                                               std::vector<io::Endpoint> places) {
  Error first;
  for (const io::Endpoint& place : places) {
    auto asking = ask_at(scope, key, place);
    auto joined = co_await asking;
    if (joined) co_return joined;
    if (scope.is_interrupted()) co_return fail(scope.interruption("join"));
    Error error = at_replica(std::move(joined).error(), place);
    const bool may_go_on = error.code == ErrorCode::unreachable || error.code == ErrorCode::protocol ||
                           std::string_view(error.what) == "verify a certificate";
    if (!may_go_on) co_return fail(std::move(error));
    if (first.detail.empty()) first = std::move(error);
  }
  co_return fail(std::move(first));
}

io::Task<Result<PeerRow>> DaemonTrust::keep_replica(io::Scope& scope, Joined joined) {
  auto locking = changing_.acquire(scope);
  const auto lock = co_await locking;
  if (!lock) co_return std::unexpected(lock.error());
  AFI_CO_RESULT(PeerRow row, merge_peer(trust_.find(joined.anchor.host),
                                        {.anchor = joined.anchor,
                                         .name = joined.answer.host.name,
                                         .role = PeerRole::replica,
                                         .address = with_port(joined.host, joined.answer.replication_port),
                                         .kind = tls::EnrolmentKind::first,
                                         .now = platform_.clock.now()}));
  AFI_CO_STATUS(check_name_is_free(trust_.peers(), row));
  AFI_CO_TRY_STATUS(catalogue_.put_peer(scope, row));
  AFI_CO_STATUS(trust_.keep(row));
  log_.info("joined replica '" + row.name + "' (" + row.id.text() + ") at " + row.address);
  co_return row;
}

io::Task<Result<std::variant<host::PeerInfo, Plan>>> DaemonTrust::join(io::Scope& scope, control::Join command) {
  AFI_CO_RESULT(tls::RegistrationKey key, tls::parse_registration_key(command.key));
  if (key.host == options_.host.id) {
    co_return fail(ErrorCode::refused, "join",
                   "this key was made on this host; run 'afterimage enrol join' on the host that is to be the primary");
  }
  std::vector<io::Endpoint> places;
  if (command.address) {
    AFI_CO_RESULT(io::Endpoint place, io::Endpoint::parse(*command.address, key.addresses.front().port));
    places.push_back(std::move(place));
  } else {
    for (const tls::KeyAddress& address : key.addresses) places.push_back({.host = address.host, .port = address.port});
  }
  if (command.execution == Execution::dry_run) {
    Plan plan;
    plan.steps.push_back("connect to host " + key.host.text() + " at " + places.front().text() +
                         " and prove it by the fingerprint of the key");
    plan.steps.emplace_back("exchange the roots of both hosts, and remember it as a replica");
    if (platform_.clock.now() >= key.expires) {
      plan.steps.push_back("be refused, probably: the key expired at " + to_rfc3339(key.expires));
    }
    co_return std::variant<host::PeerInfo, Plan>(std::move(plan));
  }
  auto asking = ask_replica(scope, std::move(key), std::move(places));
  auto joined = co_await asking;
  if (!joined) {
    log_.warning("joining a replica failed: " + joined.error().text());
    co_return std::unexpected(std::move(joined).error());
  }
  AFI_CO_TRY(const PeerRow row, keep_replica(scope, std::move(*joined)));
  co_return std::variant<host::PeerInfo, Plan>(info_of(row));
}

// --- Letting in, on the replica.

io::Task<Result<tls::EnrolmentAnswer>> DaemonTrust::let_in(io::Scope& scope, tls::EnrolmentRequest request,
                                                           Digest channel) {
  auto locking = changing_.acquire(scope);
  const auto lock = co_await locking;
  if (!lock) co_return std::unexpected(lock.error());
  const WallTime now = platform_.clock.now();
  const Digest secret_digest = request.secret.digest();
  AFI_CO_TRY(const std::optional<catalogue::KeyRow> key, catalogue_.key(scope, secret_digest));
  std::optional<tls::KeyRecord> record;
  if (key) record = {.secret_digest = key->secret_digest, .expires = key->expires, .used_by = key->used_by};
  AFI_CO_RESULT(const tls::Enrolment enrolment, tls::decide_enrolment(request, record, channel, options_.host.id, now));
  AFI_CO_RESULT(const std::string store, choose_store(key->store));
  AFI_CO_RESULT(PeerRow row, merge_peer(trust_.find(enrolment.anchor.host), {.anchor = enrolment.anchor,
                                                                             .name = enrolment.name,
                                                                             .role = PeerRole::primary,
                                                                             .address = {},
                                                                             .kind = enrolment.kind,
                                                                             .now = now}));
  AFI_CO_TRY(std::optional<catalogue::PermissionRow> permission, catalogue_.permission(scope, row.id));
  // What an operator allowed since stays when only the answer was lost.
  const std::optional<catalogue::PermissionRow> before = permission;
  if (!permission || enrolment.kind == tls::EnrolmentKind::first) {
    permission = {.peer = row.id, .store = store, .machines_max = limits::machines_max};
  }
  AFI_CO_TRY_STATUS(catalogue_.complete_enrolment(scope, secret_digest, enrolment.joiner, row, *permission));
  AFI_CO_STATUS(trust_.keep(row));
  if (before && *before != *permission) end_sessions_under_old_permission(row.id);
  log_.info("host '" + row.name + "' (" + row.id.text() + ") has enrolled; its machines will lie in store '" + store +
            "'");
  AFI_CO_RESULT(std::string root_pem, trust_.identity().root.to_pem());
  co_return tls::EnrolmentAnswer{.host = options_.host,
                                 .root_pem = std::move(root_pem),
                                 .replication_port = options_.replication_port,
                                 .store = permission->store};
}

void DaemonTrust::end_sessions_under_old_permission(const HostId& peer) {
  trust_.sessions().end_all_of(peer, {.code = ErrorCode::unreachable,
                                      .what = "end a session",
                                      .detail = "what this host may do at the replica has changed; connect again"});
  options_.restricted(peer);
}

io::Task<Result<tls::EnrolmentAnswer>> DaemonTrust::enrol(io::Scope& scope, tls::EnrolmentRequest request,
                                                          Digest channel) {
  const std::string who = "'" + request.host.name + "' (" + request.host.id.text() + ")";
  auto letting_in = let_in(scope, std::move(request), channel);
  auto answer = co_await letting_in;
  if (!answer) log_.warning("host " + who + " is not enrolled: " + answer.error().text());
  co_return answer;
}

// --- Peers.

io::Task<Result<std::vector<host::PeerInfo>>> DaemonTrust::peers(io::Scope& scope) {
  AFI_CO_STATUS(scope.check());
  co_return trust_.infos();
}

// By name or by id. A name may be shared by several peers: it is what they called themselves.
Result<PeerRow> DaemonTrust::find_peer(const std::string& name) const {
  std::vector<const PeerRow*> found;
  for (const PeerRow& peer : trust_.peers()) {
    if (peer.id.text() == name) return peer;
    if (peer.name == name) found.push_back(&peer);
  }
  if (found.empty()) {
    return fail(ErrorCode::not_found, "find a peer",
                "this host has no peer '" + name + "'; 'afterimage peers' lists them");
  }
  if (found.size() == 1) return *found.front();
  std::vector<std::string> ids;
  ids.reserve(found.size());
  for (const PeerRow* peer : found) ids.push_back(peer->id.text());
  return fail(ErrorCode::conflict, "find a peer",
              "several peers are called '" + name + "'; name one by its id: " + joined_names(ids));
}

io::Task<Result<std::optional<Plan>>> DaemonTrust::revoke(io::Scope& scope, control::Revoke command) {
  AFI_CO_RESULT(const PeerRow peer, find_peer(command.peer));
  if (command.execution == Execution::dry_run) {
    Plan plan;
    plan.steps.push_back("trust host '" + peer.name + "' (" + peer.id.text() + ") no longer");
    plan.steps.push_back("end its " + std::to_string(trust_.sessions().count_of(peer.id)) + " session(s) now");
    plan.steps.emplace_back("keep its machines and their points");
    co_return std::optional<Plan>(std::move(plan));
  }
  auto locking = changing_.acquire(scope);
  const auto lock = co_await locking;
  if (!lock) co_return std::unexpected(lock.error());
  AFI_CO_TRY_STATUS(catalogue_.revoke_peer(scope, peer.id));
  log_.warning("host '" + peer.name + "' (" + peer.id.text() + ") is revoked");
  AFI_CO_STATUS(trust_.revoke(peer.id));
  options_.restricted(peer.id);
  co_return std::optional<Plan>();
}

}  // namespace afterimage::daemon
