// SPDX-License-Identifier: Apache-2.0
// What stopped comes back by itself: a device that failed may be well again, and nobody has to start the daemon anew.
// Points that host.db could not be told of are told when it takes rows again.
// A machine that is well costs nothing here: the task sleeps until one stops.
#include <algorithm>
#include <utility>

#include "engine/replica/replica_store.h"
#include "io/write_probe.h"

namespace afterimage::replica {

void ReplicaStore::begin_mending() { tasks_.spawn(keep_mending()); }

io::Task<void> ReplicaStore::keep_mending() {
  while (!scope_.is_interrupted()) {
    trouble_.reset();
    auto mending = mend();
    const std::optional<MonotonicTime> next = co_await mending;
    io::Scope until_next(scope_);
    if (next) until_next.set_timeout(*next - platform_.reactor.now());
    auto sleeping = trouble_.wait(until_next);
    [[maybe_unused]] const Status woken = co_await sleeping;  // by trouble, by the time, or by the end of the store
  }
}

io::Task<std::optional<MonotonicTime>> ReplicaStore::mend() {
  std::optional<MonotonicTime> next;
  const auto wait_for = [&next](const RetrySchedule& retry) {
    next = std::min(next.value_or(retry.due()), retry.due());
  };
  auto sweeping = sweep_abandoned();
  co_await sweeping;
  const std::vector<std::shared_ptr<Machine>> all = machines();
  for (const std::shared_ptr<Machine>& machine : all) {
    if (scope_.is_interrupted()) co_return next;
    if (!machine->stop_reason().empty() && machine->retry().is_due(platform_.reactor.now())) {
      auto reopening = machine->reopen(scope_);
      [[maybe_unused]] const Status reopened = co_await reopening;  // the machine keeps why not
    }
    if (!machine->index_failure().empty() && machine->index_retry().is_due(platform_.reactor.now())) {
      auto indexing = machine->index_again(scope_);
      co_await indexing;
    }
    if (find(machine->description().id) != machine) continue;  // it was removed meanwhile
    if (!machine->stop_reason().empty()) wait_for(machine->retry());
    if (!machine->index_failure().empty()) wait_for(machine->index_retry());
  }
  std::vector<MachineId> due;
  for (const MachineTrouble& trouble : troubles_) {
    if (trouble.retry.is_due(platform_.reactor.now())) due.push_back(trouble.id);
  }
  for (const MachineId& id : due) {
    auto loading = load_again(id);
    co_await loading;
  }
  for (const MachineTrouble& trouble : troubles_) wait_for(trouble.retry);
  co_return next;
}

// A machine that could not be opened at all. Its folder is not touched where it does not read.
io::Task<void> ReplicaStore::load_again(MachineId id) {
  auto acquiring = machines_lock_.acquire(scope_);
  const auto guard = co_await acquiring;
  if (!guard) co_return;
  const auto waiting = std::ranges::find(troubles_, id, &MachineTrouble::id);
  if (waiting == troubles_.end()) co_return;
  if (waiting->is_going) {
    auto removing = remove_quiet(id, nullptr);
    [[maybe_unused]] const Status removed = co_await removing;  // what remains is a trouble again
    co_return;
  }
  auto opening = machines_folder_->open_directory(scope_, id.text());
  auto folder = co_await opening;
  Result<std::shared_ptr<Machine>> machine = fail(ErrorCode::not_found, "open a machine");
  if (folder) {
    auto probing = io::probe_writes(scope_, **folder);
    if (const Status probed = co_await probing; !probed) folder = std::unexpected(probed.error());
  }
  if (folder) {
    auto loading = open_machine(id, std::move(*folder));
    machine = co_await loading;
  } else {
    machine = std::unexpected(folder.error());
  }
  const auto trouble = std::ranges::find(troubles_, id, &MachineTrouble::id);
  if (trouble == troubles_.end()) co_return;
  if (machine) {
    machines_.emplace(id, std::move(*machine));
    troubles_.erase(trouble);
    co_return;
  }
  if (machine.error().code != ErrorCode::not_found) trouble->reason = machine.error().text();
  trouble->retry.note_failed(platform_.reactor.now(), platform_.clock.now());
}

}  // namespace afterimage::replica
