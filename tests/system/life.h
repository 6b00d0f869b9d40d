// SPDX-License-Identifier: Apache-2.0
// Life: one seed of the whole-system simulation: a primary, a replica and the network between them, at least `cycles`
// acknowledged cycles, faults in between, and the model's questions after each of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "tests/system/fault.h"
#include "tests/system/incarnation.h"
#include "tests/system/model.h"

namespace afterimage::system {

struct LifeOptions {
  std::uint64_t seed = 1;
  std::uint64_t cycles = 20;
};

struct LifeResult {
  std::string failure;  // empty: fine
  std::uint64_t trace_hash = 0;
  std::uint64_t cycles = 0;
  std::uint64_t crashes = 0;
  std::uint64_t points = 0;
  FaultTable faults;
};

class Life {
 public:
  explicit Life(LifeOptions options);
  [[nodiscard]] LifeResult run();

 private:
  struct Side {
    io::sim::NodeId node;
    Identity identity;
    std::unique_ptr<catalogue::KeptInMemory> catalogue;
    std::unique_ptr<Incarnation> incarnation;
  };
  struct Armed {
    FaultKind kind;
    Phase phase;
    std::uint64_t skip;  // operations of the phase that go by first
  };

  void observe(const io::sim::OperationNotice& notice);
  void strike(const io::sim::OperationNotice& notice);
  void arm();
  void quiet();
  void fail(std::string why);
  [[nodiscard]] bool is_fine() const { return result_.failure.empty(); }
  [[nodiscard]] bool bring_up(Side& side);
  [[nodiscard]] bool bring_up_both();
  void note_down(Side& side);
  [[nodiscard]] bool protect();
  void one_cycle();
  [[nodiscard]] std::optional<host::JobInfo> run_job(host::Sync command);
  [[nodiscard]] std::optional<host::JobInfo> wait_for(host::JobId job);
  void check_points(bool all);
  void check_point(const host::PointInfo& point);
  void check_not_ahead();
  void check_verify();
  template <typename T>
  [[nodiscard]] std::optional<T> on(Side& side, io::Task<Result<T>> task, const char* what);

  LifeOptions options_;
  io::sim::World world_;
  Side primary_;
  Side replica_;
  std::unique_ptr<Model> model_;
  std::optional<Armed> armed_;
  std::uint64_t point_bytes_ = 0;
  LifeResult result_;
};

}  // namespace afterimage::system
