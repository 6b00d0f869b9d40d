// SPDX-License-Identifier: Apache-2.0
#include "engine/image/journal_view.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace afterimage::image {
namespace {

constexpr std::uint64_t window_blocks = 256;        // 1 MiB is read at once
constexpr std::uint64_t search_blocks = 16 * 1024;  // 64 MiB are planned at once when data is looked for

io::FileRange range_between(std::uint64_t start, std::uint64_t end) {
  return io::FileRange{.offset = ByteOffset(start), .size = ByteCount(end - start)};
}

void clear_last_block(MutableBytes out, const format::ViewPiece& piece) {
  if (!piece.whole()) std::ranges::fill(out.last(block_size - piece.last_block_bytes), std::byte{0});
}

}  // namespace

Error JournalView::named(Error error, Extent extent, std::string_view where) const {
  if (error.code == ErrorCode::cancelled || error.code == ErrorCode::timed_out) return error;
  error.detail = fmt::format("disk {}, blocks {} to {} ({}): {}", parts_.disk_name, extent.first.value(),
                             extent.end().value() - 1, where, error.text());
  return error;
}

std::shared_ptr<const JournalView::Decoded> JournalView::cached(SegmentNumber segment, ByteOffset offset) {
  const auto found = std::ranges::find_if(
      cache_, [&](const auto& frame) { return frame->segment == segment && frame->offset == offset; });
  if (found == cache_.end()) return nullptr;
  cache_.splice(cache_.begin(), cache_, found);
  return cache_.front();
}

void JournalView::keep(std::shared_ptr<const Decoded> frame) {
  cached_bytes_ += frame->raw.size();
  cache_.push_front(std::move(frame));
  while (cached_bytes_ > parts_.cache_bytes && cache_.size() > 1) {
    cached_bytes_ -= cache_.back()->raw.size();
    cache_.pop_back();
  }
}

io::Task<Status> JournalView::decode(format::ViewPiece piece, const Bytes& encoded, Decoded& into) {
  AFI_CO_RESULT(const format::FrameView frame, format::FrameView::parse(encoded));
  const format::FrameIdentity& identity = frame.identity();
  if (identity.disk != parts_.disk || identity.birth != piece.place.birth || identity.number != piece.place.number) {
    co_return fail(ErrorCode::damaged, "another frame stands where the index names one");
  }
  const std::uint64_t blocks = frame.raw_bytes().value() / block_size;
  if (piece.raw_block > blocks || piece.extent.count.value() > blocks - piece.raw_block) {
    co_return fail(ErrorCode::damaged, "a frame is shorter than the index says");
  }
  Status checked;
  auto running = workers_.run("decode a frame", [&checked, &frame, &into, this] {
    // The worker's own for good: to make a decompressor takes longer than to decode most frames.
    thread_local format::FrameDecoder decoder;
    checked = format::decode_frame(frame, decoder, into.raw);
    if (checked) checked = format::verify_blocks(frame, into.raw, parts_.hasher);
  });
  co_await running;
  co_return checked;
}

io::Task<Result<std::shared_ptr<const JournalView::Decoded>>> JournalView::frame_of(io::Scope& scope,
                                                                                    format::ViewPiece piece) {
  if (auto known = cached(piece.segment, piece.place.offset); known != nullptr) {
    const std::uint64_t blocks = known->raw.size() / block_size;
    if (piece.raw_block <= blocks && piece.extent.count.value() <= blocks - piece.raw_block) co_return known;
    co_return fail(ErrorCode::damaged, "a frame is shorter than the index says");
  }
  if (piece.place.encoded.value() > format::frame_encoded_bytes_max)
    co_return fail(ErrorCode::damaged, "an index names a frame larger than any");
  Bytes encoded(static_cast<std::size_t>(piece.place.encoded.value()));
  AFI_CO_TRY_STATUS(parts_.frames->read_frame(scope, piece.segment, piece.place.offset, encoded));
  auto frame = std::make_shared<Decoded>(Decoded{.segment = piece.segment, .offset = piece.place.offset, .raw = {}});
  AFI_CO_TRY_STATUS(decode(piece, encoded, *frame));
  keep(frame);
  co_return std::shared_ptr<const Decoded>(std::move(frame));
}

io::Task<Status> JournalView::read_base(io::Scope& scope, format::ViewPiece piece, MutableBytes out) {
  AFI_CO_TRY_STATUS(read_blocks(scope, *parts_.base, piece.extent, out));
  AFI_CO_TRY(const std::vector<format::BlockHash> hashes, parts_.sums->read_hashes(scope, piece.extent));
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    if (parts_.hasher.hash(out.subspan(i * block_size, block_size)) == hashes[i]) continue;
    co_return fail(
        ErrorCode::damaged, "a block of the base differs from its hash",
        fmt::format("block {} of base.raw differs from its hash in base.sums", piece.extent.first.value() + i));
  }
  co_return Status{};
}

