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

void WatchDog::look_at_disk(FoundByKey& found, Concern concern, const io::Operation& operation) const {
  const Duration time = platform_.reactor.now() - operation.started;
  if (time < deadlines_.disk_warning) return;
  concern.health = time < deadlines_.disk_critical ? Health::warning : Health::critical;
  const std::string what = concern.machine + ": " + operation.name + " (" + std::string(operation.file_path) + ")";
  concern.text = what + " has waited " + waited(operation.started);
  const std::string key = what + " " + std::to_string(operation.started.nanoseconds);
  const Told told{.health = concern.health, .what = what, .since = operation.started};
  found.insert_or_assign(key, Found{.concern = std::move(concern), .told = told});
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
  const std::vector<std::shared_ptr<Job>> running = jobs_.running();
  for (const std::shared_ptr<Job>& job : running) {
    const io::Operation* oldest = job->scope.oldest_on_disk();
    if (oldest != nullptr)
      look_at_disk(found, {.machine = job->info.machine, .id = {}, .health = {}, .text = {}}, *oldest);
    look_at_job(found, *job);
  }
  std::erase_if(seen_, [&running](const auto& seen) {
    return std::ranges::none_of(running, [&seen](const auto& job) { return job->info.id == seen.first; });
  });
  for (const std::unique_ptr<replica::ReplicaStore>& store : stores_) {
    for (const std::shared_ptr<replica::Machine>& machine : store->machines()) {
      const io::Operation* oldest = machine->oldest_on_disk();
      if (oldest == nullptr) continue;
      const MachineDescription& described = machine->description();
      look_at_disk(found, {.machine = described.name, .id = described.id, .health = {}, .text = {}}, *oldest);
    }
  }
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
    const bool is_named = concern.machine == status.name || concern.machine == status.peer + "/" + status.name;
    if (concern.id ? *concern.id != status.id : !is_named) continue;
    status.health = std::max(status.health, concern.health);
    status.reasons.push_back(concern.text);
  }
}

}  // namespace afterimage::host
