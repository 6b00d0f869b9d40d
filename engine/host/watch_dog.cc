// SPDX-License-Identifier: Apache-2.0
#include "engine/host/watch_dog.h"

#include <algorithm>
#include <utility>

namespace afterimage::host {

std::string WatchDog::waited(MonotonicTime since) const {
  const Duration time = platform_.reactor.now() - since;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  return std::to_string(seconds) + " s, since " + to_rfc3339(platform_.clock.now() + -time);
}

void WatchDog::look_at(FoundByKey& found, Concern concern, const io::Operation& operation) const {
  const Duration time = platform_.reactor.now() - operation.started;
  const bool on_disk = !operation.file_path.empty();
  const bool on_peer = !operation.peer_name.empty();
  const Deadline& peer = operation.pace == io::Pace::slow ? deadlines_.slow_peer : deadlines_.peer;
  const Deadline& deadline = on_disk ? deadlines_.disk : on_peer ? peer : deadlines_.work;
  if (time < deadline.warning) return;
  concern.health = time < deadline.critical ? Health::warning : Health::critical;
  const std::string where = on_disk   ? std::string(operation.file_path)
                            : on_peer ? std::string(operation.peer_name)
                                      : "";
  const std::string what = (concern.machine.empty() ? "this host" : concern.machine) + ": " + operation.name + " (" +
                           (where.empty() ? "a worker" : where) + ")";
  concern.text = what + " has waited " + waited(operation.started);
  const std::string key = what + " " + std::to_string(operation.started.nanoseconds);
  const Told told{.health = concern.health, .what = what, .since = operation.started};
  found.insert_or_assign(key, Found{.concern = std::move(concern), .told = told});
}

void WatchDog::look_under(FoundByKey& found, Operations& known, const Concern& whose, io::Scope& scope) const {
  if (const io::Operation* disk = scope.oldest_on_disk()) look_at(found, whose, *disk);
  if (const io::Operation* peer = scope.oldest_on_peer()) look_at(found, whose, *peer);
  scope.visit([&known](const io::Operation& operation) { known.insert(&operation); });
}

// What waits under no job and no machine: at a start, for a certificate, for whoever asked for status; and workers,
// which all share.
void WatchDog::look_at_rest(FoundByKey& found, const Operations& known) const {
  const io::Operation* oldest = nullptr;
  io::visit_operations(platform_.reactor, [&](const io::Operation& operation) {
    if (operation.file_path.empty() || known.contains(&operation)) return;
    if (oldest == nullptr || operation.started < oldest->started) oldest = &operation;
  });
  if (oldest != nullptr) look_at(found, Concern{}, *oldest);
  if (const io::Operation* work = platform_.workers.oldest()) look_at(found, Concern{}, *work);
}

void WatchDog::look_at_job(FoundByKey& found, const Job& job) {
  const MonotonicTime now = platform_.reactor.now();
  const JobInfo& info = job.info;
  Seen& seen =
      seen_.try_emplace(info.id, Seen{.phase = info.phase, .bytes = info.bytes_done, .since = now}).first->second;
  if (seen.phase != info.phase || seen.bytes != info.bytes_done) {
    seen = Seen{.phase = info.phase, .bytes = info.bytes_done, .since = now};
  }
  const Duration time = now - seen.since;
  const bool has_moved_all = info.bytes_total != 0 && info.bytes_done >= info.bytes_total;
  if (time < (has_moved_all ? deadlines_.job_answer_warning : deadlines_.job_warning)) return;
  const std::string what = info.machine + ": job " + std::to_string(info.id) + " (" + info.kind +
                           (info.phase.empty() ? "" : ", " + info.phase) + ")";
  Concern concern{.machine = info.machine,
                  .id = std::nullopt,
                  .health = time < deadlines_.job_critical ? Health::warning : Health::critical,
                  .text = what + " has made no progress for " + waited(seen.since)};
  const Told told{.health = concern.health, .what = what, .since = seen.since};
  found.insert_or_assign(what + " " + std::to_string(seen.since.nanoseconds),
                         Found{.concern = std::move(concern), .told = told});
}

WatchDog::FoundByKey WatchDog::look() {
  FoundByKey found;
  Operations known;
  const std::vector<std::shared_ptr<Job>> running = jobs_.running();
  for (const std::shared_ptr<Job>& job : running) {
    look_under(found, known, {.machine = job->info.machine, .id = {}, .health = {}, .text = {}}, job->scope);
    look_at_job(found, *job);
  }
  std::erase_if(seen_, [&running](const auto& seen) {
    return std::ranges::none_of(running, [&seen](const auto& job) { return job->info.id == seen.first; });
  });
  for (const std::unique_ptr<replica::ReplicaStore>& store : stores_) {
    for (const std::shared_ptr<replica::Machine>& machine : store->machines()) {
      const MachineDescription& described = machine->description();
      look_under(found, known, {.machine = described.name, .id = described.id, .health = {}, .text = {}},
                 machine->scope());
    }
  }
  look_at_rest(found, known);
  return found;
}

void WatchDog::report(const FoundByKey& found) {
  for (const auto& [key, wait] : found) {
    const auto [told, is_new] = told_.try_emplace(key, wait.told);
    if (!is_new && told->second.health >= wait.told.health) continue;
    told->second.health = wait.told.health;
    if (tell_) tell_(wait.concern.health, wait.concern.text);
  }
  for (auto told = told_.begin(); told != told_.end();) {
    if (found.contains(told->first)) {
      ++told;
      continue;
    }
    if (tell_) tell_(Health::normal, told->second.what + " waits no more; it had waited " + waited(told->second.since));
    told = told_.erase(told);
  }
}

io::Task<void> WatchDog::run(io::Scope& scope) {
  while (!scope.is_interrupted()) {
    report(look());
    auto sleeping = io::sleep_for(scope, deadlines_.look_every);
    [[maybe_unused]] const Status slept = co_await sleeping;
  }
}

void WatchDog::judge(MachineStatus& status) {
  const FoundByKey found = look();
  for (const auto& [key, wait] : found) {
    const Concern& concern = wait.concern;
    const bool is_named =
        concern.machine.empty() || concern.machine == status.name || concern.machine == status.peer + "/" + status.name;
    if (concern.id ? *concern.id != status.id : !is_named) continue;
    status.health = std::max(status.health, concern.health);
    status.reasons.push_back(concern.text);
  }
}

}  // namespace afterimage::host
