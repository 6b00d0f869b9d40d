// SPDX-License-Identifier: Apache-2.0
// Ring: one io_uring, and RingOperation: one submission and its completion.
//
// Submissions are collected and handed over together, once a turn. Completing an operation resumes nothing: it posts.
//
// A buffer lent to the kernel is the kernel's until the completion. An operation therefore never dies in flight:
// whoever owns it takes it back first, which cancels it and waits until the kernel has let go.
//
// Thread: the reactor's.
#pragma once

#include <cstdint>
#include <memory>

#include <liburing.h>

#include "io/base/check.h"
#include "io/base/result.h"
#include "io/base/time.h"

namespace afterimage::io::uring {

// Owned by the frame or object that waits for it.
class RingOperation {
 public:
  RingOperation() = default;
  RingOperation(const RingOperation&) = delete;
  RingOperation& operator=(const RingOperation&) = delete;
  virtual ~RingOperation() { AFI_CHECK(!is_in_flight_); }

  // True from its start until its last completion.
  [[nodiscard]] bool is_in_flight() const { return is_in_flight_; }

 protected:
  // The kernel's answer: a count or a descriptor, or a negative errno. It may be started again here, and it may not be
  // destroyed here.
  virtual void completed(int result) noexcept = 0;

 private:
  friend class Ring;
  bool is_in_flight_ = false;
  std::uint8_t opcode_ = 0;  // of the last start
};

struct RingOptions {
  // For tests: what the kernel answered to an operation (IORING_OP_*) becomes what this gives.
  int (*results)(int opcode, int result) = nullptr;
};

class Ring {
 public:
  // `unsupported`, with the reason for the operator, where io_uring is missing, too old or forbidden.
  [[nodiscard]] static Result<std::unique_ptr<Ring>> create(RingOptions options = {});
  // Nothing is in flight (checked).
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // `fill(io_uring_sqe&)` says what is to be done. Handed over with the next turn, or before when there are many. What
  // the entry points to lives until the operation has completed.
  template <typename Fill>
  void start(RingOperation& operation, Fill fill) {
    io_uring_sqe& entry = free_entry();
    fill(entry);
    launch(entry, operation);
  }
  // Asks the kernel to end it soon: it then completes with -ECANCELED, or as it would have.
  void cancel(RingOperation& operation) noexcept;
  // Cancels it and waits until it has completed; others may complete meanwhile. What cannot be cancelled (a disk
  // write) is waited for.
  void take_back(RingOperation& operation) noexcept;

  // Hands over what was started and completes what is done. Sleeps for at most `patience` when nothing is;
  // Duration::max() = until something is.
  void turn(Duration patience);

 private:
  explicit Ring(RingOptions options) : options_(options) {}
  [[nodiscard]] Status open();
  [[nodiscard]] Status check_opcodes();
  [[nodiscard]] Status check_round_trip();
  [[nodiscard]] io_uring_sqe& free_entry();
  void launch(io_uring_sqe& entry, RingOperation& operation);
  void enter_and_wait(Duration patience);
  void complete_what_is_done();

  io_uring ring_{};
  RingOptions options_;
  bool is_open_ = false;
  unsigned in_flight_ = 0;
};

// Fine where a platform on io_uring can be made here and now; else `unsupported` with the reason for the operator.
[[nodiscard]] Status is_available();

}  // namespace afterimage::io::uring
