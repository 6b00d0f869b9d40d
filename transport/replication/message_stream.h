// SPDX-License-Identifier: Apache-2.0
// MessageStream: messages over a stream. Whole messages out, one at a time; checked messages in; counts and the moments
// of the last bytes, from which the machines tell life from death.
//
// Read by one task; written by any, one after the other. Once a message was cut off in the middle of its writing, the
// direction is over: every later write answers `unreachable`, so that no message is glued to half of another.
// Thread: the reactor's.
#pragma once

#include <memory>
#include <string>

#include "io/lock.h"
#include "io/network.h"
#include "io/scope.h"
#include "io/task.h"
#include "transport/replication/messages.h"
#include "transport/replication/session_log.h"

namespace afterimage::replication {

class MessageStream {
 public:
  // `message_timeout`: for one message, from its first byte to its last. `traffic` is counted up.
  MessageStream(io::Reactor& reactor, std::unique_ptr<io::Stream> stream, std::shared_ptr<TrafficCounters> traffic,
                Duration message_timeout);

  // Errors: end_of_data (the peer's direction ended between two messages), protocol (does not parse), unreachable,
  // timed_out, cancelled. After an error nothing more is read.
  [[nodiscard]] io::Task<Result<Message>> read(io::Scope& scope);
  [[nodiscard]] io::Task<Status> write(io::Scope& scope, Message message);
  // A frame message around `frame`, which is only used until it returns.
  [[nodiscard]] io::Task<Status> write_frame(io::Scope& scope, ByteView frame);
  // Ends our direction, if no message is under way.
  [[nodiscard]] io::Task<Status> finish_writing(io::Scope& scope);
  void close() { stream_->close(); }

  [[nodiscard]] bool is_writing() const { return writing_.is_held(); }
  [[nodiscard]] MonotonicTime last_received() const { return last_received_; }
  [[nodiscard]] MonotonicTime last_sent() const { return last_sent_; }
  [[nodiscard]] const TrafficCounters& traffic() const { return *traffic_; }
  [[nodiscard]] std::string peer() const { return stream_->peer(); }

 private:
  [[nodiscard]] io::Task<Status> fill(io::Scope& scope, MutableBytes out);
  void count_received(std::size_t count);
  [[nodiscard]] io::Task<Status> put(io::Scope& scope, ByteView bytes);

  io::Reactor& reactor_;
  std::unique_ptr<io::Stream> stream_;
  std::shared_ptr<TrafficCounters> traffic_;
  Duration message_timeout_;
  io::Lock writing_;
  bool cut_off_ = false;
  MonotonicTime last_received_;
  MonotonicTime last_sent_;
};

}  // namespace afterimage::replication
