// SPDX-License-Identifier: Apache-2.0
// Reads a fuzzer's bytes as decisions, for the targets that drive the machines of the replication protocol.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tests/transport/replication/samples.h"
#include "transport/replication/messages.h"

namespace afterimage::replication {

class Script {
 public:
  Script(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  [[nodiscard]] bool at_end() const { return size_ == 0; }
  [[nodiscard]] std::uint8_t next() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  // 1 to about 290,000, mostly small.
  [[nodiscard]] std::uint64_t next_frame_bytes() {
    const std::uint8_t choice = next();
    return choice < 128 ? 64U + choice : std::uint64_t{choice} * 1140;
  }
  // A message of any type. What a machine looks into varies; the rest is a sample.
  [[nodiscard]] Message next_message() {
    const auto type = static_cast<MessageType>(1 + next() % message_types);
    Message message = samples::of(type);
    if (auto* ack = std::get_if<message::Ack>(&message)) ack->frame_bytes = next_frame_bytes() * next();
    if (auto* frame = std::get_if<message::Frame>(&message)) frame->bytes = samples::frame(next_frame_bytes());
    if (auto* hello = std::get_if<message::Hello>(&message)) {
      hello->versions.min = next() % 3;
      hello->versions.max = hello->versions.min + next() % 3;
    }
    if (auto* welcome = std::get_if<message::Welcome>(&message)) {
      welcome->version = next() % 3;
      welcome->window_bytes = static_cast<std::uint32_t>(limits::message_bytes_max) << (next() % 8);
    }
    if (auto* hashes = std::get_if<message::Hashes>(&message)) hashes->hashes.resize(next() % 4);
    return message;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

}  // namespace afterimage::replication
