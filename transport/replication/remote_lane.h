// SPDX-License-Identifier: Apache-2.0
// RemoteLane: one connection of a session, at the primary, with a place for the frame that it carries next. Plain
// state; the tasks are RemoteSession's. For remote_session.cc alone.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "io/base/bytes.h"
#include "io/scope.h"
#include "transport/replication/message_stream.h"

namespace afterimage::replication {

class RemoteLane {
 public:
  // Lane 0 is the session's own connection, which outlives this.
  explicit RemoteLane(MessageStream& first) : stream_(first) {}
  RemoteLane(std::size_t index, std::unique_ptr<MessageStream> further)
      : index_(index), owned_(std::move(further)), stream_(*owned_) {}

  [[nodiscard]] bool is_first() const { return owned_ == nullptr; }
  [[nodiscard]] MessageStream& stream() { return stream_; }
  [[nodiscard]] std::string text() const { return "lane " + std::to_string(index_); }

  [[nodiscard]] bool is_free() const { return !frame_.has_value(); }
  // Requires: is_free().
  void give(Bytes frame) {
    frame_ = std::move(frame);
    given_.set();
  }
  [[nodiscard]] const std::optional<Bytes>& frame() const { return frame_; }
  void frame_gone() { frame_.reset(); }
  // Until a frame was given, or the scope is interrupted.
  [[nodiscard]] io::Task<Status> wait_for_frame(io::Scope& scope) {
    given_.reset();
    return given_.wait(scope);
  }

 private:
  std::size_t index_ = 0;
  std::unique_ptr<MessageStream> owned_;
  MessageStream& stream_;
  std::optional<Bytes> frame_;
  io::Event given_;
};

}  // namespace afterimage::replication
