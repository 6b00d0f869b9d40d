// SPDX-License-Identifier: Apache-2.0
#include "engine/format/segment.h"

#include <utility>

#include <fmt/format.h>

#include "engine/format/wire.h"
#include "io/base/check.h"
#include "io/base/limits.h"

namespace afterimage::format {
namespace {

// What must always fit behind the last frame: a span, a point, and the disks they bring into the index.
constexpr std::uint64_t closing_reserve = 2 * limits::point_record_bytes_max + limits::disks_max * wire::run_disk_bytes;

std::unexpected<Error> misfit(RecordLabel label, std::string what) {
  return fail(ErrorCode::conflict, "append to segment", fmt::format("{} cannot be appended: {}", what, name_of(label)));
}

std::unexpected<Error> too_long() { return fail(ErrorCode::limit_exceeded, "append to a segment that is full"); }

}  // namespace

Bytes SegmentBuilder::begin(const SegmentHeader& header, JournalPosition before) {
  AFI_CHECK(state_ == State::empty && header.number.value() != 0);
  state_ = State::open;
  header_ = header;
  rules_ = RecordRules(header, std::move(before), {});
  size_ = ByteOffset(std::uint64_t{segment_header_bytes});
  return header.encode();
}

Status SegmentBuilder::check_open() const {
  if (state_ != State::open) return fail(ErrorCode::refused, "append to a segment that is not open");
  return {};
}

std::uint64_t SegmentBuilder::index_bytes_max() const {
  return closed_index_bytes_ + open_run_.encoded_size_max(0) + directory_fixed_bytes +
         (runs_.size() + 1) * directory_run_bytes + sizeof(std::uint64_t) + segment_trailer_bytes;
}

bool SegmentBuilder::fits_point() const { return fits(0, 0); }

bool SegmentBuilder::fits(std::size_t frame_bytes, std::size_t frame_extents) const {
  const std::uint64_t entries =
      wire::run_disk_bytes + wire::run_frame_bytes + 2 * frame_extents * wire::run_entry_bytes;
  return runs_.size() < limits::segment_runs_max && extents_ + frame_extents <= limits::segment_extents_max &&
         size_.value() + frame_bytes + index_bytes_max() + entries + closing_reserve <= limits::segment_bytes_max;
}

Result<ByteView> SegmentBuilder::append_frame(ByteView encoded) {
  AFI_TRY(const FrameView frame, FrameView::parse(encoded));
  return append_frame(frame);
}

Result<ByteView> SegmentBuilder::append_frame(const FrameView& frame) {
  AFI_TRY_STATUS(check_open());
  if (!fits(frame.encoded_size(), frame.extents().size())) return too_long();
  if (open_run_.disk_count() >= limits::disks_max && !open_run_.knows(frame.identity().disk)) {
    return fail(ErrorCode::limit_exceeded, "append frames of more disks than a machine has");
  }
  const RecordLabel label = rules_.judge(frame.identity());
  if (label != RecordLabel::frame) {
    return misfit(label, fmt::format("frame {} of epoch {}", frame.identity().number, frame.identity().birth.value()));
  }
  rules_.accept(frame.identity());
  open_run_.add(frame, size_);
  extents_ += frame.extents().size();
  size_ += ByteCount(std::uint64_t{frame.encoded_size()});
  return frame.bytes();
}

Result<Bytes> SegmentBuilder::append_span(const SpanRecord& span) {
  AFI_TRY_STATUS(check_open());
  if (!fits_point()) return too_long();
  const RecordLabel label = rules_.judge(span);
  if (label != RecordLabel::span) return misfit(label, fmt::format("the span up to point {}", span.to.value()));
  rules_.accept(span);
  Bytes bytes = span.encode();
  size_ += ByteCount(std::uint64_t{bytes.size()});
  return bytes;
}

Result<Bytes> SegmentBuilder::append_point(const PointRecord& point) {
  AFI_TRY_STATUS(check_open());
  // A frame that fitted left the reserve for its point, and a span for its own.
  const bool reserved = open_run_.frame_count() > 0 || rules_.open_span().has_value();
  if (!reserved && !fits_point()) return too_long();
  const RecordLabel label = rules_.judge(point);
  if (label != RecordLabel::point) return misfit(label, fmt::format("point {}", point.sequence.value()));
  std::vector<DiskSize> sizes;
  RunClosing closing{.epoch = point.epoch, .from = Sequence(point.sequence.value() - 1), .sequence = point.sequence};
  if (const auto& span = rules_.open_span()) {
    sizes = span->disks;
    closing.from = span->from;
  } else {
    for (const PointDisk& disk : point.disks) sizes.push_back({.disk = disk.disk, .sizes = disk.sizes});
  }
  rules_.accept(point, point.digest());
  close_run(closing, sizes);
  Bytes bytes = point.encode();
  size_ += ByteCount(std::uint64_t{bytes.size()});
  return bytes;
}

void SegmentBuilder::close_run(const RunClosing& closing, std::span<const DiskSize> sizes) {
  runs_.push_back(std::make_shared<const IndexRun>(open_run_.close(closing, sizes)));
  closed_index_bytes_ += runs_.back()->encoded_size();
}

Status SegmentBuilder::skip_to(ByteOffset offset) {
  AFI_TRY_STATUS(check_open());
  if (offset < size_) return fail(ErrorCode::invalid_argument, "skip backwards in a segment");
  if (offset == size_) return {};
  rules_.lose_track();
  size_ = offset;
  return {};
}

Result<Bytes> SegmentBuilder::seal() {
  AFI_TRY_STATUS(check_open());
  if (!open_run_.empty()) close_run({}, {});
  state_ = State::sealed;
  Bytes out;
  std::vector<RunPlace> places;
  ByteOffset next = size_;
  for (const auto& run : runs_) {
    const Bytes bytes = run->encode();
    places.push_back({.offset = next,
                      .encoded = ByteCount(std::uint64_t{bytes.size()}),
                      .epoch = run->epoch(),
                      .from = run->from(),
                      .sequence = run->sequence()});
    next += places.back().encoded;
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  const Bytes directory = encode_directory(places);
  out.insert(out.end(), directory.begin(), directory.end());
  SegmentFooter footer{
      .file_bytes = ByteCount(size_.value() + out.size() + segment_trailer_bytes),
      .records_end = size_,
      .directory = next,
      .header_check = header_.check(),
      .directory_check = load<std::uint64_t>(directory.data() + directory.size() - sizeof(std::uint64_t)),
      .runs = static_cast<std::uint32_t>(places.size())};
  const Bytes trailer = footer.encode();
  out.insert(out.end(), trailer.begin(), trailer.end());
  size_ = ByteOffset(footer.file_bytes.value());
  AFI_CHECK(size_.value() <= limits::segment_bytes_max);
  return out;
}

}  // namespace afterimage::format
