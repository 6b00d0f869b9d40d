// SPDX-License-Identifier: Apache-2.0
// WatchDog: notices what does not progress, and names it: which operation, on what, for which machine, since when.
//
// Every few seconds it walks what is awaited under the scopes of running jobs and of replicas (an operation whose scope
// was cancelled counts for as long as it runs): operations on disks, and waits for peers. It looks whether jobs have
// moved, at the oldest work on a worker, and at operations on disks that belong to no machine. What is over its
// deadline (deadlines.h) is told once when it begins, again when it becomes critical, and when it is over; status shows
// it meanwhile. It ends nothing itself: waits for peers have their own timeouts and are tried again by their job,
// stopped machines by their store, and neither a disk nor a thread takes back what it was told. Thread: the reactor's.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/host/commands.h"
#include "engine/host/deadlines.h"
#include "engine/host/job_table.h"
#include "engine/host/store_table.h"
#include "io/platform.h"

namespace afterimage::host {

// Something that has waited for too long.
struct Concern {
  std::string machine;             // as the operator named it, or as it is named; empty: of all on this host
  std::optional<MachineId> id;     // of a replica
  Health health = Health::normal;  // warning, critical
  std::string text;                // "web1: sync (/store/…) has waited 65 s, since 2026-01-31T12:00:00.250Z"
};

class WatchDog {
 public:
  // All by reference outlive it. `tell` may be empty.
  WatchDog(const io::Platform& platform, const JobTable& jobs, const Stores& stores, Tell tell)
      : platform_(platform), jobs_(jobs), stores_(stores), tell_(std::move(tell)) {}

  // Looks until the scope ends.
  [[nodiscard]] io::Task<void> run(io::Scope& scope);
  // Adds to a machine's status what it waits for now.
  void judge(MachineStatus& status);

 private:
  struct Seen {  // of a job, when it moved last
    std::string phase;
    std::uint64_t bytes = 0;
    MonotonicTime since;
  };
  struct Told {
    Health health = Health::normal;
    std::string what;
    MonotonicTime since;
  };
  struct Found {
    Concern concern;
    Told told;
  };
  using FoundByKey = std::map<std::string, Found>;
  using Operations = std::set<const io::Operation*>;

  [[nodiscard]] FoundByKey look();
  // `concern` says whose it is.
  void look_at(FoundByKey& found, Concern concern, const io::Operation& operation) const;
  void look_under(FoundByKey& found, Operations& known, const Concern& whose, io::Scope& scope) const;
  void look_at_rest(FoundByKey& found, const Operations& known) const;
  void look_at_job(FoundByKey& found, const Job& job);
  void report(const FoundByKey& found);
  [[nodiscard]] std::string waited(MonotonicTime since) const;

  io::Platform platform_;
  const JobTable& jobs_;
  const Stores& stores_;
  Tell tell_;
  Deadlines deadlines_;
  std::map<JobId, Seen> seen_;
  std::map<std::string, Told> told_;  // by what identifies the wait
};

}  // namespace afterimage::host
