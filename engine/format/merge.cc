// SPDX-License-Identifier: Apache-2.0
#include "engine/format/merge.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/format/segment.h"
#include "io/base/check.h"

namespace afterimage::format {

Merger::Merger(MergePlan plan, MergeOptions options)
    : plan_(std::move(plan)), options_(std::move(options)), builder_(options_.raw_target) {}

SpanRecord Merger::span() const { return {.from = plan_.from, .to = plan_.to, .disks = plan_.sizes}; }

Result<const BlockHasher*> Merger::hasher_of(const DiskId& disk) const {
  for (const DiskHasher& each : options_.hashers) {
    if (each.disk == disk) return each.hasher.get();
  }
  return fail(ErrorCode::invalid_argument, "merge",
              fmt::format("the block secret of disk {} is not known, so its frames cannot be checked", disk.text()));
}

const Merger::Decoded* Merger::cached(const FrameSource& source) {
  const auto found =
      std::find_if(cache_.begin(), cache_.end(), [&](const Decoded& each) { return each.source == source; });
  if (found == cache_.end()) return nullptr;
  if (std::next(found) != cache_.end()) {
    Decoded used = std::move(*found);
    cache_.erase(found);
    cache_.push_back(std::move(used));
  }
  return &cache_.back();
}

Bytes Merger::emit() {
  const FrameIdentity identity{.disk = building_, .birth = newest_birth_, .number = number_++};
  newest_birth_ = Epoch();
  return encode_frame(identity, builder_.take(), options_.compression, encoder_);
}

// A frame is due when it is full, or when what comes next is of another disk.
std::optional<Bytes> Merger::emit_if_due(const DiskId& next_disk) {
  std::optional<Bytes> due;
  if (!builder_.empty() && (builder_.full() || building_ != next_disk)) due = emit();
  building_ = next_disk;
  return due;
}

// Adds as much of the piece as the builder takes; block_in_piece_ says how far it came.
Status Merger::gather(const MergePiece& work, const Decoded* from) {
  const ViewPiece& piece = work.piece;
  const std::uint64_t count = piece.extent.count.value();
  if (from == nullptr) {
    builder_.add_zero(piece.extent);
    newest_birth_ = std::max(newest_birth_, piece.place.birth);
    block_in_piece_ = count;
    return {};
  }
  newest_birth_ = std::max(newest_birth_, from->birth);
  for (; block_in_piece_ < count && !builder_.full(); ++block_in_piece_) {
    const std::size_t at = piece.raw_block + block_in_piece_;
    const BlockIndex block = piece.extent.first + BlockCount(block_in_piece_);
    const ByteView content = ByteView(from->content).subspan(at * block_size, block_size);
    if (piece.whole() || block_in_piece_ + 1 < count) {
      builder_.add_data(block, content, from->hashes[at]);
      continue;
    }
    Bytes cut(content.begin(), content.begin() + piece.last_block_bytes);
    cut.resize(block_size);
    AFI_TRY(const BlockHasher* const hasher, hasher_of(work.disk));
    const BlockHash hash = hasher->hash(cut);
    if (hash.value == 0) {
      builder_.add_zero({.first = block, .count = BlockCount(std::uint64_t{1})});
    } else {
      builder_.add_data(block, cut, hash);
    }
  }
  return {};
}

Result<std::optional<Bytes>> Merger::next_frame() {
  want_.reset();
  if (ready_) return std::exchange(ready_, std::nullopt);
  if (next_copy_ < plan_.copies.size()) {
    want_ = plan_.copies[next_copy_];
    return std::optional<Bytes>();
  }
  while (next_rewrite_ < plan_.rewrites.size()) {
    const MergePiece& work = plan_.rewrites[next_rewrite_];
    if (auto due = emit_if_due(work.disk)) return due;
    const Decoded* from = nullptr;
    if (work.piece.source == PieceSource::frame) {
      const FrameSource source{.segment = work.piece.segment, .place = work.piece.place};
      from = cached(source);
      if (from == nullptr) {
        want_ = source;
        return std::optional<Bytes>();
      }
    }
    AFI_TRY_STATUS(gather(work, from));
    if (block_in_piece_ == work.piece.extent.count.value()) {
      ++next_rewrite_;
      block_in_piece_ = 0;
    }
  }
  if (!builder_.empty()) return std::optional<Bytes>(emit());
  return std::optional<Bytes>();
}

Status Merger::feed(ByteView encoded) {
  AFI_CHECK(want_.has_value());
  const FrameSource source = *want_;
  AFI_TRY(const FrameView view, FrameView::parse(encoded));
  const FrameIdentity& identity = view.identity();
  if (identity.birth != source.place.birth || identity.number != source.place.number ||
      view.header().data_blocks() != source.place.data_blocks) {
    return fail(ErrorCode::damaged, "merge",
                fmt::format("segment {} holds frame {} of epoch {} at byte {}, its index says frame {} of epoch {}",
                            source.segment.value(), identity.number, identity.birth.value(),
                            source.place.offset.value(), source.place.number, source.place.birth.value()));
  }
  if (next_copy_ < plan_.copies.size()) {
    ready_ = Bytes(encoded.begin(), encoded.end());
    ++next_copy_;
    want_.reset();
    return {};
  }
  const DiskId& disk = plan_.rewrites[next_rewrite_].disk;
  if (identity.disk != disk) return fail(ErrorCode::damaged, "merge: a frame is of another disk than its index says");
  AFI_TRY(const BlockHasher* const hasher, hasher_of(disk));
  Decoded decoded{
      .source = source, .birth = identity.birth, .hashes = {view.hashes().begin(), view.hashes().end()}, .content = {}};
  AFI_TRY_STATUS(decode_frame(view, decoder_, decoded.content));
  AFI_TRY_STATUS(verify_blocks(view, decoded.content, *hasher));
  cached_bytes_ += decoded.content.size();
  cache_.push_back(std::move(decoded));
  while (cache_.size() > 1 && cached_bytes_ > options_.cache.value()) {
    cached_bytes_ -= cache_.front().content.size();
    cache_.pop_front();
  }
  want_.reset();
  return {};
}

namespace {

// The segments of a result, one after the other.
class ResultWriter {
 public:
  ResultWriter(const MergeTarget& target, JournalPosition before, MergeStore& store)
      : target_(target), before_(std::move(before)), store_(store), number_(target.first) {}

