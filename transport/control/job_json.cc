// SPDX-License-Identifier: Apache-2.0
// Jobs and their results. Which result a job has follows from its kind; a job that has not ended has none.
#include <nlohmann/json.hpp>

#include "io/base/limits.h"
#include "transport/control/answer_json.h"
#include "transport/control/answer_parts.h"
#include "transport/control/error_json.h"
#include "transport/control/names.h"

namespace afterimage::control {

using nlohmann::ordered_json;

namespace {

constexpr std::size_t damage_reports_max = 1000;

ordered_json json_of(std::monostate) { return {}; }

ordered_json json_of(const host::SyncResult& result) {
  return {{"machine", result.machine},
          {"sequence", result.sequence.value()},
          {"digest", result.digest.text()},
          {"changed_bytes", result.changed_bytes.value()},
          {"sent_bytes", result.sent_bytes.value()},
          {"seconds", seconds_of(result.seconds)}};
}

Result<host::SyncResult> sync_result_from(const ordered_json& value) {
  host::SyncResult result;
  ObjectReader in(value, answer_source);
  in.required("machine", result.machine);
  in.required("sequence", result.sequence);
  in.required("digest", result.digest);
  in.optional("changed_bytes", result.changed_bytes);
  in.optional("sent_bytes", result.sent_bytes);
  in.optional("seconds", result.seconds);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return result;
}

ordered_json json_of(const host::ProtectResult& result) {
  ordered_json disks = ordered_json::array();
  for (const host::DiskStatus& disk : result.disks) {
    ordered_json value = {{"machine", result.machine}};
    value.update(control::json_of(disk));
    disks.push_back(std::move(value));
  }
  return {{"machine", result.machine},
          {"first_point", result.first_point ? json_of(*result.first_point) : ordered_json()},
          {"disks", std::move(disks)}};
}

Result<host::ProtectResult> protect_result_from(const ordered_json& value) {
  host::ProtectResult result;
  ObjectReader in(value, answer_source);
  in.required("machine", result.machine);
  if (const ordered_json* point = in.object("first_point")) in.take_into(result.first_point, sync_result_from(*point));
  read_list(in, "disks", limits::disks_max, result.disks, disk_from);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return result;
}

ordered_json json_of(const host::RestoreResult& result) {
  return {
      {"machine", result.machine}, {"sequence", result.sequence.value()}, {"disk", result.disk},
      {"path", result.path},       {"size_bytes", result.size.value()},   {"written_bytes", result.written.value()}};
}

Result<host::RestoreResult> restore_result_from(const ordered_json& value) {
  host::RestoreResult result;
  ObjectReader in(value, answer_source);
  in.required("machine", result.machine);
  in.required("sequence", result.sequence);
  in.required("disk", result.disk);
  in.required("path", result.path);
  in.optional("size_bytes", result.size);
  in.optional("written_bytes", result.written);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return result;
}

// The extent in bytes of the disk: an operator has no use for blocks.
ordered_json json_of(const host::DamageReport& report) {
  ordered_json value = {{"machine", report.machine},
                        {"disk", report.disk},
                        {"first_point", report.first_point.value()},
                        {"last_point", report.last_point.value()}};
  if (report.extent) {
    value["offset_bytes"] = report.extent->first.value() << block_shift;
    value["length_bytes"] = report.extent->count.value() << block_shift;
  }
  value["what"] = report.what;
  return value;
}

Result<host::DamageReport> damage_from(const ordered_json& value) {
  host::DamageReport report;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  ObjectReader in(value, answer_source);
  in.required("machine", report.machine);
  in.optional("disk", report.disk);
  in.optional("first_point", report.first_point);
  in.optional("last_point", report.last_point);
  in.optional("offset_bytes", offset);
  in.optional("length_bytes", length);
  in.required("what", report.what);
  if (in.has("offset_bytes")) {
    report.extent = Extent{.first = BlockIndex(offset >> block_shift), .count = BlockCount(length >> block_shift)};
  }
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return report;
}

ordered_json json_of(const host::VerifyResult& result) {
  ordered_json damage = ordered_json::array();
  for (const host::DamageReport& report : result.damage) damage.push_back(json_of(report));
  return {{"machine", result.machine},
          {"points_verified", result.points_verified},
          {"points_damaged", result.points_damaged},
          {"read_bytes", result.bytes_read.value()},
          {"damage", std::move(damage)}};
}

Result<host::VerifyResult> verify_result_from(const ordered_json& value) {
  host::VerifyResult result;
  ObjectReader in(value, answer_source);
  in.required("machine", result.machine);
  in.required("points_verified", result.points_verified);
  in.required("points_damaged", result.points_damaged);
  in.optional("read_bytes", result.bytes_read);
  read_list(in, "damage", damage_reports_max, result.damage, damage_from);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return result;
}

ordered_json json_of(const host::TransferResult& result) {
  return {{"machine", result.machine},
          {"path", result.path},
          {"content_bytes", result.bytes.value()},
          {"stored_bytes", result.stored_bytes.value()},
          {"sequence", result.sequence ? ordered_json(result.sequence->value()) : ordered_json()},
          {"digest", result.digest ? ordered_json(result.digest->text()) : ordered_json()}};
}

Result<host::TransferResult> transfer_result_from(const ordered_json& value) {
  host::TransferResult result;
  Sequence sequence;
  Digest digest;
  ObjectReader in(value, answer_source);
  in.required("machine", result.machine);
  in.optional("path", result.path);
  in.optional("content_bytes", result.bytes);
  in.optional("stored_bytes", result.stored_bytes);
  in.optional("sequence", sequence);
  in.optional("digest", digest);
  if (in.has("sequence")) result.sequence = sequence;
  if (in.has("digest")) result.digest = digest;
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return result;
}

ordered_json json_of(const host::RemovalResult& result) {
  return {{"machine", result.machine},
          {"replica_removed", result.replica_removed},
          {"points_removed", result.points},
          {"freed_bytes", result.freed.value()}};
}

Result<host::RemovalResult> removal_result_from(const ordered_json& value) {
  host::RemovalResult result;
  ObjectReader in(value, answer_source);
  in.required("machine", result.machine);
  in.optional("replica_removed", result.replica_removed);
  in.optional("points_removed", result.points);
  in.optional("freed_bytes", result.freed);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return result;
}

template <typename T>
Result<host::JobResult> as_result(Result<T> result) {
  if (!result) return std::unexpected(std::move(result).error());
  return host::JobResult(std::move(*result));
}

Result<host::JobResult> result_from(const std::string& kind, const ordered_json& value) {
  if (kind == "sync") return as_result(sync_result_from(value));
  if (kind == "protect") return as_result(protect_result_from(value));
  if (kind == "restore") return as_result(restore_result_from(value));
  if (kind == "verify") return as_result(verify_result_from(value));
  if (kind == "export" || kind == "import") return as_result(transfer_result_from(value));
  if (kind == "unprotect" || kind == "remove") return as_result(removal_result_from(value));
  return host::JobResult{};
}

}  // namespace

ordered_json json_of(const host::JobResult& result) {
  return std::visit([](const auto& value) { return json_of(value); }, result);
}

ordered_json json_of(const host::JobInfo& job) {
  return {{"id", job.id},
          {"kind", job.kind},
          {"machine", job.machine},
          {"state", name_in(job_state_names, job.state)},
          {"phase", job.phase},
          {"bytes_done", job.bytes_done},
          {"bytes_total", job.bytes_total != 0 ? ordered_json(job.bytes_total) : ordered_json()},
          {"started", time_or_null(job.started)},
          {"finished", job.finished ? time_or_null(*job.finished) : ordered_json()},
          {"error", job.error ? json_of(*job.error) : ordered_json()},
          {"warnings", job.warnings},
          {"result", json_of(job.result)}};
}

Result<host::JobInfo> job_from(const ordered_json& value) {
  host::JobInfo job;
  ObjectReader in(value, answer_source);
  in.required("id", job.id);
  in.required("kind", job.kind);
  in.optional("machine", job.machine);
  in.required("state", job_state_names, job.state);
  in.optional("phase", job.phase);
  in.optional("bytes_done", job.bytes_done);
  in.optional("bytes_total", job.bytes_total);
  in.optional("started", job.started);
  in.optional("finished", job.finished);
  if (const ordered_json* error = in.object("error")) job.error = error_from(*error);
  read_texts(in, "warnings", job.warnings);
  if (const ordered_json* result = in.object("result")) in.take_into(job.result, result_from(job.kind, *result));
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return job;
}

ordered_json jobs_document(const std::vector<host::JobInfo>& jobs) {
  ordered_json list = ordered_json::array();
  for (const host::JobInfo& job : jobs) list.push_back(json_of(job));
  return {{"jobs", std::move(list)}};
}

Result<std::vector<host::JobInfo>> jobs_from(const ordered_json& document) {
  std::vector<host::JobInfo> jobs;
  ObjectReader in(document, answer_source);
  in.require("jobs");
  read_list(in, "jobs", answer_items_max, jobs, job_from);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return jobs;
}

}  // namespace afterimage::control
