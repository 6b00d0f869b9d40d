// SPDX-License-Identifier: Apache-2.0
// Lock: one task at a time between awaits. Waiters are served in order, though a newcomer may overtake them.
// Cancellable. For tasks of one reactor; it is no thread's lock.
#pragma once

#include <utility>

#include "io/scope.h"

namespace afterimage::io {

class Lock {
 public:
  // Held while it lives.
  class Guard {
   public:
    explicit Guard(Lock& lock) : lock_(&lock) {}
    Guard(Guard&& other) noexcept : lock_(std::exchange(other.lock_, nullptr)) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() {
      if (lock_ != nullptr) lock_->release();
    }

   private:
    Lock* lock_;
  };

  [[nodiscard]] bool is_held() const { return held_; }
  // The guard, or the scope's interruption.
  [[nodiscard]] Task<Result<Guard>> acquire(Scope& scope);

 private:
  friend class Guard;
  void release() {
    held_ = false;
    freed_.set();
  }
  bool held_ = false;
  Event freed_;
};

}  // namespace afterimage::io
