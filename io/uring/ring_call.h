// SPDX-License-Identifier: Apache-2.0
// RingCall: what a task awaits of the ring. Gives the kernel's answer: a count or a descriptor, or a negative errno;
// -ECANCELED when the scope was interrupted before it was done.
//
// Cancelling asks the kernel; the task goes on when the kernel has let go of the buffer, with what was done if it was
// done after all. A frame that is destroyed meanwhile takes the call back first.
#pragma once

#include <cerrno>

#include "io/scope.h"
#include "io/uring/ring.h"

namespace afterimage::io::uring {

// What an interrupted scope does to a call that is under way.
enum class Interruption : unsigned char { ends_it, leaves_it };

// Awaited once, by name. A class whose completed() starts again takes it back in its own destructor.
class RingCall : public Completion<int>, public RingOperation {
 public:
  RingCall(Scope& scope, Ring& ring, const char* operation_name, Interruption interruption)
      : Completion(scope, operation_name), ring_(ring), interruption_(interruption) {}
  ~RingCall() override { ring_.take_back(*this); }

  void cancel() noexcept override {
    if (!is_in_flight()) {
      complete(-ECANCELED);
    } else if (interruption_ == Interruption::ends_it) {
      ring_.cancel(*this);
    }
  }

 protected:
  virtual void fill(io_uring_sqe& entry) = 0;
  void start() override {
    ring_.start(*this, [this](io_uring_sqe& entry) { fill(entry); });
  }
  void completed(int result) noexcept override { complete(result); }
  void take_back() noexcept { ring_.take_back(*this); }

 private:
  Ring& ring_;
  Interruption interruption_;
};

}  // namespace afterimage::io::uring
