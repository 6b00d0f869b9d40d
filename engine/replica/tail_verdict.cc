// SPDX-License-Identifier: Apache-2.0
#include "engine/replica/tail_verdict.h"

#include <algorithm>

#include <fmt/format.h>

namespace afterimage::replica {

std::string_view name_of(TailVerdict verdict) noexcept {
  switch (verdict) {
    case TailVerdict::gap: return "gap";
    case TailVerdict::foreign: return "foreign";
    case TailVerdict::unsupported: return "unsupported";
    case TailVerdict::rolled_back: return "rolled_back";
    case TailVerdict::forked: return "forked";
    case TailVerdict::rot: return "rot";
    case TailVerdict::torn: return "torn";
    case TailVerdict::unplaced: return "unplaced";
    case TailVerdict::resumable: return "resumable";
    case TailVerdict::clean: return "clean";
  }
  return "";
}

Sequence acknowledged_mark(const std::vector<JournalPoint>& sealed_points, const std::vector<TailSegment>& tail,
                           const KnownPoints& known) {
  // Whatever is sealed was acknowledged: sealing follows the receipt.
  Sequence mark = sealed_points.empty() ? Sequence{} : sealed_points.back().record.sequence;
  mark = std::max(mark, known.newest());
  std::optional<Sequence> last;
  for (const TailSegment& segment : tail) {
    for (const JournalPoint& point : segment.points) {
      if (last) mark = std::max(mark, *last);
      last = point.record.sequence;
    }
    if (last && segment.has_open_frames) mark = std::max(mark, *last);
  }
  return mark;
}

namespace {

TailDecision stop(TailVerdict verdict, SegmentNumber segment, std::string reason) {
  return TailDecision{.verdict = verdict, .segment = segment, .offset = {}, .reason = std::move(reason)};
}

// A name that was never durable: the segments behind it are of an epoch without a point. If not, it was lost later.
std::optional<TailDecision> find_gap(SegmentNumber sealed_end, const std::vector<TailSegment>& tail, Sequence mark) {
  SegmentNumber expected = sealed_end.next();
  std::optional<SegmentNumber> missing;
  for (const TailSegment& segment : tail) {
    if (segment.number != expected && !missing) missing = expected;
    expected = segment.number.next();
    const bool holds_mark = std::ranges::any_of(
        segment.points, [mark](const JournalPoint& point) { return point.record.sequence <= mark; });
    if (missing && holds_mark) {
      return stop(TailVerdict::gap, *missing, fmt::format("segment {} of the journal is missing", missing->value()));
    }
  }
  if (!missing) return std::nullopt;
  return TailDecision{.verdict = TailVerdict::torn,
                      .segment = *missing,
                      .offset = ByteOffset{},
                      .reason = fmt::format("segment {} never came to be", missing->value())};
}

std::optional<TailDecision> find_refused(const std::vector<TailSegment>& tail) {
  for (const TailSegment& segment : tail) {
    const std::uint64_t number = segment.number.value();
    if (segment.outcome.end == format::RecordLabel::foreign) {
      return stop(TailVerdict::foreign, segment.number, fmt::format("segment {} belongs to another journal", number));
    }
    if (segment.outcome.end == format::RecordLabel::unsupported_version) {
      return stop(TailVerdict::unsupported, segment.number,
                  fmt::format("segment {} was written by another version of Afterimage; upgrade", number));
    }
  }
  return std::nullopt;
}

// Points that are known to be acknowledged must be here, and be the same.
std::optional<TailDecision> find_missing(const std::vector<JournalPoint>& sealed_points,
                                         const std::vector<TailSegment>& tail, const KnownPoints& known) {
  std::vector<const JournalPoint*> found;
  found.reserve(sealed_points.size());
  for (const JournalPoint& point : sealed_points) found.push_back(&point);
  for (const TailSegment& segment : tail) {
    for (const JournalPoint& point : segment.points) found.push_back(&point);
  }
  for (const auto& [sequence, digest] : known.points) {
    const auto here =
        std::ranges::find(found, sequence, [](const JournalPoint* point) { return point->record.sequence; });
    if (here != found.end() && (*here)->digest != digest) {
      return stop(TailVerdict::forked, (*here)->segment,
                  fmt::format("point {} of the journal is not the one that was acknowledged", sequence.value()));
    }
    if (here == found.end() && sequence == known.newest()) {
      return stop(
          TailVerdict::rolled_back, {},
          fmt::format("point {} was acknowledged, and the journal ends before it: it was rolled back or damaged",
                      sequence.value()));
    }
  }
  return std::nullopt;
}

std::optional<TailDecision> find_rot(const std::vector<TailSegment>& tail, Sequence mark) {
  for (const TailSegment& segment : tail) {
    for (const format::Damage& damage : segment.outcome.damage) {
      if (damage.action != format::DamageAction::quarantine) continue;
      if (damage.offset == damage.end) continue;  // a clean end that comes too early: find_missing says what is missing
      return stop(
          TailVerdict::rot, segment.number,
          fmt::format("bytes {} to {} of segment {} are damaged ({}), and acknowledged points need them",
                      damage.offset.value(), damage.end.value(), segment.number.value(), name_of(damage.label)));
    }
    for (const JournalPoint& point : segment.points) {
      if (point.damage.empty() || point.record.sequence > mark) continue;
      return stop(TailVerdict::rot, segment.number,
                  fmt::format("point {}: {}", point.record.sequence.value(), point.damage));
    }
  }
  return std::nullopt;
}

// The first place behind the mark that cannot stay.
std::optional<TailDecision> find_cut(const std::vector<TailSegment>& tail, Sequence mark, ByteOffset behind_mark,
                                     SegmentNumber mark_segment) {
  for (const TailSegment& segment : tail) {
    const std::uint64_t number = segment.number.value();
    for (const JournalPoint& point : segment.points) {
      if (point.damage.empty() || point.record.sequence <= mark) continue;
      // Its epoch goes, back to the last acknowledged point, wherever that stands.
      const bool mark_is_staged = mark_segment != SegmentNumber{};
      return TailDecision{.verdict = TailVerdict::unplaced,
                          .segment = mark_is_staged ? mark_segment : tail.front().number,
                          .offset = mark_is_staged ? behind_mark : ByteOffset{},
                          .reason = fmt::format("point {} was never acknowledged and is not whole: {}",
                                                point.record.sequence.value(), point.damage)};
    }
    if (segment.unplaced) {
      return TailDecision{.verdict = TailVerdict::unplaced,
                          .segment = segment.number,
                          .offset = *segment.unplaced,
                          .reason = fmt::format("segment {} ends with frames of no one epoch", number)};
    }
    const bool has_header = segment.outcome.header.has_value();
    if (!has_header || segment.outcome.end == format::RecordLabel::torn || !segment.outcome.damage.empty()) {
      const bool is_headless = !has_header || segment.outcome.good_end.value() <= format::segment_header_bytes;
      return TailDecision{.verdict = TailVerdict::torn,
                          .segment = segment.number,
                          .offset = is_headless ? ByteOffset{} : segment.outcome.good_end,
                          .reason = fmt::format("the unfinished end of segment {} is torn", number)};
    }
    const bool is_last = &segment == &tail.back();
    if (!is_last && segment.outcome.end != format::RecordLabel::sealed) {
      // The next one was begun only after this one was sealed: its seal was lost in a power cut.
      return TailDecision{.verdict = TailVerdict::torn,
                          .segment = segment.number.next(),
                          .offset = ByteOffset{},
                          .reason = fmt::format("segment {} has lost its end", number)};
    }
  }
  return std::nullopt;
}

}  // namespace

TailDecision decide_tail(const SealedEnd& sealed, const std::vector<JournalPoint>& sealed_points,
                         const std::vector<TailSegment>& tail, const KnownPoints& known) {
  if (auto decision = find_refused(tail)) return *decision;
  const Sequence mark = acknowledged_mark(sealed_points, tail, known);
  const std::optional<TailDecision> gap = find_gap(sealed.end, tail, mark);
  if (gap && gap->verdict == TailVerdict::gap) return *gap;
  if (auto decision = find_rot(tail, mark)) return *decision;
  if (auto decision = find_missing(sealed_points, tail, known)) return *decision;
  const bool has_point = std::ranges::any_of(tail, [](const TailSegment& segment) { return !segment.points.empty(); });
  if (sealed.has_open_frames && !has_point) {
    return stop(TailVerdict::rolled_back, sealed.end,
                fmt::format("segment {} ends with frames of an acknowledged point, and that point is missing",
                            sealed.end.value()));
  }
  if (gap) return *gap;
  ByteOffset behind_mark;
  SegmentNumber mark_segment;
  for (const TailSegment& segment : tail) {
    for (const JournalPoint& point : segment.points) {
      if (point.record.sequence > mark) continue;
      mark_segment = segment.number;
      behind_mark = point.end();
    }
  }
  if (auto decision = find_cut(tail, mark, behind_mark, mark_segment)) {
    const bool is_behind =
        decision->segment > mark_segment || (decision->segment == mark_segment && decision->offset >= behind_mark);
    if (is_behind) return *decision;
    return stop(TailVerdict::rot, decision->segment, decision->reason + ", and acknowledged points need it");
  }
  bool resumes = false;
  for (const TailSegment& segment : tail) resumes = segment.has_open_frames || (resumes && segment.points.empty());
  return TailDecision{
      .verdict = resumes ? TailVerdict::resumable : TailVerdict::clean, .segment = {}, .offset = {}, .reason = {}};
}

}  // namespace afterimage::replica
