// SPDX-License-Identifier: Apache-2.0
#include "transport/control/command_json.h"

#include <nlohmann/json.hpp>

#include "io/base/limits.h"
#include "transport/control/names.h"

namespace afterimage::control {

using host::Execution;
using nlohmann::ordered_json;

namespace {

constexpr ObjectReader::Source request_source = {.what = "the request", .code = ErrorCode::invalid_argument};

void read_execution(ObjectReader& in, Execution& execution) {
  bool dry_run = false;
  in.optional("dry_run", dry_run);
  if (dry_run) execution = Execution::dry_run;
}

void write_execution(ordered_json& body, Execution execution) {
  if (execution == Execution::dry_run) body["dry_run"] = true;
}

void read_path(ObjectReader& in, std::string_view name, std::string& path) {
  in.required(name, path);
  if (!path.starts_with('/')) in.refuse(name, "has to be an absolute path");
}

void read_texts(ObjectReader& in, std::string_view name, std::size_t items_max, std::vector<std::string>& out) {
  const ordered_json* list = in.list(name, items_max);
  if (list == nullptr) return;
  for (const ordered_json& item : *list) {
    const ordered_json wrapped = {{"entry", item}};
    ObjectReader entry(wrapped, request_source);
    entry.required("entry", out.emplace_back());
    in.take(entry.finish(UnknownMembers::refuse));
  }
}

Result<host::ProtectDisk> protect_disk_from(const ordered_json& value) {
  host::ProtectDisk disk;
  ObjectReader in(value, {.what = "the request's disk", .code = ErrorCode::invalid_argument});
  in.required("name", disk.name);
  read_path(in, "path", disk.path);
  in.optional("track", tracker_names, disk.tracker);
  AFI_TRY_STATUS(in.finish(UnknownMembers::refuse));
  return disk;
}

}  // namespace

ordered_json json_of(const host::Protect& command) {
  ordered_json disks = ordered_json::array();
  for (const host::ProtectDisk& disk : command.disks) {
    disks.push_back({{"name", disk.name}, {"path", disk.path}, {"track", name_in(tracker_names, disk.tracker)}});
  }
  ordered_json body = {{"machine", command.machine},
                       {"replica", command.replica},
                       {"disks", std::move(disks)},
                       {"seed", name_in(seed_names, command.seed)}};
  write_execution(body, command.execution);
  return body;
}

Result<host::Protect> protect_from(const ordered_json& body) {
  host::Protect command;
  ObjectReader in(body, request_source);
  in.required("machine", command.machine);
  in.required("replica", command.replica);
  in.optional("seed", seed_names, command.seed);
  in.require("disks");
  if (const ordered_json* disks = in.list("disks", limits::disks_max)) {
    for (const ordered_json& value : *disks) {
      auto disk = protect_disk_from(value);
      if (!disk) return std::unexpected(disk.error());
      command.disks.push_back(std::move(*disk));
    }
    if (command.disks.empty()) in.refuse("disks", "has to name a disk");
  }
  read_execution(in, command.execution);
  AFI_TRY_STATUS(in.finish(UnknownMembers::refuse));
  return command;
}

ordered_json json_of(const host::Sync& command) {
  ordered_json body = ordered_json::object();
  write_execution(body, command.execution);
  return body;
}

Result<host::Sync> sync_from(std::string machine, const ordered_json& body) {
  host::Sync command{.machine = std::move(machine)};
  AFI_TRY(command.execution, execution_from(body));
  return command;
}

ordered_json json_of(const host::Remove& command) {
  ordered_json body = ordered_json::object();
  if (command.confirmation == host::Confirmation::given) body["confirmed"] = true;
  write_execution(body, command.execution);
  return body;
}

Result<host::Remove> remove_from(std::string machine, const ordered_json& body) {
  host::Remove command{.machine = std::move(machine)};
  bool confirmed = false;
  ObjectReader in(body, request_source);
  in.optional("confirmed", confirmed);
  read_execution(in, command.execution);
  AFI_TRY_STATUS(in.finish(UnknownMembers::refuse));
  if (confirmed) command.confirmation = host::Confirmation::given;
  return command;
}

ordered_json json_of(const host::Restore& command) {
  ordered_json body = {{"point", command.point}, {"disk", command.disk}, {"to", command.to}};
  if (command.target == host::TargetExists::overwrite) body["force"] = true;
  write_execution(body, command.execution);
  return body;
}

Result<host::Restore> restore_from(std::string machine, const ordered_json& body) {
  host::Restore command{.machine = std::move(machine)};
  bool force = false;
  ObjectReader in(body, request_source);
  in.optional("point", command.point);
  in.required("disk", command.disk);
  read_path(in, "to", command.to);
  in.optional("force", force);
  read_execution(in, command.execution);
  AFI_TRY_STATUS(in.finish(UnknownMembers::refuse));
  if (force) command.target = host::TargetExists::overwrite;
  return command;
}

ordered_json json_of(const host::Verify& command) {
  ordered_json body = ordered_json::object();
  if (command.point) body["point"] = *command.point;
  return body;
}

Result<host::Verify> verify_from(std::string machine, const ordered_json& body) {
  host::Verify command{.machine = std::move(machine)};
  ObjectReader in(body, request_source);
  in.optional("point", command.point);
  AFI_TRY_STATUS(in.finish(UnknownMembers::refuse));
  return command;
}

ordered_json json_of(const host::Export& command) {
  ordered_json body = {{"to", command.to}};
  write_execution(body, command.execution);
  return body;
}

Result<host::Export> export_from(std::string machine, const ordered_json& body) {
  host::Export command{.machine = std::move(machine)};
  ObjectReader in(body, request_source);
  read_path(in, "to", command.to);
  read_execution(in, command.execution);
  AFI_TRY_STATUS(in.finish(UnknownMembers::refuse));
  return command;
}

ordered_json json_of(const host::Import& command) {
  ordered_json body = {{"from", command.from}};
  write_execution(body, command.execution);
  return body;
}

Result<host::Import> import_from(const ordered_json& body) {
  host::Import command;
  ObjectReader in(body, request_source);
  read_path(in, "from", command.from);
  read_execution(in, command.execution);
  AFI_TRY_STATUS(in.finish(UnknownMembers::refuse));
  return command;
}

ordered_json json_of(const MakeKey& command) {
  ordered_json body = {{"expires_seconds", seconds_of(command.expires)}};
  if (!command.store.empty()) body["store"] = command.store;
  if (!command.addresses.empty()) body["addresses"] = command.addresses;
  write_execution(body, command.execution);
  return body;
}

Result<MakeKey> make_key_from(const ordered_json& body) {
  MakeKey command;
  ObjectReader in(body, request_source);
  in.optional("expires_seconds", command.expires);
  if (command.expires < std::chrono::seconds(1)) in.refuse("expires_seconds", "has to be at least 1");
  in.optional("store", command.store);
  read_texts(in, "addresses", tls::key_addresses_max, command.addresses);
  read_execution(in, command.execution);
  AFI_TRY_STATUS(in.finish(UnknownMembers::refuse));
  return command;
}

ordered_json json_of(const Join& command) {
  ordered_json body = {{"key", command.key}};
  if (command.address) body["address"] = *command.address;
  write_execution(body, command.execution);
  return body;
}

Result<Join> join_from(const ordered_json& body) {
  Join command;
  ObjectReader in(body, request_source);
  in.required("key", command.key);
  in.optional("address", command.address);
  read_execution(in, command.execution);
  AFI_TRY_STATUS(in.finish(UnknownMembers::refuse));
  return command;
}

Result<Execution> execution_from(const ordered_json& body) {
  Execution execution = Execution::real;
  ObjectReader in(body, request_source);
  read_execution(in, execution);
  AFI_TRY_STATUS(in.finish(UnknownMembers::refuse));
  return execution;
}

ordered_json json_of(const tls::EnrolmentRequest& request) {
  ordered_json body = {{"secret", request.secret.text()},
                       {"host_id", request.host.id.text()},
                       {"host_name", request.host.name},
                       {"root_pem", request.root_pem}};
  if (!request.certificate_pem.empty()) body["certificate_pem"] = request.certificate_pem;
  body["proof"] = to_hex(request.proof);
  return body;
}

Result<tls::EnrolmentRequest> enrolment_request_from(const ordered_json& body) {
  tls::EnrolmentRequest request;
  std::string secret;
  std::string proof;
  ObjectReader in(body, request_source);
  in.required("secret", secret);
  in.required("host_id", request.host.id);
  in.required("host_name", request.host.name);
  in.require("root_pem");
  in.long_text("root_pem", tls::pem_bytes_max, request.root_pem);
  in.long_text("certificate_pem", tls::pem_bytes_max, request.certificate_pem);
  in.required("proof", proof);
  AFI_TRY_STATUS(in.finish(UnknownMembers::refuse));
  AFI_TRY(request.secret, tls::JoinSecret::parse(secret));
  auto raw = from_hex(proof);
  if (!raw || raw->size() > tls::proof_bytes_max) {
    return fail(ErrorCode::invalid_argument, "read an enrolment",
                "the request: 'proof' has to be hexadecimal, and short");
  }
  request.proof = std::move(*raw);
  return request;
}

ordered_json json_of(const tls::EnrolmentAnswer& answer) {
  return {{"host_id", answer.host.id.text()},
          {"host_name", answer.host.name},
          {"root_pem", answer.root_pem},
          {"replication_port", answer.replication_port},
          {"store", answer.store}};
}

Result<tls::EnrolmentAnswer> enrolment_answer_from(const ordered_json& body) {
  tls::EnrolmentAnswer answer;
  std::uint64_t port = 0;
  ObjectReader in(body, {.what = "the answer to the enrolment", .code = ErrorCode::protocol});
  in.required("host_id", answer.host.id);
  in.required("host_name", answer.host.name);
  in.require("root_pem");
  in.long_text("root_pem", tls::pem_bytes_max, answer.root_pem);
  in.required("replication_port", port);
  in.optional("store", answer.store);
  if (port == 0 || port > 65535) in.refuse("replication_port", "is no port");
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  answer.replication_port = static_cast<std::uint16_t>(port);
  return answer;
}

}  // namespace afterimage::control
