// SPDX-License-Identifier: Apache-2.0
// A replica without disks: a gate and sinks that keep heads and count frames, slow, stuck or failing as a test asks.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/port/replica_gate.h"
#include "tests/transport/replication/samples.h"

namespace afterimage::replication {

// What is kept of a machine. A frame twice or out of order is an error.
struct FakeMachine {
  Head head;
  Epoch epoch;  // unfinished
  std::uint32_t frames = 0;
  std::uint64_t frames_ever = 0;
  std::uint64_t session = 0;  // the newest: older ones are fenced
};

class FakeReplica final : public ReplicaGate {
 public:
  std::map<MachineId, FakeMachine> machines;
  std::optional<Error> refusal;       // what the gate says
  std::optional<Error> append_error;  // what the sink says to frame `append_error_at`
  std::uint32_t append_error_at = 0;
  Duration append_takes{0};
  Duration commit_takes{0};
  io::Event* append_waits_for = nullptr;
  io::Event* commit_waits_for = nullptr;
  bool commit_is_deaf = false;         // it waits whether its session is over or not
  std::optional<std::uint64_t> steps;  // what sinks tell of their progress
  std::uint64_t sinks = 0;             // that live
  std::uint64_t sessions = 0;          // opened ever

  [[nodiscard]] io::Task<Result<std::unique_ptr<PointSink>>> admit(io::Scope& scope, Peer peer) override;
};

class FakeSink final : public PointSink {
 public:
  explicit FakeSink(FakeReplica& replica) : replica_(replica) { ++replica_.sinks; }
  ~FakeSink() override { --replica_.sinks; }

  [[nodiscard]] io::Task<Result<Welcome>> open(io::Scope& scope, const MachineDescription& machine,
                                               SeedBy seed_by) override;
  [[nodiscard]] io::Task<Result<Need>> begin(io::Scope& scope, BeginEpoch begin) override;
  [[nodiscard]] io::Task<Status> append(io::Scope& scope, Bytes frame) override;
  [[nodiscard]] io::Task<Result<Receipt>> commit(io::Scope& scope, const format::PointRecord& record) override;
  [[nodiscard]] io::Task<Result<std::vector<format::BlockHash>>> block_hashes(io::Scope& scope, DiskId disk,
                                                                              Extent extent) override;
  [[nodiscard]] io::Task<Status> remove_machine(io::Scope& scope) override;
  [[nodiscard]] std::optional<std::uint64_t> steps() override { return replica_.steps; }

 private:
  [[nodiscard]] Status check_session() const;
  [[nodiscard]] FakeMachine& machine() { return replica_.machines[id_]; }

  FakeReplica& replica_;
  MachineId id_;
  std::uint64_t session_ = 0;
};

// By its header or, where it has none, by its first four bytes.
[[nodiscard]] std::uint32_t number_of(const Bytes& frame);

inline Bytes numbered_frame(std::uint32_t number, std::size_t bytes) {
  Bytes frame = samples::frame(bytes);
  store(frame.data(), number);
  return frame;
}

}  // namespace afterimage::replication