  Status append_frame(ByteView encoded) {
    AFI_TRY(const FrameView view, FrameView::parse(encoded));
    AFI_TRY_STATUS(make_room(view.encoded_size(), view.extents().size()));
    AFI_TRY(const ByteView bytes, builder_.append_frame(view));
    return store_.append(number_, bytes);
  }

  Result<std::uint64_t> close(const SpanRecord& span) {
    AFI_TRY_STATUS(make_room(0, 0));
    AFI_TRY(const Bytes span_bytes, builder_.append_span(span));
    AFI_TRY_STATUS(store_.append(number_, span_bytes));
    AFI_TRY(const Bytes point_bytes, builder_.append_point(target_.point));
    AFI_TRY_STATUS(store_.append(number_, point_bytes));
    AFI_TRY_STATUS(seal());
    return count_;
  }

 private:
  Status make_room(std::size_t bytes, std::size_t extents) {
    if (builder_.open() && builder_.fits(bytes, extents)) return {};
    if (builder_.open()) {
      AFI_TRY_STATUS(seal());
      number_ = number_.next();
    }
    builder_ = SegmentBuilder();
    const SegmentHeader header{
        .kind = SegmentKind::merged, .machine = target_.machine, .lineage = target_.lineage, .number = number_};
    return store_.append(number_, builder_.begin(header, before_));
  }

  Status seal() {
    AFI_TRY(const Bytes bytes, builder_.seal());
    ++count_;
    return store_.append(number_, bytes);
  }

  const MergeTarget& target_;
  JournalPosition before_;
  MergeStore& store_;
  SegmentNumber number_;
  SegmentBuilder builder_;
  std::uint64_t count_ = 0;
};

}  // namespace

Result<std::uint64_t> merge(MergePlan plan, MergeOptions options, const MergeTarget& target, MergeStore& store) {
  if (target.point.sequence != plan.to || target.point.epoch != plan.epoch) {
    return fail(ErrorCode::conflict, "merge up to another point than was planned");
  }
  const JournalPosition before{.closed = std::nullopt, .sequence = plan.from, .digest = std::nullopt};
  Merger merger(std::move(plan), std::move(options));
  ResultWriter writer(target, before, store);
  for (;;) {
    AFI_TRY(const std::optional<Bytes> frame, merger.next_frame());
    if (frame) {
      AFI_TRY_STATUS(writer.append_frame(*frame));
      continue;
    }
    if (!merger.want()) break;
    AFI_TRY(const Bytes encoded, store.fetch(*merger.want()));
    AFI_TRY_STATUS(merger.feed(encoded));
  }
  return writer.close(merger.span());
}

}  // namespace afterimage::format
