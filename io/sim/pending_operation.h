// SPDX-License-Identifier: Apache-2.0
// PendingOperation: one operation of an incarnation between its begin and its end. Here it is counted, traced, shown to
// the observer, and meets its faults and crashes. Thread: the world's.
#pragma once

#include <cstdint>
#include <string_view>

#include "io/list.h"
#include "io/sim/operation.h"

namespace afterimage::io::sim {

class Incarnation;
struct PendingTag;

struct OperationFacts {
  OperationKind kind = OperationKind::open;
  std::string_view path;  // the frame that awaits keeps it
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t check = 0;  // a hash of what is written or sent, for the trace
};

class PendingOperation : public ListNode<PendingTag> {
 public:
  PendingOperation(Incarnation& life, OperationFacts facts) : life_(life), facts_(facts) {}
  // The node crashes while this is under way, and by the seed it happens nevertheless.
  virtual void happen_in_crash() {}
  [[nodiscard]] const OperationFacts& facts() const { return facts_; }

 protected:
  ~PendingOperation() = default;
  // False: the node is down, now or for long; nothing may follow.
  [[nodiscard]] bool begin();
  // The effect is in the world. False: the node went down upon it; the task must not be told.
  [[nodiscard]] bool finish(std::uint64_t bytes_done, bool failed);
  // It ends without an effect: the scope was interrupted, or the stream closed.
  void abandon() { ListNode<PendingTag>::unlink(); }
  [[nodiscard]] int injected_error() const { return error_; }  // errno that it must meet, or 0; after begin()
  [[nodiscard]] Incarnation& life() const { return life_; }

 private:
  Incarnation& life_;
  OperationFacts facts_;
  std::uint64_t number_ = 0;
  int error_ = 0;
};

}  // namespace afterimage::io::sim
