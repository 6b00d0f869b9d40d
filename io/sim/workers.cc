// SPDX-License-Identifier: Apache-2.0
#include "io/sim/workers.h"

#include <utility>

#include "io/sim/incarnation.h"
#include "io/sim/node.h"
#include "io/sim/world_state.h"

namespace afterimage::io::sim {

class NodeWorkers::Job final : public Completion<Status>, public Queued, private Event {
 public:
  Job(NodeWorkers& workers, std::move_only_function<void()>& work)
      : Completion(workers.scope_, "work"), workers_(workers), work_(work) {}
  ~Job() override {
    if (!Event::is_scheduled()) return;
    // The frame that waited was destroyed with the job under way.
    Event::withdraw();
    --workers_.running_;
    workers_.start_next();
  }
  void cancel() noexcept override {}

  void begin() {
    const Delay delay = workers_.life_.node().options.worker_delay;
    WorldState& world = workers_.life_.world();
    world.schedule(*this, world.rng().between(delay.min, delay.max));
  }

 private:
  void start() override {
    workers_.queue_.push_back(*this);
    workers_.start_next();
  }
  void fire() override {
    --workers_.running_;
    if (workers_.life_.is_dead()) return;
    work_();
    complete(Status{});
    workers_.start_next();
  }

  NodeWorkers& workers_;
  std::move_only_function<void()>& work_;
};

NodeWorkers::NodeWorkers(Incarnation& life) : Workers(life.reactor()), life_(life), scope_(life.reactor()) {}

void NodeWorkers::start_next() {
  while (running_ < jobs_at_once && !life_.is_dead()) {
    Queued* next = queue_.pop_front();
    if (next == nullptr) return;
    ++running_;
    static_cast<Job*>(next)->begin();
  }
}

Task<void> NodeWorkers::run_one(std::move_only_function<void()> work) {
  Job job(*this, work);
  const Status status = co_await job;
  (void)status;
}

}  // namespace afterimage::io::sim
