// SPDX-License-Identifier: Apache-2.0
#include "transport/control/answer_json.h"

#include <nlohmann/json.hpp>

#include "io/base/limits.h"
#include "transport/control/answer_parts.h"
#include "transport/control/names.h"

namespace afterimage::control {

using nlohmann::ordered_json;

namespace {

ordered_json json_of(const host::CycleInfo& cycle) {
  return {{"seconds", seconds_of(cycle.seconds)},
          {"changed_bytes", cycle.changed_bytes.value()},
          {"sent_bytes", cycle.sent_bytes.value()},
          {"stored_bytes", cycle.stored_bytes.value()}};
}

Result<host::CycleInfo> cycle_from(const ordered_json& value) {
  host::CycleInfo cycle;
  ObjectReader in(value, answer_source);
  in.required("seconds", cycle.seconds);
  in.required("changed_bytes", cycle.changed_bytes);
  in.required("sent_bytes", cycle.sent_bytes);
  in.optional("stored_bytes", cycle.stored_bytes);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return cycle;
}

ordered_json json_of(const host::CertificateInfo& certificate) {
  return {{"ends", time_or_null(certificate.ends)}, {"left_days", certificate.left_days}};
}

Result<host::CertificateInfo> certificate_from(const ordered_json& value) {
  host::CertificateInfo certificate;
  ObjectReader in(value, answer_source);
  in.optional("ends", certificate.ends);
  in.required("left_days", certificate.left_days);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return certificate;
}

Result<host::HostInfo> host_from(const ordered_json& value) {
  host::HostInfo host;
  ObjectReader in(value, answer_source);
  in.optional("id", host.id);
  in.required("name", host.name);
  in.required("health", health_names, host.health);
  read_texts(in, "reasons", host.reasons);
  if (const ordered_json* leaf = in.object("certificate")) in.take_into(host.certificate, certificate_from(*leaf));
  if (const ordered_json* root = in.object("authority")) in.take_into(host.authority, certificate_from(*root));
  in.optional("renewal", renewal_names, host.renewal);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return host;
}

Result<host::PointInfo> point_from(const ordered_json& value) {
  host::PointInfo point;
  ObjectReader in(value, answer_source);
  in.required("sequence", point.sequence);
  in.required("time", point.time);
  in.optional("received", point.received);
  in.optional("consistency", consistency_names, point.consistency);
  in.required("digest", point.digest);
  in.optional("changed_bytes", point.changed_bytes);
  in.optional("stored_bytes", point.stored_bytes);
  in.optional("verified_at", point.verified_at);
  in.optional("damage", point.damage);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return point;
}

Result<host::MachineStatus> machine_from(const ordered_json& value) {
  host::MachineStatus machine;
  ObjectReader in(value, answer_source);
  in.required("name", machine.name);
  in.optional("id", machine.id);
  in.required("role", role_names, machine.role);
  in.optional("peer", machine.peer);
  in.required("state", machine.state);
  in.required("health", health_names, machine.health);
  read_texts(in, "reasons", machine.reasons);
  in.optional("rpo_lag_seconds", machine.rpo_lag);
  in.optional("generation", machine.generation);
  in.optional("points", machine.points);
  if (const ordered_json* point = in.object("latest_point")) in.take_into(machine.latest_point, point_from(*point));
  if (const ordered_json* cycle = in.object("last_cycle")) in.take_into(machine.last_cycle, cycle_from(*cycle));
  in.optional("compression", machine.compression);
  read_list(in, "disks", limits::disks_max, machine.disks, disk_from);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return machine;
}

}  // namespace

ordered_json json_of(const host::DiskStatus& disk) {
  return {{"name", disk.name},
          {"path", disk.path},
          {"size_bytes", disk.size.value()},
          {"dirty_bytes", disk.dirty ? ordered_json(disk.dirty->value()) : ordered_json()}};
}

Result<host::DiskStatus> disk_from(const ordered_json& value) {
  host::DiskStatus disk;
  ObjectReader in(value, answer_source);
  in.required("name", disk.name);
  in.optional("path", disk.path);
  in.optional("size_bytes", disk.size);
  in.optional("dirty_bytes", disk.dirty);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return disk;
}

ordered_json json_of(const host::PointInfo& point) {
  ordered_json value = {{"sequence", point.sequence.value()},
                        {"time", to_rfc3339(point.time)},
                        {"received", time_or_null(point.received)},
                        {"consistency", name_in(consistency_names, point.consistency)},
                        {"digest", point.digest.text()},
                        {"changed_bytes", point.changed_bytes.value()},
                        {"stored_bytes", point.stored_bytes.value()},
                        {"verified_at", point.verified_at ? time_or_null(*point.verified_at) : ordered_json()}};
  if (!point.damage.empty()) value["damage"] = point.damage;
  return value;
}

ordered_json json_of(const host::MachineStatus& machine) {
  ordered_json disks = ordered_json::array();
  for (const host::DiskStatus& disk : machine.disks) disks.push_back(json_of(disk));
  return {{"name", machine.name},
          {"id", machine.id.text()},
          {"role", name_in(role_names, machine.role)},
          {"peer", machine.peer},
          {"state", machine.state},
          {"health", name_in(health_names, machine.health)},
          {"reasons", machine.reasons},
          {"rpo_lag_seconds", machine.rpo_lag ? ordered_json(seconds_of(*machine.rpo_lag)) : ordered_json()},
          {"generation", machine.generation},
          {"latest_point", machine.latest_point ? json_of(*machine.latest_point) : ordered_json()},
          {"points", machine.points},
          {"last_cycle", machine.last_cycle ? json_of(*machine.last_cycle) : ordered_json()},
          {"compression", machine.compression.empty() ? ordered_json() : ordered_json(machine.compression)},
          {"disks", std::move(disks)}};
}

ordered_json json_of(const host::HostInfo& host) {
  return {{"id", host.id.text()},
          {"name", host.name},
          {"health", name_in(health_names, host.health)},
          {"reasons", host.reasons},
          {"certificate", json_of(host.certificate)},
          {"authority", json_of(host.authority)},
          {"renewal", name_in(renewal_names, host.renewal)}};
}

ordered_json json_of(const host::PeerInfo& peer) {
  return {{"id", peer.id.text()},
          {"name", peer.name},
          {"address", peer.address},
          {"role", peer.role},
          {"revoked", peer.revoked},
          {"joined", time_or_null(peer.joined)},
          {"last_seen", peer.last_seen ? time_or_null(*peer.last_seen) : ordered_json()},
          {"certificate", peer.certificate ? json_of(*peer.certificate) : ordered_json()},
          {"authority", peer.authority ? json_of(*peer.authority) : ordered_json()},
          {"health", name_in(health_names, peer.health)},
          {"reasons", peer.reasons}};
}

Result<host::PeerInfo> peer_from(const ordered_json& value) {
  host::PeerInfo peer;
  ObjectReader in(value, answer_source);
  in.required("id", peer.id);
  in.required("name", peer.name);
  in.optional("address", peer.address);
  in.optional("role", peer.role);
  in.optional("revoked", peer.revoked);
  in.optional("joined", peer.joined);
  in.optional("last_seen", peer.last_seen);
  if (const ordered_json* certificate = in.object("certificate")) {
    in.take_into(peer.certificate, certificate_from(*certificate));
  }
  if (const ordered_json* authority = in.object("authority")) {
    in.take_into(peer.authority, certificate_from(*authority));
  }
  in.optional("health", health_names, peer.health);
  read_texts(in, "reasons", peer.reasons);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return peer;
}

ordered_json json_of(const host::Plan& plan) {
  return {{"steps", plan.steps}, {"bytes", plan.bytes ? ordered_json(plan.bytes->value()) : ordered_json()}};
}

ordered_json json_of(const IssuedKey& key) {
  return {{"key", key.key}, {"expires", to_rfc3339(key.expires)}, {"store", key.store}};
}

Result<IssuedKey> issued_key_from(const ordered_json& value) {
  IssuedKey key;
  ObjectReader in(value, answer_source);
  in.required("key", key.key);
  in.required("expires", key.expires);
  in.optional("store", key.store);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return key;
}

ordered_json json_of(const VersionInfo& version) {
  return {{"version", version.version}, {"api", 1}, {"host", version.host_name}, {"host_id", version.host_id.text()}};
}

Result<VersionInfo> version_from(const ordered_json& value) {
  VersionInfo version;
  ObjectReader in(value, answer_source);
  in.required("version", version.version);
  in.required("host", version.host_name);
  in.required("host_id", version.host_id);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return version;
}

ordered_json json_of(const MachinePoints& points) {
  ordered_json list = ordered_json::array();
  for (const host::PointInfo& point : points.points) list.push_back(json_of(point));
  return {{"machine", points.machine}, {"points", std::move(list)}};
}

Result<MachinePoints> points_from(const ordered_json& document) {
  MachinePoints points;
  ObjectReader in(document, answer_source);
  in.required("machine", points.machine);
  in.require("points");
  read_list(in, "points", answer_items_max, points.points, point_from);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return points;
}

ordered_json status_document(const HostStatus& status) {
  ordered_json list = ordered_json::array();
  for (const host::MachineStatus& machine : status.machines) list.push_back(json_of(machine));
  return {{"host", json_of(status.host)}, {"machines", std::move(list)}};
}

Result<HostStatus> status_from(const ordered_json& document) {
  HostStatus status;
  ObjectReader in(document, answer_source);
  if (const ordered_json* host = in.object("host")) in.take_into(status.host, host_from(*host));
  in.require("machines");
  read_list(in, "machines", answer_items_max, status.machines, machine_from);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return status;
}

ordered_json peers_document(const std::vector<host::PeerInfo>& peers) {
  ordered_json list = ordered_json::array();
  for (const host::PeerInfo& peer : peers) list.push_back(json_of(peer));
  return {{"peers", std::move(list)}};
}

Result<std::vector<host::PeerInfo>> peers_from(const ordered_json& document) {
  std::vector<host::PeerInfo> peers;
  ObjectReader in(document, answer_source);
  in.require("peers");
  read_list(in, "peers", answer_items_max, peers, peer_from);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return peers;
}

ordered_json plan_document(const host::Plan& plan) { return {{"plan", json_of(plan)}}; }

Result<host::Plan> plan_from(const ordered_json& document) {
  host::Plan plan;
  ObjectReader outer(document, answer_source);
  outer.require("plan");
  const ordered_json* value = outer.object("plan");
  AFI_TRY_STATUS(outer.finish(UnknownMembers::ignore));
  ObjectReader in(*value, answer_source);
  read_texts(in, "steps", plan.steps);
  in.optional("bytes", plan.bytes);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return plan;
}

ordered_json started_document(const host::Started& started) {
  if (const auto* plan = std::get_if<host::Plan>(&started)) return plan_document(*plan);
  return {{"job", std::get<host::JobId>(started)}};
}

Result<host::Started> started_from(const ordered_json& document) {
  if (document.is_object() && document.contains("plan")) {
    AFI_TRY(host::Plan plan, plan_from(document));
    return host::Started(std::move(plan));
  }
  host::JobId job = 0;
  ObjectReader in(document, answer_source);
  in.required("job", job);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return host::Started(job);
}

}  // namespace afterimage::control
