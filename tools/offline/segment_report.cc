// SPDX-License-Identifier: Apache-2.0
#include "tools/offline/segment_report.h"

#include <map>

#include "engine/format/frame.h"
#include "engine/format/index_run.h"
#include "engine/format/segment_scanner.h"
#include "io/base/limits.h"

namespace afterimage::tools {
namespace {

// Gathers a report while the scanner goes through the file.
class Gatherer {
 public:
  Gatherer(SegmentReport& report, SegmentCheck check) : report_(report), check_(check) {}

  void take(const format::ScanRecord& record) {
    using Label = format::RecordLabel;
    switch (record.label) {
      case Label::frame: return take_frame(record);
      case Label::point:
        if (record.point) report_.points.push_back(*record.point);
        return;
      case Label::index: return take_index(record);
      case Label::span:
      case Label::foreign:
      case Label::stale:
      case Label::out_of_order:
      case Label::unsupported_version:
      case Label::torn:
      case Label::rot:
      case Label::end_of_data:
      case Label::sealed: return;  // the outcome tells of what is wrong
    }
  }

  void finish(const format::ScanOutcome& outcome) {
    report_.header = outcome.header;
    if (!outcome.header)
      fault(ByteOffset(), ByteCount(std::uint64_t{format::segment_header_bytes}), "the header is damaged");
    for (const format::Damage& damage : outcome.damage) {
      fault(damage.offset, damage.end - damage.offset, std::string(format::name_of(damage.label)));
    }
    if (outcome.end == format::RecordLabel::sealed) report_.end = SegmentEnd::sealed;
    if (outcome.end == format::RecordLabel::end_of_data) report_.end = SegmentEnd::open;
  }

 private:
  void fault(ByteOffset offset, ByteCount length, std::string what) {
    if (report_.faults.size() < segment_faults_max) {
      report_.faults.push_back({.offset = offset, .length = length, .what = std::move(what)});
    }
  }

  void take_frame(const format::ScanRecord& record) {
    if (!record.frame) return;
    const format::FrameView& frame = *record.frame;
    ++report_.frames;
    report_.content_bytes += frame.raw_bytes();
    report_.stored_bytes += ByteCount(std::uint64_t{frame.encoded_size()});
    for (const format::FrameExtent& extent : frame.extents()) {
      if (extent.kind == format::BlockKind::zero) report_.zero_blocks += extent.extent.count.value();
    }
    places_[record.offset] = frame.identity();
    if (check_ == SegmentCheck::records) return;
    if (const Status decoded = format::decode_frame(frame, decoder_, content_); !decoded) {
      fault(record.offset, ByteCount(std::uint64_t{record.bytes.size()}), "a frame: " + decoded.error().text());
    }
  }

  // An index that is intact by itself may still point elsewhere. The directory is none of the runs.
  void take_index(const format::ScanRecord& record) {
    const auto run = format::IndexRun::parse(record.bytes);
    if (!run) return;
    for (const format::FramePlace& place : run->frames()) {
      const auto found = places_.find(place.offset);
      if (found != places_.end() && found->second.birth == place.birth && found->second.number == place.number)
        continue;
      return fault(record.offset, ByteCount(std::uint64_t{record.bytes.size()}),
                   "the index names a frame that is not there");
    }
  }

  SegmentReport& report_;
  SegmentCheck check_;
  format::FrameDecoder decoder_;
  Bytes content_;
  std::map<ByteOffset, format::FrameIdentity> places_;
};

}  // namespace

io::Task<Result<SegmentReport>> read_segment(io::Scope& scope, io::File& file, SegmentCheck check,
                                             SegmentProgress progress) {
  SegmentReport report;
  AFI_CO_TRY(const io::FileFacts facts, file.facts(scope));
  report.file_bytes = facts.size;
  if (facts.size.value() > 2 * limits::segment_bytes_max) {
    co_return fail(ErrorCode::limit_exceeded, "read a segment",
                   "this is no segment: it is longer than a segment can be");
  }
  format::SegmentScanner scanner({}, facts.size);
  Gatherer gatherer(report, check);
  Bytes window;
  while (const auto want = scanner.want()) {
    window.resize(want->bytes.value());
    AFI_CO_TRY(const std::size_t count, file.read_at(scope, want->offset, window));
    scanner.feed(ByteView(window).first(count));
    while (const auto record = scanner.next()) gatherer.take(*record);
    if (progress.advance) progress.advance(want->offset.value() + count, facts.size.value());
  }
  if (scanner.outcome().end == format::RecordLabel::unsupported_version) {
    co_return fail(ErrorCode::unsupported, "read a segment",
                   "the segment was written by a later version of Afterimage");
  }
  gatherer.finish(scanner.outcome());
  co_return report;
}

}  // namespace afterimage::tools
