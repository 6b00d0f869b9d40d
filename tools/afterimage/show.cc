// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimage/show.h"

#include <fmt/format.h>

#include "tools/afterimage/words.h"
#include "transport/control/names.h"

namespace afterimage::cli {

using control::name_in;

namespace {

std::string health_text(host::Health health, Colours colours) {
  std::string name = name_in(control::health_names, health);
  if (colours == Colours::no) return name;
  switch (health) {
    case host::Health::normal: return "\x1b[32m" + name + "\x1b[0m";
    case host::Health::warning: return "\x1b[33m" + name + "\x1b[0m";
    case host::Health::critical: return "\x1b[31m" + name + "\x1b[0m";
  }
  return name;
}

// Whose, how bad, why: a line for each.
std::string reasons_text(const std::string& name, host::Health health, const std::vector<std::string>& reasons,
                         Colours colours) {
  std::string text;
  for (const std::string& reason : reasons) {
    text += plain_text(name) + ": " + health_text(health, colours) + ": " + plain_text(reason) + "\n";
  }
  return text;
}

std::string left_text(const std::optional<host::CertificateInfo>& certificate) {
  return certificate ? std::to_string(certificate->left_days) + " days" : "-";
}

std::string lag_text(const host::MachineStatus& machine) {
  return machine.rpo_lag ? duration_text(*machine.rpo_lag) : "-";
}

std::string cycle_text(const host::CycleInfo& cycle) {
  std::string text = fmt::format("{} changed, {} sent, {}", bytes_text(cycle.changed_bytes.value()),
                                 bytes_text(cycle.sent_bytes.value()), duration_text(cycle.seconds));
  const double seconds = std::chrono::duration<double>(cycle.seconds).count();
  if (seconds >= 0.001) {
    const double rate = static_cast<double>(cycle.sent_bytes.value()) / seconds;
    text += fmt::format(" ({}/s)", bytes_text(static_cast<std::uint64_t>(rate)));
  }
  return text;
}

std::string short_digest(const Digest& digest) { return digest.text().substr(0, 12); }

std::string sync_text(const host::SyncResult& result) {
  return fmt::format("{}: point {} ({}), {} changed, {} sent, {}\n", result.machine, result.sequence.value(),
                     short_digest(result.digest), bytes_text(result.changed_bytes.value()),
                     bytes_text(result.sent_bytes.value()), duration_text(result.seconds));
}

std::string protect_text(const host::ProtectResult& result) {
  if (result.first_point) return "protected " + sync_text(*result.first_point);
  return result.machine + " awaits its seed: 'afterimage export " + result.machine +
         " --to DIR' here, 'afterimage import DIR' on the replica\n";
}

std::string restore_text(const host::RestoreResult& result) {
  return fmt::format("restored disk {} of {} at point {} to {}: {}, {} of it written\n", result.disk, result.machine,
                     result.sequence.value(), result.path, bytes_text(result.size.value()),
                     bytes_text(result.written.value()));
}

std::string damage_text(const host::DamageReport& report) {
  std::string text = "damaged: " + report.machine;
  if (!report.disk.empty()) text += " disk " + report.disk;
  text += report.first_point == report.last_point
              ? fmt::format(" point {}", report.first_point.value())
              : fmt::format(" points {} to {}", report.first_point.value(), report.last_point.value());
  if (report.extent) {
    text += fmt::format(" at byte {}, {} bytes", report.extent->first.value() << block_shift,
                        report.extent->count.value() << block_shift);
  }
  return plain_text(text + ": " + report.what) + "\n";
}

std::string verify_text(const host::VerifyResult& result) {
  std::string text;
  for (const host::DamageReport& report : result.damage) text += damage_text(report);
  return text + fmt::format("{}: {} points verified, {} damaged, {} read\n", result.machine, result.points_verified,
                            result.points_damaged, bytes_text(result.bytes_read.value()));
}

std::string transfer_text(const host::JobInfo& job, const host::TransferResult& result) {
  std::string text = fmt::format("{}ed {}: {} of content, {} on the medium", job.kind, result.machine,
                                 bytes_text(result.bytes.value()), bytes_text(result.stored_bytes.value()));
  if (result.sequence) text += fmt::format(", point {}", result.sequence->value());
  if (result.digest) text += fmt::format(" ({})", short_digest(*result.digest));
  return text + (result.path.empty() ? "\n" : ", " + result.path + "\n");
}

std::string removal_text(const host::JobInfo& job, const host::RemovalResult& result) {
  if (job.kind == "remove") {
    return fmt::format("the replica of {} is removed, {} points with it; about {} are free again\n", result.machine,
                       result.points, bytes_text(result.freed.value()));
  }
  return result.machine + " is no longer protected; its points on the replica " +
         (result.replica_removed ? "are deleted\n" : "stay\n");
}

}  // namespace

std::string status_text(const control::HostStatus& status, Colours colours) {
  std::string reasons = reasons_text("this host", status.host.health, status.host.reasons, colours);
  if (status.machines.empty()) return "no machine is protected here, and none is replicated to here\n" + reasons;
  Table table({{"MACHINE"},
               {"ROLE"},
               {"PEER"},
               {"STATE"},
               {"LAG", Align::right},
               {"POINTS", Align::right},
               {"LAST CYCLE"},
               {"HEALTH"}});
  for (const host::MachineStatus& machine : status.machines) {
    table.add({machine.name, name_in(control::role_names, machine.role), machine.peer, machine.state, lag_text(machine),
               std::to_string(machine.points), machine.last_cycle ? cycle_text(*machine.last_cycle) : "-",
               name_in(control::health_names, machine.health)});
    reasons += reasons_text(machine.name, machine.health, machine.reasons, colours);
  }
  return table.text() + reasons;
}

std::string machine_text(const host::MachineStatus& machine, Colours colours) {
  std::string text =
      fmt::format("{} ({}, {} {})\n", plain_text(machine.name), name_in(control::role_names, machine.role),
                  machine.role == host::Role::primary ? "replicates to" : "replicated from", plain_text(machine.peer));
  text += fmt::format("  health      {}\n", health_text(machine.health, colours));
  for (const std::string& reason : machine.reasons) text += "              " + plain_text(reason) + "\n";
  text += fmt::format("  state       {}\n", plain_text(machine.state));
  text += fmt::format("  lag         {}\n", lag_text(machine));
  text += fmt::format("  points      {}\n", machine.points);
  if (machine.latest_point) {
    const host::PointInfo& point = *machine.latest_point;
    text +=
        fmt::format("  latest      point {} of {}, {}-consistent, {}\n", point.sequence.value(), time_text(point.time),
                    name_in(control::consistency_names, point.consistency), point.digest.text());
  }
  if (machine.last_cycle) text += "  last cycle  " + cycle_text(*machine.last_cycle) + "\n";
  if (!machine.compression.empty()) text += "  compressed  " + plain_text(machine.compression) + "\n";
  if (machine.disks.empty()) return text;
  Table table({{"  DISK"}, {"SIZE", Align::right}, {"DIRTY", Align::right}, {"PATH"}});
  for (const host::DiskStatus& disk : machine.disks) {
    table.add({"  " + disk.name, bytes_text(disk.size.value()), disk.dirty ? bytes_text(disk.dirty->value()) : "-",
               disk.path});
  }
  return text + table.text();
}

std::string points_text(const control::MachinePoints& points) {
  if (points.points.empty()) return plain_text(points.machine) + " has no recovery point yet\n";
  Table table({{"POINT", Align::right},
               {"TIME"},
               {"RECEIVED"},
               {"CONSISTENCY"},
               {"CHANGED", Align::right},
               {"STORED", Align::right},
               {"VERIFIED"},
               {"DIGEST"}});
  for (const host::PointInfo& point : points.points) {
    table.add({std::to_string(point.sequence.value()), time_text(point.time), time_text(point.received),
               name_in(control::consistency_names, point.consistency), bytes_text(point.changed_bytes.value()),
               bytes_text(point.stored_bytes.value()),
               !point.damage.empty() ? "DAMAGED: " + point.damage : time_text(point.verified_at.value_or(WallTime{})),
               short_digest(point.digest)});
  }
  return table.text();
}

std::string jobs_text(const std::vector<host::JobInfo>& jobs) {
  if (jobs.empty()) return "no job has run since the daemon started\n";
  Table table({{"JOB", Align::right}, {"KIND"}, {"MACHINE"}, {"STATE"}, {"DONE", Align::right}, {"STARTED"}, {"WHAT"}});
  for (const host::JobInfo& job : jobs) {
    std::string done = bytes_text(job.bytes_done);
    if (job.bytes_total != 0) done += " of " + bytes_text(job.bytes_total);
    std::string what = job.state == host::JobState::running ? job.phase : "";
    if (job.error) what = job.error->text();
    table.add({std::to_string(job.id), job.kind, job.machine, name_in(control::job_state_names, job.state), done,
               time_text(job.started), what});
  }
  return table.text();
}

std::string peers_text(const std::vector<host::PeerInfo>& peers, Colours colours) {
  if (peers.empty()) return "this host knows no other; 'afterimage enrol key' on the replica begins\n";
  Table table({{"NAME"}, {"ROLE"}, {"ADDRESS"}, {"STATE"}, {"CERTIFICATE", Align::right}, {"LAST SEEN"}, {"ID"}});
  std::string reasons;
  for (const host::PeerInfo& peer : peers) {
    table.add({peer.name, peer.role, peer.address.empty() ? "-" : peer.address, peer.revoked ? "revoked" : "trusted",
               left_text(peer.certificate), time_text(peer.last_seen.value_or(WallTime{})), peer.id.text()});
    reasons += reasons_text(peer.name, peer.health, peer.reasons, colours);
  }
  return table.text() + reasons;
}

std::string plan_text(const host::Plan& plan) {
  std::string text = "this would be done:\n";
  for (const std::string& step : plan.steps) text += "  " + plain_text(step) + "\n";
  if (plan.bytes) text += "  in all about " + bytes_text(plan.bytes->value()) + "\n";
  return text;
}

std::string result_text(const host::JobInfo& job) {
  struct Visitor {
    const host::JobInfo& job;
    std::string operator()(std::monostate) const { return fmt::format("{} {}: done\n", job.kind, job.machine); }
    std::string operator()(const host::SyncResult& result) const { return sync_text(result); }
    std::string operator()(const host::ProtectResult& result) const { return protect_text(result); }
    std::string operator()(const host::RestoreResult& result) const { return restore_text(result); }
    std::string operator()(const host::VerifyResult& result) const { return verify_text(result); }
    std::string operator()(const host::TransferResult& result) const { return transfer_text(job, result); }
    std::string operator()(const host::RemovalResult& result) const { return removal_text(job, result); }
  };
  return std::visit(Visitor{job}, job.result);
}

}  // namespace afterimage::cli
