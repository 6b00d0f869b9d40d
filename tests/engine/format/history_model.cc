// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/format/history_model.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace afterimage::format::model {
namespace {

constexpr std::uint64_t first_result_segment = 1000;

Bytes block_of(const Image& image, std::uint64_t block) {
  Bytes content(block_size);
  const std::size_t from = block * block_size;
  const std::size_t length = std::min<std::size_t>(block_size, image.size() - from);
  std::copy_n(image.begin() + static_cast<std::ptrdiff_t>(from), length, content.begin());
  return content;
}

void put(Image& image, std::uint64_t block, ByteView content) {
  const std::size_t from = block * block_size;
  if (from >= image.size()) return;
  const std::size_t length = std::min<std::size_t>(content.size(), image.size() - from);
  std::copy_n(content.begin(), length, image.begin() + static_cast<std::ptrdiff_t>(from));
}

class Recorder {
 public:
  void begin_segment() { file_ = builder_.begin(kit::header(number_), position_); }
  void end_segment() {
    kit::append(file_, *builder_.seal());
    journal.segments[number_] = std::move(file_);
    for (const auto& run : builder_.runs()) journal.runs.push_back({.segment = SegmentNumber(number_), .run = run});
    builder_ = SegmentBuilder();
    ++number_;
  }
  void add_frame(Bytes encoded) { kit::append(file_, *builder_.append_frame(encoded)); }
  void add_point(const PointRecord& point) {
    kit::append(file_, *builder_.append_point(point));
    position_ = builder_.position();
    journal.points.push_back(point);
  }
  [[nodiscard]] std::uint32_t next_number() { return frame_number_++; }
  void begin_epoch() { frame_number_ = 0; }

  Journal journal;

 private:
  std::uint64_t number_ = 1;
  std::uint32_t frame_number_ = 0;
  Bytes file_;
  SegmentBuilder builder_;
  JournalPosition position_{.closed = std::nullopt, .sequence = Sequence(), .digest = Digest{}};
};

void capture(Recorder& recorder, const Cycle& cycle, std::uint64_t epoch, std::size_t disk, const Image& image,
             const std::vector<std::uint64_t>& blocks, std::uint64_t salt) {
  FrameBuilder builder{ByteCount(cycle.frame_blocks * block_size)};
  FrameEncoder encoder;
  const auto emit = [&] {
    const FrameIdentity who{.disk = disks[disk], .birth = Epoch(epoch), .number = recorder.next_number()};
    recorder.add_frame(encode_frame(who, builder.take(), Compression::zstd(1), encoder));
  };
  for (const std::uint64_t block : blocks) {
    const Bytes content = salt == 0 ? block_of(image, block) : kit::text_block(salt + block);
    if (is_zero(content))
      builder.add_zero(kit::extent(block, 1));
    else
      kit::add(builder, block, content);
    if (builder.full()) emit();
  }
  if (!builder.empty()) emit();
}

std::vector<std::uint64_t> written_blocks(const DiskCycle& cycle) {
  std::vector<std::uint64_t> blocks;
  for (const Write& write : cycle.writes) {
    if (write.block * block_size < cycle.after) blocks.push_back(write.block);
  }
  std::sort(blocks.begin(), blocks.end());
  blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
  return blocks;
}

}  // namespace

Bytes Journal::fetch(SegmentNumber segment, const FramePlace& place) const {
  const Bytes& file = segments.at(segment.value());
  const auto from = file.begin() + static_cast<std::ptrdiff_t>(place.offset.value());
  return {from, from + static_cast<std::ptrdiff_t>(place.encoded.value())};
}

std::vector<JournalRun> Journal::newest_first(std::uint64_t sequence) const {
  std::vector<JournalRun> chosen;
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    if (chosen.empty() && run->run->sequence().value() != sequence) continue;
    chosen.push_back(*run);
  }
  return chosen;
}

