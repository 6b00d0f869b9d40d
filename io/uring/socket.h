// SPDX-License-Identifier: Apache-2.0
// RingSocket: a descriptor whose calls go through the ring, at most one to read (or accept) and one to write at a time.
// Frames hold it by shared_ptr: a stream may die while a task that it served is still to be resumed.
// Thread: the reactor's.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "io/posix/unique_fd.h"
#include "io/uring/ring_call.h"

namespace afterimage::io::uring {

class RingSocket {
 public:
  // `peer` names the other end in messages.
  RingSocket(Ring& ring, posix::UniqueFd fd, std::string peer)
      : ring_(ring), fd_(std::move(fd)), peer_(std::move(peer)) {}
  RingSocket(const RingSocket&) = delete;
  RingSocket& operator=(const RingSocket&) = delete;
  ~RingSocket() { close(); }

  [[nodiscard]] Ring& ring() const { return ring_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& peer() const { return peer_; }
  [[nodiscard]] bool is_closed() const { return !fd_.is_open(); }

  // Takes the calls that are under way back and closes the descriptor: when this returns nothing is in the kernel, and
  // the tasks that wait are to be resumed. They ask is_closed() before they look at an answer.
  void close();

  enum class Direction : unsigned char { read, write };
  class UnderWay;

 private:
  Ring& ring_;
  posix::UniqueFd fd_;
  std::string peer_;
  RingOperation* reading_ = nullptr;
  RingOperation* writing_ = nullptr;
};

// Makes a call known to its socket while it lives; in the frame after the call, so that it goes first.
class RingSocket::UnderWay {
 public:
  UnderWay(RingSocket& socket, Direction direction, RingOperation& call)
      : slot_(direction == Direction::read ? socket.reading_ : socket.writing_) {
    AFI_CHECK(slot_ == nullptr);  // one task a direction
    slot_ = &call;
  }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;
  ~UnderWay() { slot_ = nullptr; }

 private:
  RingOperation*& slot_;
};

// The error of a call that the scope, the peer or the system ended: `result` is its negative errno.
[[nodiscard]] Error error_of_call(const Scope& scope, const RingSocket& socket, const char* what, int result);

}  // namespace afterimage::io::uring
