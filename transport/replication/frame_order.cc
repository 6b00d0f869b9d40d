// SPDX-License-Identifier: Apache-2.0
#include "transport/replication/frame_order.h"

#include <string>
#include <utility>

namespace afterimage::replication {
namespace {

std::unexpected<Error> misplaced(std::string detail) {
  return fail(ErrorCode::protocol, "put frames in order", "the primary sent " + std::move(detail));
}

std::string name_of(const format::FrameIdentity& identity) {
  return "frame " + std::to_string(identity.number) + " of epoch " + std::to_string(identity.birth.value());
}

}  // namespace

FrameOrder::FrameOrder(std::uint64_t window_bytes) : ahead_max_(window_bytes / format::frame_header_bytes) {}

void FrameOrder::begin(Epoch epoch, std::uint32_t next) {
  epoch_ = epoch;
  next_ = next;
  held_.clear();
}

Status FrameOrder::put(Bytes frame) {
  const Result<format::FrameHeader> header = format::FrameHeader::parse(frame);
  if (!header) return misplaced("a frame whose header does not parse: " + header.error().text());
  const format::FrameIdentity& identity = header->identity;
  if (identity.birth != epoch_) {
    return misplaced(name_of(identity) + " while it ships epoch " + std::to_string(epoch_.value()));
  }
  if (identity.number < next_ || held_.contains(identity.number)) return misplaced(name_of(identity) + " twice");
  if (identity.number - next_ >= ahead_max_) {
    return misplaced(name_of(identity) + " while frame " + std::to_string(next_) + " is due, which no window allows");
  }
  held_.emplace(identity.number, std::move(frame));
  return {};
}

std::optional<Bytes> FrameOrder::take() {
  const auto first = held_.begin();
  if (first == held_.end() || first->first != next_) return {};
  Bytes frame = std::move(first->second);
  held_.erase(first);
  ++next_;
  return frame;
}

}  // namespace afterimage::replication