Journal record(const std::vector<Cycle>& cycles, std::vector<Image> images, std::vector<std::vector<Image>>& moments) {
  Recorder recorder;
  Digest parent;
  std::uint64_t epoch = 0;
  recorder.begin_segment();
  for (std::size_t k = 0; k < cycles.size(); ++k) {
    const Cycle& cycle = cycles[k];
    PointRecord point = kit::point(k + 1, 0, parent);
    point.disks.clear();
    for (std::size_t d = 0; d < disks.size(); ++d) {
      const DiskCycle& change = cycle.disks[d];
      const std::uint64_t before = images[d].size();
      const std::uint64_t smallest = std::min({before, change.smallest, change.after});
      images[d].resize(smallest);
      images[d].resize(change.after);
      for (const Write& write : change.writes)
        put(images[d], write.block, write.seed == 0 ? Bytes(block_size) : kit::text_block(write.seed));
      point.disks.push_back(
          {.disk = disks[d],
           .sizes = {.before = ByteCount(before), .smallest = ByteCount(smallest), .after = ByteCount(change.after)},
           .changed = BlockCount(std::uint64_t{written_blocks(change).size()}),
           .change_root = {}});
    }
    for (const bool staged : {true, false}) {
      if (staged && !cycle.staged) continue;
      ++epoch;
      recorder.begin_epoch();
      for (std::size_t d = 0; d < disks.size(); ++d) {
        capture(recorder, cycle, epoch, d, images[d], written_blocks(cycle.disks[d]), staged ? 777'000 : 0);
      }
    }
    if (cycle.new_segment) {
      recorder.end_segment();
      recorder.begin_segment();
    }
    point.epoch = Epoch(epoch);
    parent = point.digest();
    recorder.add_point(point);
    moments.push_back(images);
  }
  recorder.end_segment();
  return std::move(recorder.journal);
}

namespace {

// The blocks of a piece that comes from a frame, checked.
Bytes read_piece(const Journal& journal, const ViewPiece& piece) {
  const Bytes encoded = journal.fetch(piece.segment, piece.place);
  const auto view = FrameView::parse(encoded);
  EXPECT_TRUE(view);
  FrameDecoder decoder;
  Bytes raw;
  EXPECT_TRUE(decode_frame(*view, decoder, raw));
  EXPECT_TRUE(verify_blocks(*view, raw, kit::hasher));
  const ByteView part = ByteView(raw).subspan(piece.raw_block * block_size, piece.extent.count.value() * block_size);
  Bytes content(part.begin(), part.end());
  std::fill(content.end() - static_cast<std::ptrdiff_t>(block_size - piece.last_block_bytes), content.end(),
            std::byte{0});
  return content;
}

void put_piece(Image& image, const ViewPiece& piece, const Bytes& content) {
  for (std::uint64_t i = 0; i < piece.extent.count.value(); ++i) {
    put(image, piece.extent.first.value() + i, ByteView(content).subspan(i * block_size, block_size));
  }
}

}  // namespace

Image read_view(const Journal& journal, std::size_t disk, std::uint64_t sequence, const Image& base) {
  const auto plan = ViewPlan::make(disks[disk], journal.newest_first(sequence), ByteCount(std::uint64_t{base.size()}));
  EXPECT_TRUE(plan) << (plan ? "" : plan.error().text());
  Image image(plan->size().value(), std::byte{0xEE});  // whatever the plan leaves out stays wrong
  const std::uint64_t blocks = blocks_of(plan->size()).value();
  // In windows of odd sizes, as reads come.
  for (std::uint64_t first = 0; first < blocks; first += 7) {
    for (const ViewPiece& piece : plan->plan(kit::extent(first, 7))) {
      Bytes content(piece.extent.count.value() * block_size);
      if (piece.source == PieceSource::frame) content = read_piece(journal, piece);
      if (piece.source == PieceSource::base) {
        const std::size_t from = piece.extent.first.value() * block_size;
        const std::size_t length = content.size() - block_size + piece.last_block_bytes;
        EXPECT_LE(from + length, base.size()) << "the plan reads past the base";
        std::copy_n(base.begin() + static_cast<std::ptrdiff_t>(from), length, content.begin());
      }
      put_piece(image, piece, content);
    }
  }
  return image;
}

Image fold(const Journal& journal, std::size_t disk, std::uint64_t sequence, Image base) {
  const auto plan = ViewPlan::make(disks[disk], journal.newest_first(sequence), ByteCount(std::uint64_t{base.size()}));
  EXPECT_TRUE(plan);
  base.resize(plan->base_limit().value());
  base.resize(plan->size().value());
  for (const ViewPiece& piece : plan->changes({.first = BlockIndex(), .count = blocks_of(plan->size())})) {
    put_piece(base, piece,
              piece.source == PieceSource::frame ? read_piece(journal, piece)
                                                 : Bytes(piece.extent.count.value() * block_size));
  }
  return base;
}

namespace {

class MemoryStore final : public MergeStore {
 public:
  MemoryStore(const Journal& from, Journal& to) : from_(from), to_(to) {}
  Result<Bytes> fetch(const FrameSource& source) override { return from_.fetch(source.segment, source.place); }
  Status append(SegmentNumber segment, ByteView bytes) override {
    kit::append(to_.segments[segment.value()], bytes);
    return {};
  }

 private:
  const Journal& from_;
  Journal& to_;
};

// The runs of a sealed segment, as a reader finds them.
void read_index(Journal& journal, std::uint64_t number) {
  const ByteView file(journal.segments.at(number));
  const auto footer = parse_trailer(file.last(segment_trailer_bytes), ByteCount(std::uint64_t{file.size()}));
  ASSERT_TRUE(footer);
  const auto places =
      parse_directory(file.subspan(footer->directory.value(), footer->directory_bytes().value()), *footer);
  ASSERT_TRUE(places);
  for (const RunPlace& place : *places) {
    auto run = IndexRun::parse(file.subspan(place.offset.value(), place.encoded.value()));
    ASSERT_TRUE(run) << run.error().text();
    journal.runs.push_back(
        {.segment = SegmentNumber(number), .run = std::make_shared<const IndexRun>(std::move(*run))});
  }
}

}  // namespace

Journal merged(const Journal& journal, const std::vector<std::uint64_t>& groups) {
  Journal result;
  result.segments = journal.segments;
  std::uint64_t next_segment = first_result_segment + journal.segments.rbegin()->first;
  auto hasher = std::make_shared<const BlockHasher>(kit::secret);
  auto run = journal.runs.begin();
  std::size_t group = 0;
  while (run != journal.runs.end()) {
    const std::uint64_t wanted = group < groups.size() ? groups[group] : 1;
    ++group;
    std::vector<JournalRun> taken;
    for (std::uint64_t closed = 0; run != journal.runs.end() && closed < std::max<std::uint64_t>(wanted, 1); ++run) {
      taken.push_back(*run);
      if (run->run->closed()) ++closed;
    }
    if (wanted == 0 || !taken.back().run->closed()) {
      result.runs.insert(result.runs.end(), taken.begin(), taken.end());
      continue;
    }
    auto plan = plan_merge(taken);
    EXPECT_TRUE(plan) << plan.error().text();
    const auto point = std::find_if(journal.points.begin(), journal.points.end(),
                                    [&](const PointRecord& each) { return each.sequence == plan->to; });
    MergeOptions options{.hashers = {{disks[0], hasher}, {disks[1], hasher}},
                         .raw_target = ByteCount(std::uint64_t{8 * block_size}),
                         .cache = ByteCount(std::uint64_t{3 * block_size})};
    MemoryStore store(result, result);
    const MergeTarget target{
        .machine = kit::machine, .lineage = kit::lineage, .first = SegmentNumber(next_segment), .point = *point};
    const auto made = merge(std::move(*plan), std::move(options), target, store);
    EXPECT_TRUE(made) << made.error().text();
    for (std::uint64_t i = 0; i < *made; ++i) read_index(result, next_segment++);
  }
  result.points = journal.points;
  // A journal merged again reads its own result.
  return result;
}

bool all_sealed(const Journal& journal) {
  for (const auto& [number, file] : journal.segments) {
    ScanExpectation expected;
    expected.disks = disks;
    if (kit::scan(file, expected).outcome.end != RecordLabel::sealed) return false;
  }
  return true;
}

}  // namespace afterimage::format::model
