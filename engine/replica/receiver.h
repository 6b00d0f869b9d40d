// SPDX-License-Identifier: Apache-2.0
// Receiver: the PointSink of a replica: one session of one peer for one machine. It says who may; the machine says what
// is right. Thread: the reactor's; calls one after the other. Outlived by its store.
#pragma once

#include <memory>
#include <optional>

#include "engine/port/point_sink.h"
#include "engine/replica/replica_store.h"

namespace afterimage::replica {

class Receiver final : public PointSink {
 public:
  Receiver(ReplicaStore& store, Peer peer, Admission admission)
      : store_(store), peer_(std::move(peer)), admission_(admission) {}
  ~Receiver() override;

  [[nodiscard]] io::Task<Result<Welcome>> open(io::Scope& scope, const MachineDescription& machine,
                                               SeedBy seed_by) override;
  [[nodiscard]] io::Task<Result<Need>> begin(io::Scope& scope, BeginEpoch begin) override;
  [[nodiscard]] io::Task<Status> append(io::Scope& scope, Bytes frame) override;
  [[nodiscard]] io::Task<Result<Receipt>> commit(io::Scope& scope, const format::PointRecord& record) override;
  [[nodiscard]] io::Task<Result<std::vector<format::BlockHash>>> block_hashes(io::Scope& scope, DiskId disk,
                                                                              Extent extent) override;
  [[nodiscard]] io::Task<Status> remove_machine(io::Scope& scope) override;
  // What ended of all that is awaited for the machine. Nothing before a machine was named.
  [[nodiscard]] std::optional<std::uint64_t> steps() override;

 private:
  [[nodiscard]] Status check_open() const;
  // Passes a result on; an error has ended the session.
  template <typename T>
  [[nodiscard]] Result<T> passed(Result<T> result) {
    if (!result) is_over_ = true;
    return result;
  }

  // From here on nothing happens unless the primary sends a frame or the point.
  void wait_for_frames();

  ReplicaStore& store_;
  Peer peer_;
  Admission admission_;
  std::shared_ptr<Machine> machine_;
  Machine::SessionId session_ = 0;
  std::shared_ptr<void> import_token_;
  std::shared_ptr<void> presence_;
  bool is_over_ = false;
  io::Pace pace_ = io::Pace::prompt;  // of the epoch's frames
  std::optional<io::LongOperation> waiting_;
};

}  // namespace afterimage::replica