io::Task<Status> JournalView::read_piece(io::Scope& scope, format::ViewPiece piece, MutableBytes out) {
  switch (piece.source) {
    case format::PieceSource::zero: std::ranges::fill(out, std::byte{0}); co_return Status{};
    case format::PieceSource::base: {
      auto reading = read_base(scope, piece, out);
      Status read = co_await reading;
      if (!read) co_return fail(named(std::move(read).error(), piece.extent, "base"));
      break;
    }
    case format::PieceSource::frame: {
      auto reading = frame_of(scope, piece);
      auto frame = co_await reading;
      if (!frame) {
        const std::string where = fmt::format("frame {} of epoch {} in segment {}", piece.place.number,
                                              piece.place.birth.value(), piece.segment.value());
        co_return fail(named(std::move(frame).error(), piece.extent, where));
      }
      const ByteView raw = ByteView((*frame)->raw).subspan(std::size_t{piece.raw_block} * block_size, out.size());
      std::ranges::copy(raw, out.begin());
      break;
    }
  }
  clear_last_block(out, piece);
  co_return Status{};
}

io::Task<Status> JournalView::read_window(io::Scope& scope, Extent window, MutableBytes out) {
  const std::vector<format::ViewPiece> pieces = parts_.plan.plan(window);
  for (const format::ViewPiece& piece : pieces) {
    const std::size_t at = static_cast<std::size_t>((piece.extent.first - window.first).value()) * block_size;
    const auto length = static_cast<std::size_t>(bytes_of(piece.extent.count).value());
    AFI_CO_TRY_STATUS(read_piece(scope, piece, out.subspan(at, length)));
  }
  co_return Status{};
}

io::Task<Status> JournalView::read(io::Scope& scope, ByteOffset offset, MutableBytes out) {
  if (offset.value() > size().value() || out.size() > size().value() - offset.value()) {
    co_return fail(ErrorCode::invalid_argument, "read outside an image");
  }
  Bytes window;
  std::uint64_t at = offset.value();
  while (!out.empty()) {
    const BlockIndex first = block_at(ByteOffset(at));
    const std::uint64_t skip = at - offset_of(first).value();
    std::size_t count = 0;
    if (skip == 0 && out.size() >= block_size) {
      // Whole blocks are read to where they are wanted.
      const BlockCount blocks(std::min<std::uint64_t>(out.size() / block_size, window_blocks));
      count = static_cast<std::size_t>(bytes_of(blocks).value());
      AFI_CO_TRY_STATUS(read_window(scope, Extent{.first = first, .count = blocks}, out.first(count)));
    } else {
      const BlockCount blocks(std::min(blocks_of(ByteCount(skip + out.size())).value(), window_blocks));
      window.resize(static_cast<std::size_t>(bytes_of(blocks).value()));
      AFI_CO_TRY_STATUS(read_window(scope, Extent{.first = first, .count = blocks}, window));
      count = std::min(out.size(), window.size() - static_cast<std::size_t>(skip));
      std::ranges::copy(ByteView(window).subspan(static_cast<std::size_t>(skip), count), out.begin());
    }
    out = out.subspan(count);
    at += count;
  }
  co_return Status{};
}

// Where the base has content or, by its hashes, should have: blocks that it has lost read as a hole, and must be read
// to be found wrong.
io::Task<Result<std::optional<io::FileRange>>> JournalView::next_of_base(io::Scope& scope, ByteOffset from) {
  AFI_CO_TRY(const std::optional<io::FileRange> data, parts_.base->next_data(scope, from));
  AFI_CO_TRY(const std::optional<Extent> known, parts_.sums->next_data(scope, block_at(from)));
  if (!known) co_return data;
  const std::uint64_t start = std::max(offset_of(known->first).value(), from.value());
  if (data && data->offset.value() <= start) co_return data;
  co_return std::optional(range_between(start, offset_of(known->end()).value()));
}

io::Task<Result<std::optional<io::FileRange>>> JournalView::next_data(io::Scope& scope, ByteOffset from) {
  const BlockIndex end(blocks_of(size()).value());
  std::optional<io::FileRange> base_data;
  bool base_is_known = false;
  for (BlockIndex at = block_at(from); at < end;) {
    const Extent window{.first = BlockIndex(at.value() / search_blocks * search_blocks),
                        .count = BlockCount(search_blocks)};
    if (planned_ == nullptr || planned_window_ != window) {
      planned_window_ = window;
      planned_ = std::make_shared<const std::vector<format::ViewPiece>>(parts_.plan.plan(window));
    }
    const std::shared_ptr<const std::vector<format::ViewPiece>> pieces = planned_;
    auto piece = std::ranges::partition_point(*pieces, [at](const auto& other) { return other.extent.end() <= at; });
    for (; piece != pieces->end(); ++piece) {
      if (piece->source == format::PieceSource::zero) continue;
      const std::uint64_t start = std::max(offset_of(piece->extent.first).value(), from.value());
      const std::uint64_t stop = std::min(offset_of(piece->extent.end()).value(), size().value());
      if (piece->source == format::PieceSource::frame) co_return std::optional(range_between(start, stop));
      if (!base_is_known || (base_data && base_data->end().value() <= start)) {
        AFI_CO_TRY(base_data, next_of_base(scope, ByteOffset(start)));
        base_is_known = true;
      }
      if (!base_data || base_data->offset.value() >= stop) continue;
      co_return std::optional(
          range_between(std::max(start, base_data->offset.value()), std::min(stop, base_data->end().value())));
    }
    at = window.end();
  }
  co_return std::optional<io::FileRange>{};
}

}  // namespace afterimage::image
