// SPDX-License-Identifier: Apache-2.0
#include "engine/format/record_rules.h"

#include <algorithm>
#include <utility>

namespace afterimage::format {

std::string_view name_of(RecordLabel label) noexcept {
  switch (label) {
    case RecordLabel::frame: return "frame";
    case RecordLabel::point: return "point";
    case RecordLabel::span: return "span";
    case RecordLabel::index: return "index";
    case RecordLabel::foreign: return "foreign";
    case RecordLabel::stale: return "stale";
    case RecordLabel::out_of_order: return "out_of_order";
    case RecordLabel::unsupported_version: return "unsupported_version";
    case RecordLabel::torn: return "torn";
    case RecordLabel::rot: return "rot";
    case RecordLabel::end_of_data: return "end_of_data";
    case RecordLabel::sealed: return "sealed";
  }
  return "unknown";
}

RecordRules::RecordRules(const SegmentHeader& header, JournalPosition before, std::vector<DiskId> disks)
    : header_(header), position_(std::move(before)), disks_(std::move(disks)) {}

RecordLabel RecordRules::judge(const FrameIdentity& frame) const {
  if (!disks_.empty() && std::find(disks_.begin(), disks_.end(), frame.disk) == disks_.end())
    return RecordLabel::foreign;
  if (position_.closed && frame.birth <= *position_.closed) return RecordLabel::stale;
  if (span_) return RecordLabel::out_of_order;  // nothing stands between a span and its point
  // A merge keeps the numbers of the frames it copies, so only a stream counts.
  if (header_.kind == SegmentKind::stream && last_frame_ && Serial{frame.birth, frame.number} <= *last_frame_) {
    return RecordLabel::out_of_order;
  }
  return RecordLabel::frame;
}

RecordLabel RecordRules::judge(const PointRecord& point) const {
  if (point.machine != header_.machine || point.lineage != header_.lineage) return RecordLabel::foreign;
  if (position_.sequence && point.sequence <= *position_.sequence) return RecordLabel::stale;
  if (position_.closed && point.epoch <= *position_.closed) return RecordLabel::stale;
  if (newest_birth_ && *newest_birth_ > point.epoch) return RecordLabel::out_of_order;
  if (header_.kind == SegmentKind::merged) {
    return span_ && span_->to == point.sequence ? RecordLabel::point : RecordLabel::out_of_order;
  }
  if (track_lost_) return RecordLabel::point;
  // Its parent says that it follows. Numbers may be left out: a replica that was rolled back does not get one twice.
  if (position_.digest && point.parent != *position_.digest) return RecordLabel::out_of_order;
  const bool counts = !position_.digest || position_.sequence == Sequence{};
  if (counts && position_.sequence && point.sequence != position_.sequence->next()) return RecordLabel::out_of_order;
  return RecordLabel::point;
}

RecordLabel RecordRules::judge(const SpanRecord& span) const {
  if (header_.kind != SegmentKind::merged || span_) return RecordLabel::out_of_order;
  if (position_.sequence && span.to <= *position_.sequence) return RecordLabel::stale;
  if (position_.sequence && span.from < *position_.sequence) return RecordLabel::out_of_order;
  return RecordLabel::span;
}

void RecordRules::accept(const FrameIdentity& frame) {
  newest_birth_ = newest_birth_ ? std::max(*newest_birth_, frame.birth) : frame.birth;
  last_frame_ = Serial{.birth = frame.birth, .number = frame.number};
}

void RecordRules::accept(const PointRecord& point, const Digest& digest) {
  position_ = {.closed = point.epoch, .sequence = point.sequence, .digest = digest};
  newest_birth_.reset();
  last_frame_.reset();
  span_.reset();
  track_lost_ = false;
}

void RecordRules::accept(const SpanRecord& span) { span_ = span; }

void RecordRules::lose_track() {
  span_.reset();
  track_lost_ = true;
}

}  // namespace afterimage::format
