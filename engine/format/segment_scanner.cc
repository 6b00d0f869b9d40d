// SPDX-License-Identifier: Apache-2.0
#include "engine/format/segment_scanner.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/format/wire.h"
#include "io/base/check.h"
#include "io/base/limits.h"

namespace afterimage::format {
namespace {

constexpr std::size_t window_bytes = 1024 * 1024;
constexpr std::size_t fixed_bytes = 64;  // enough to know the length of any record
static_assert(fixed_bytes >= frame_header_bytes && fixed_bytes >= segment_trailer_bytes);
static_assert(window_bytes > frame_encoded_bytes_max);

}  // namespace

SegmentScanner::SegmentScanner(ScanExpectation expectation, ByteCount file_bytes)
    : expectation_(std::move(expectation)),
      file_bytes_(std::min(file_bytes.value(), limits::segment_bytes_max)),
      rules_(SegmentHeader{}, {}, {}) {
  if (file_bytes_ == 0) finish(RecordLabel::end_of_data);
}

std::optional<SegmentScanner::Want> SegmentScanner::want() const {
  if (mode_ == Mode::ended || !hungry_) return std::nullopt;
  const std::uint64_t rest = file_bytes_ - position_.value();
  return Want{.offset = position_, .bytes = ByteCount(std::min<std::uint64_t>(rest, std::max(needed_, window_bytes)))};
}

void SegmentScanner::feed(ByteView bytes) {
  const std::optional<Want> wanted = want();
  AFI_CHECK(wanted.has_value() && bytes.size() <= wanted->bytes.value());
  if (bytes.size() < wanted->bytes.value()) file_bytes_ = position_.value() + bytes.size();
  window_ = bytes;
  window_offset_ = position_;
  hungry_ = false;
}

const ScanOutcome& SegmentScanner::outcome() const {
  AFI_CHECK(mode_ == Mode::ended);
  return outcome_;
}

ByteView SegmentScanner::at(ByteOffset offset) const { return window_.subspan((offset - window_offset_).value()); }

bool SegmentScanner::disk_known(const DiskId& disk) const {
  const auto has = [&](const std::vector<DiskId>& disks) {
    return std::find(disks.begin(), disks.end(), disk) != disks.end();
  };
  if (!expectation_.disks.empty()) return has(expectation_.disks);
  return disks_seen_.empty() || has(disks_seen_);
}

// What stands at position_, as far as its own bytes tell.
SegmentScanner::Found SegmentScanner::inspect() const {
  const ByteView rest = at(position_);
  const std::size_t remaining = file_bytes_ - position_.value();
  if (rest.size() < std::min(remaining, fixed_bytes)) return {.kind = Found::Kind::more, .bytes = fixed_bytes};
  if (wire::starts_with(rest, wire::frame_magic)) return inspect_frame(rest, remaining);
  if (wire::starts_with(rest, wire::trailer_magic)) return inspect_trailer(rest, remaining);
  return inspect_small(rest, remaining);
}

SegmentScanner::Found SegmentScanner::inspect_frame(ByteView rest, std::size_t remaining) const {
  const Result<FrameHeader> header = FrameHeader::parse(rest);
  if (!header) {
    return {.kind = header.error().code == ErrorCode::unsupported ? Found::Kind::unsupported : Found::Kind::bad};
  }
  const std::size_t length = header->encoded_size();
  // A search must not trust a header that names a disk this journal has never seen, nor one that cannot stand here:
  // it may be a guest's data. At a record boundary an intact header tells the truth about its length.
  if (mode_ == Mode::searching && (!disk_known(header->identity.disk) || length > remaining ||
                                   rules_.judge(header->identity) != RecordLabel::frame)) {
    return {.kind = Found::Kind::bad};
  }
  Found found{.kind = Found::Kind::bad, .bytes = std::min(length, remaining), .frame = header->identity};
  if (length > remaining) return found;
  if (rest.size() < length) return {.kind = Found::Kind::more, .bytes = length};
  Result<FrameView> frame = FrameView::parse(rest.first(length));
  if (!frame) return found;
  found.kind = Found::Kind::record;
  found.record = {.label = RecordLabel::frame, .offset = position_, .bytes = frame->bytes()};
  found.record.frame = std::move(*frame);
  return found;
}

SegmentScanner::Found SegmentScanner::inspect_small(ByteView rest, std::size_t remaining) const {
  const bool point = wire::starts_with(rest, wire::point_magic);
  const bool span = wire::starts_with(rest, wire::span_magic);
  const bool run = wire::starts_with(rest, wire::run_magic);
  const bool directory = wire::starts_with(rest, wire::directory_magic);
  if (!point && !span && !run && !directory) return {};
  // Behind damage the trailer is proof enough of an index; looking for its runs would cost a hostile file too little.
  if ((run || directory) && mode_ == Mode::searching) return {};
  const Result<std::size_t> measured = point  ? PointRecord::measure(rest)
                                       : span ? SpanRecord::measure(rest)
                                       : run  ? IndexRun::measure(rest)
                                              : measure_directory(rest);
  if (!measured || *measured > remaining) return {};
  const std::size_t length = *measured;
  if (rest.size() < length) return {.kind = Found::Kind::more, .bytes = length};
  Found found{.kind = Found::Kind::record, .bytes = length};
  found.record = {.label = RecordLabel::index, .offset = position_, .bytes = rest.first(length)};
  ErrorCode code = ErrorCode::end_of_data;  // stands for: no error
  if (point) {
    Result<PointRecord> record = PointRecord::parse(found.record.bytes);
    found.record.label = RecordLabel::point;
    if (record)
      found.record.point = std::move(*record);
    else
      code = record.error().code;
  } else if (span) {
    Result<SpanRecord> record = SpanRecord::parse(found.record.bytes);
    found.record.label = RecordLabel::span;
    if (record)
      found.record.span = std::move(*record);
    else
      code = record.error().code;
  } else if (run) {
    const Result<IndexRun> record = IndexRun::parse(found.record.bytes);
    if (!record) code = record.error().code;
  } else {
    const Status checked = wire::verify_closing_check(found.record.bytes, "a directory does not match its check");
    if (!checked) code = checked.error().code;
  }
  if (code == ErrorCode::end_of_data) return found;
  return {.kind = code == ErrorCode::unsupported ? Found::Kind::unsupported : Found::Kind::bad};
}

SegmentScanner::Found SegmentScanner::inspect_trailer(ByteView rest, std::size_t remaining) const {
  if (remaining < segment_trailer_bytes) return {};
  const ByteCount end(position_.value() + segment_trailer_bytes);
  const Result<SegmentFooter> footer = parse_trailer(rest.first(segment_trailer_bytes), end);
  if (!footer) {
    return {.kind = footer.error().code == ErrorCode::unsupported ? Found::Kind::unsupported : Found::Kind::bad};
  }
  if (outcome_.header && footer->header_check != outcome_.header->check()) return {};
  return {.kind = Found::Kind::trailer, .bytes = segment_trailer_bytes, .footer = *footer};
}

RecordLabel SegmentScanner::judge(const ScanRecord& record) const {
  if (record.label == RecordLabel::index) return RecordLabel::index;
  if (in_index_) return RecordLabel::out_of_order;
  if (record.frame) return rules_.judge(record.frame->identity());
  if (record.point) return rules_.judge(*record.point);
  return rules_.judge(*record.span);
}

std::optional<ScanRecord> SegmentScanner::next() {
  while (mode_ != Mode::ended && !hungry_) {
    if (position_.value() == file_bytes_) {
      finish(RecordLabel::end_of_data);
      break;
    }
    std::optional<ScanRecord> record;
    switch (mode_) {
      case Mode::header: record = step_header(); break;
      case Mode::records: record = step_record(); break;
      case Mode::searching: record = step_search(); break;
      case Mode::ended: break;
    }
    if (record) return record;
  }
  return std::nullopt;
}

std::optional<ScanRecord> SegmentScanner::step_header() {
  const Result<SegmentHeader> header = SegmentHeader::parse(window_);
  if (!header && header.error().code == ErrorCode::unsupported) {
    stop(RecordLabel::unsupported_version);
    return std::nullopt;
  }
  const auto differs = [](const auto& expected, const auto& actual) { return expected && *expected != actual; };
  if (header && (differs(expectation_.machine, header->machine) || differs(expectation_.lineage, header->lineage) ||
                 differs(expectation_.number, header->number))) {
    outcome_.header = *header;
    stop(RecordLabel::foreign);
    return std::nullopt;
  }
  if (header) {
    outcome_.header = *header;
    rules_ = RecordRules(*header, expectation_.before, expectation_.disks);
    position_ = ByteOffset(std::uint64_t{segment_header_bytes});
    outcome_.good_end = position_;
    outcome_.durable_end = position_;
    outcome_.position = rules_.position();
    mode_ = Mode::records;
    return std::nullopt;
  }
  // Without its header the segment is what the caller expects it to be.
  const SegmentHeader expected{.kind = expectation_.kind.value_or(SegmentKind::stream),
                               .machine = expectation_.machine.value_or(MachineId{}),
                               .lineage = expectation_.lineage.value_or(LineageId{}),
                               .number = expectation_.number.value_or(SegmentNumber{})};
  rules_ = RecordRules(expected, expectation_.before, expectation_.disks);
  outcome_.position = rules_.position();
  begin_damage(RecordLabel::torn, 0, std::nullopt);
  return std::nullopt;
}

std::optional<ScanRecord> SegmentScanner::step_record() {
  Found found = inspect();
  switch (found.kind) {
    case Found::Kind::more:
      needed_ = found.bytes;
      hungry_ = true;
      return std::nullopt;
    case Found::Kind::unsupported: stop(RecordLabel::unsupported_version); return std::nullopt;
    case Found::Kind::bad: begin_damage(RecordLabel::torn, found.bytes, found.frame); return std::nullopt;
    case Found::Kind::trailer: take_trailer(*found.footer); return std::nullopt;
    case Found::Kind::record: return take(std::move(found));
  }
  return std::nullopt;
}

std::optional<ScanRecord> SegmentScanner::take(Found found) {
  ScanRecord& record = found.record;
  record.label = judge(record);
  record.after_damage = !suspects_.empty();
  switch (record.label) {
    case RecordLabel::frame:
    case RecordLabel::point:
    case RecordLabel::span:
    case RecordLabel::index:
      accept(record);
      position_ += ByteCount(std::uint64_t{found.bytes});
      if (suspects_.empty() && record.label != RecordLabel::index) outcome_.good_end = position_;
      if (suspects_.empty() && record.label == RecordLabel::point) {
        outcome_.durable_end = position_;
        outcome_.position = rules_.position();
      }
      break;
    case RecordLabel::foreign:
    case RecordLabel::stale:
    case RecordLabel::out_of_order:
      begin_damage(record.label, found.bytes, found.frame);
      mode_ = Mode::records;  // an intact record ends where it says: what follows stands at a boundary
      break;
    case RecordLabel::unsupported_version:
    case RecordLabel::torn:
    case RecordLabel::rot:
    case RecordLabel::end_of_data:
    case RecordLabel::sealed: AFI_CHECK(false);  // no record is judged so
  }
  return std::move(record);
}

void SegmentScanner::accept(const ScanRecord& record) {
  end_damage(&record);
  if (record.frame) {
    rules_.accept(record.frame->identity());
    const DiskId& disk = record.frame->identity().disk;
    if (disks_seen_.size() < limits::disks_max &&
        std::find(disks_seen_.begin(), disks_seen_.end(), disk) == disks_seen_.end()) {
      disks_seen_.push_back(disk);
    }
  } else if (record.point) {
    rules_.accept(*record.point, record.point->digest());
    last_closing_ = record.offset;
  } else if (record.span) {
    rules_.accept(*record.span);
    last_closing_ = record.offset;
  } else {
    in_index_ = true;
  }
}

void SegmentScanner::take_trailer(const SegmentFooter& footer) {
  last_closing_ = position_;
  end_damage(nullptr);
  position_ += ByteCount(std::uint64_t{segment_trailer_bytes});
  outcome_.footer = footer;
  if (position_.value() == file_bytes_) {
    if (suspects_.empty()) outcome_.good_end = position_;
    finish(RecordLabel::sealed);
    return;
  }
  mode_ = Mode::records;  // whatever stands behind a trailer is no record
  in_index_ = true;
}

// Moves position_ to the next bytes that may begin a record. False: there are none in the window.
bool SegmentScanner::find_candidate() {
  const ByteView rest = at(position_);
  std::size_t from = 0;
  while (from < rest.size()) {
    const void* const hit = std::memchr(rest.data() + from, 0xAF, rest.size() - from);
    if (hit == nullptr) break;
    const auto found = static_cast<std::size_t>(static_cast<const std::byte*>(hit) - rest.data());
    if (rest.size() - found < fixed_bytes && rest.size() < file_bytes_ - position_.value()) {
      position_ += ByteCount(std::uint64_t{found});  // cut by the window: look again with more
      return false;
    }
    const ByteView candidate = rest.subspan(found);
    for (const auto& magic : {wire::frame_magic, wire::point_magic, wire::span_magic, wire::trailer_magic}) {
      if (!wire::starts_with(candidate, magic)) continue;
      position_ += ByteCount(std::uint64_t{found});
      return true;
    }
    from = found + 1;
  }
  position_ += ByteCount(std::uint64_t{rest.size()});
  return false;
}

std::optional<ScanRecord> SegmentScanner::step_search() {
  if (!find_candidate()) {
    needed_ = fixed_bytes;
    hungry_ = position_.value() != file_bytes_;
    return std::nullopt;
  }
  Found found = inspect();
  switch (found.kind) {
    case Found::Kind::more:
      needed_ = found.bytes;
      hungry_ = true;
      return std::nullopt;
    case Found::Kind::trailer: take_trailer(*found.footer); return std::nullopt;
    case Found::Kind::record: {
      found.record.label = judge(found.record);
      const bool fits = found.record.label == RecordLabel::frame || found.record.label == RecordLabel::point ||
                        found.record.label == RecordLabel::span;
      if (!fits) break;
      return take(std::move(found));
    }
    case Found::Kind::unsupported: break;
    case Found::Kind::bad:
      position_ += ByteCount(std::uint64_t{std::max<std::size_t>(found.bytes, 1)});
      return std::nullopt;
  }
  position_ += ByteCount(std::uint64_t{1});
  return std::nullopt;
}

void SegmentScanner::begin_damage(RecordLabel label, std::size_t known_bytes,
                                  const std::optional<FrameIdentity>& frame) {
  mode_ = Mode::searching;
  const ByteOffset offset = position_;
  position_ += ByteCount(std::uint64_t{std::max<std::size_t>(known_bytes, 1)});
  if (suspects_.size() == damage_max) {
    suspects_.back().damage.end = ByteOffset(file_bytes_);
    rules_.lose_track();
    return;
  }
  Suspect suspect{.damage = {.label = label, .offset = offset, .end = position_, .frame = frame},
                  .point_before = rules_.position().sequence,
                  .hidden_from = rules_.newest_birth().value_or(Epoch{})};
  if (const auto closed = rules_.position().closed; closed && closed->value() != UINT64_MAX) {
    suspect.hidden_from = std::max(suspect.hidden_from, closed->next());
  }
  suspects_.push_back(std::move(suspect));
  if (label == RecordLabel::torn) rules_.lose_track();
}

// A good record, or the trailer, follows the damage at position_.
void SegmentScanner::end_damage(const ScanRecord* follower) {
  mode_ = Mode::records;
  for (auto suspect = suspects_.rbegin(); suspect != suspects_.rend() && !suspect->followed; ++suspect) {
    suspect->followed = true;
    if (suspect->damage.label == RecordLabel::torn) suspect->damage.end = std::max(suspect->damage.end, position_);
    if (follower != nullptr && follower->frame) suspect->follower_birth = follower->frame->identity().birth;
  }
}

bool SegmentScanner::is_rot(const Suspect& suspect) const {
  if (expectation_.tail == TailPromise::durable) return true;
  if (expectation_.durable && suspect.point_before.value_or(Sequence{}) < *expectation_.durable) return true;
  const bool closing_follows = last_closing_ > suspect.damage.offset;
  if (!suspect.followed && !closing_follows) return false;
  if (expectation_.tail == TailPromise::unacknowledged) return false;
  if (closing_follows) return true;
  return suspect.follower_birth && *suspect.follower_birth > suspect.hidden_from;
}

void SegmentScanner::decide(Suspect& suspect) const {
  const bool rot = is_rot(suspect);
  suspect.damage.action = rot ? DamageAction::quarantine : DamageAction::cut_off;
  if (suspect.damage.label != RecordLabel::torn) return;  // an intact record out of place keeps its name
  if (rot) suspect.damage.label = RecordLabel::rot;
  if (!suspect.followed) suspect.damage.end = ByteOffset(file_bytes_);
}

void SegmentScanner::finish(RecordLabel end) {
  mode_ = Mode::ended;
  outcome_.end = end;
  // An index without its trailer is a sealing that did not end; it says nothing that the records do not.
  const bool half_sealed = end != RecordLabel::sealed && in_index_ && suspects_.empty();
  const bool lost_end = suspects_.empty() && end == RecordLabel::end_of_data && expectation_.durable &&
                        rules_.position().sequence.value_or(Sequence{}) < *expectation_.durable;
  if (half_sealed || lost_end) {
    suspects_.push_back(
        {.damage = {.label = RecordLabel::torn, .offset = outcome_.good_end, .end = ByteOffset(file_bytes_)},
         .point_before = rules_.position().sequence,
         .hidden_from = Epoch{}});
  }
  bool rot = false;
  bool torn = false;
  for (Suspect& suspect : suspects_) {
    decide(suspect);
    (suspect.damage.action == DamageAction::quarantine ? rot : torn) = true;
    outcome_.damage.push_back(suspect.damage);
  }
  if (rot)
    outcome_.end = RecordLabel::rot;
  else if (torn)
    outcome_.end = RecordLabel::torn;
}

void SegmentScanner::stop(RecordLabel end) {
  mode_ = Mode::ended;
  outcome_.end = end;
}

}  // namespace afterimage::format
