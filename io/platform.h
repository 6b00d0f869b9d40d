// SPDX-License-Identifier: Apache-2.0
// Platform: the world as one value. `posix` and `sim` make one; everything above takes it by reference.
#pragma once

#include <cstdint>
#include <functional>

#include "io/base/bytes.h"
#include "io/base/time.h"
#include "io/disk.h"
#include "io/network.h"
#include "io/reactor.h"
#include "io/scope.h"
#include "io/task.h"

namespace afterimage::io {

// Wall time, for people and for points. Deadlines use the reactor's now().
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime now() const = 0;
};

// Unpredictable bytes (for ids and secrets); reproducible ones under `sim`.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableBytes out) = 0;

  template <typename Id>
  [[nodiscard]] Id make_id() {
    Id id;
    fill(id.bytes);
    return id;
  }
};

// A bounded pool for work that takes the processor (hash, compress) or blocks (SQLite).
class Workers {
 public:
  explicit Workers(Reactor& reactor) : scope_(reactor) {}
  virtual ~Workers() = default;
  // Runs `work` off the reactor's thread and resumes on it. What `work` refers to belongs to the awaiting frame. Not
  // cancellable; jobs start in order of submission. `name` is a literal that says what it does: "compare blocks".
  [[nodiscard]] Task<void> run(const char* name, std::move_only_function<void()> work);
  [[nodiscard]] virtual unsigned width() const = 0;  // how many run at once
  // The one that has been submitted longest and has not ended, or nullptr; as they start in order, it runs. `started`
  // is when it was submitted.
  [[nodiscard]] const Operation* oldest() { return scope_.oldest_pending(); }

 private:
  [[nodiscard]] virtual Task<void> run_one(std::move_only_function<void()> work) = 0;

  Scope scope_;  // of what was submitted; nobody cancels it
};

struct Platform {
  Reactor& reactor;
  Disk& disk;
  Network& network;
  Clock& clock;
  Random& random;
  Workers& workers;
};

}  // namespace afterimage::io
