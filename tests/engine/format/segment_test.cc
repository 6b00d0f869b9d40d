// SPDX-License-Identifier: Apache-2.0
#include "engine/format/segment.h"

#include <gtest/gtest.h>

#include "engine/format/digest.h"
#include "engine/format/index_run.h"
#include "tests/engine/format/journal_kit.h"

namespace afterimage::format {
namespace {

// header | frame a: 0..3 | frame a: 10..11 | point 1 | frame b: 5 | frame a: 2..5 | point 2 | frame a: 0 | index
struct Sealed {
  SegmentBuilder builder;
  Bytes file;
};

void append_frame(Sealed& made, const Bytes& encoded) {
  const auto bytes = made.builder.append_frame(encoded);
  ASSERT_TRUE(bytes) << bytes.error().text();
  kit::append(made.file, *bytes);
}

Digest append_point(Sealed& made, const PointRecord& point) {
  const auto bytes = made.builder.append_point(point);
  EXPECT_TRUE(bytes) << bytes.error().text();
  kit::append(made.file, *bytes);
  return point.digest();
}

void append_records(Sealed& made) {
  kit::append(made.file, made.builder.begin(kit::header()));
  append_frame(made, kit::frame(kit::identity(1, 0), 0, 4));
  append_frame(made, kit::frame(kit::identity(1, 1), 10, 2));
  const Digest first = append_point(made, kit::point(1, 1));
  append_frame(made, kit::frame(kit::identity(2, 0, kit::disk_b), 5, 1));
  append_frame(made, kit::frame(kit::identity(2, 1), 2, 4, 7));
  (void)append_point(made, kit::point(2, 2, first));
  append_frame(made, kit::frame(kit::identity(3, 0), 0, 1));
}

Sealed sealed() {
  Sealed made;
  append_records(made);
  kit::append(made.file, *made.builder.seal());
  return made;
}

TEST(Segment, SizeIsAlwaysTheNextOffset) {
  const Sealed made = sealed();
  EXPECT_EQ(made.builder.size().value(), made.file.size());
  EXPECT_TRUE(made.builder.sealed());
}

TEST(Segment, IndexIsReadBackAsItWasKept) {
  const Sealed made = sealed();
  const ByteView file(made.file);
  const auto footer = parse_trailer(file.last(segment_trailer_bytes), ByteCount(std::uint64_t{file.size()}));
  ASSERT_TRUE(footer) << footer.error().text();
  EXPECT_EQ(footer->header_check, kit::header().check());
  const auto places =
      parse_directory(file.subspan(footer->directory.value(), footer->directory_bytes().value()), *footer);
  ASSERT_TRUE(places) << places.error().text();
  ASSERT_EQ(places->size(), 3U);
  ASSERT_EQ(made.builder.runs().size(), 3U);
  for (std::size_t i = 0; i < places->size(); ++i) {
    const RunPlace& place = (*places)[i];
    const auto run = IndexRun::parse(file.subspan(place.offset.value(), place.encoded.value()));
    ASSERT_TRUE(run) << run.error().text();
    EXPECT_EQ(*run, *made.builder.runs()[i]);
    EXPECT_EQ(run->sequence(), place.sequence);
    EXPECT_EQ(run->encode().size(), run->encoded_size());
  }
  EXPECT_EQ((*places)[2].sequence.value(), 0U) << "the last run goes on in the next segment";
}

TEST(Segment, EntriesLeadToTheBlocks) {
  const Sealed made = sealed();
  FrameDecoder decoder;
  for (const auto& run : made.builder.runs()) {
    for (const RunDisk& disk : run->disks()) {
      for (const IndexEntry& entry : run->entries(disk.disk)) {
        const FramePlace& place = run->frame_of(entry);
        const auto view = FrameView::parse(ByteView(made.file).subspan(place.offset.value(), place.encoded.value()));
        ASSERT_TRUE(view);
        EXPECT_EQ(view->identity().number, place.number);
        Bytes raw;
        ASSERT_TRUE(decode_frame(*view, decoder, raw));
        const std::uint64_t seed = place.birth.value() == 2 && disk.disk == kit::disk_a ? 7 : 0;
        const Bytes expected = kit::text_block(seed * 1'000'000 + entry.extent.first.value());
        EXPECT_TRUE(std::equal(expected.begin(), expected.end(), raw.begin() + std::ptrdiff_t{4096} * entry.raw_block));
      }
    }
  }
}

TEST(Segment, LookupAnswersWhatOverlaps) {
  const Sealed made = sealed();
  const IndexRun& run = *made.builder.runs()[0];
  EXPECT_EQ(run.lookup(kit::disk_a, kit::extent(0, 4)).size(), 1U);
  EXPECT_EQ(run.lookup(kit::disk_a, kit::extent(3, 8)).size(), 2U);
  EXPECT_EQ(run.lookup(kit::disk_a, kit::extent(4, 6)).size(), 0U);
  EXPECT_EQ(run.lookup(kit::disk_a, kit::extent(11, 1000)).size(), 1U);
  EXPECT_EQ(run.lookup(kit::disk_b, kit::extent(0, 100)).size(), 0U);
}

TEST(Segment, LaterFrameOfARunWins) {
  SegmentBuilder builder;
  (void)builder.begin(kit::header());
  ASSERT_TRUE(builder.append_frame(kit::frame(kit::identity(0, 0), 0, 8)));  // staged
  ASSERT_TRUE(builder.append_frame(kit::frame(kit::identity(1, 0), 3, 2)));  // the closing epoch, in its middle
  ASSERT_TRUE(builder.append_point(kit::point(1, 1)));
  const auto entries = builder.runs()[0]->entries(kit::disk_a);
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].extent, kit::extent(0, 3));
  EXPECT_EQ(entries[1].extent, kit::extent(3, 2));
  EXPECT_EQ(entries[1].frame, 1U);
  EXPECT_EQ(entries[2].extent, kit::extent(5, 3));
  EXPECT_EQ(entries[2].raw_block, 5U);
}

TEST(Segment, RefusesWhatDoesNotFollow) {
  SegmentBuilder builder;
  EXPECT_EQ(builder.append_frame(kit::frame(kit::identity(1, 0), 0, 1)).error().code, ErrorCode::refused);
  (void)builder.begin(kit::header(),
                      {.closed = Epoch(std::uint64_t{4}), .sequence = Sequence(std::uint64_t{2}), .digest = Digest{}});
  const auto code = [](const auto& result) { return result ? ErrorCode::end_of_data : result.error().code; };
  EXPECT_EQ(code(builder.append_frame(kit::frame(kit::identity(4, 9), 0, 1))), ErrorCode::conflict) << "stale";
  EXPECT_TRUE(builder.append_frame(kit::frame(kit::identity(5, 3), 0, 1)));
  EXPECT_EQ(code(builder.append_frame(kit::frame(kit::identity(5, 3), 1, 1))), ErrorCode::conflict) << "twice";
  EXPECT_EQ(code(builder.append_frame(kit::frame(kit::identity(5, 2), 1, 1))), ErrorCode::conflict) << "backwards";
  EXPECT_EQ(code(builder.append_point(kit::point(2, 5))), ErrorCode::conflict) << "its number is taken";
  EXPECT_EQ(code(builder.append_point(kit::point(3, 4))), ErrorCode::conflict) << "epoch closed already";
  EXPECT_EQ(code(builder.append_point(kit::point(3, 5, kit::id_of<Digest>(9)))), ErrorCode::conflict)
      << "another parent";
  PointRecord other = kit::point(3, 5);
  other.machine = kit::id_of<MachineId>(0x77);
  EXPECT_EQ(code(builder.append_point(other)), ErrorCode::conflict);
  EXPECT_EQ(code(builder.append_span({.from = {}, .to = Sequence(std::uint64_t{3}), .disks = {}})),
            ErrorCode::conflict);
  EXPECT_TRUE(builder.append_point(kit::point(3, 5)));
  EXPECT_TRUE(builder.seal());
  EXPECT_EQ(code(builder.seal()), ErrorCode::refused);
  EXPECT_EQ(code(builder.append_point(kit::point(4, 6))), ErrorCode::refused);
}

TEST(Segment, IsFullBeforeItsFileWouldBeTooLong) {
  SegmentBuilder builder;
  (void)builder.begin(kit::header());
  const Bytes noise = kit::frame(kit::identity(1, 0), 0, 64);
  std::uint32_t number = 0;
  FrameBuilder gather{ByteCount(limits::frame_raw_bytes_max)};
  for (std::uint64_t i = 0; i < 64; ++i) kit::add(gather, 2 * i, kit::text_block(i));
  const RawFrame raw = gather.take();
  FrameEncoder encoder;
  while (builder.fits(noise.size() + 4096, 64)) {
    ASSERT_TRUE(builder.append_frame(encode_frame(kit::identity(1, number++), raw, Compression::off(), encoder)));
  }
  EXPECT_GT(number, 200U);
  ASSERT_TRUE(builder.append_point(kit::point(1, 1))) << "the point after the last frame always fits";
  ASSERT_TRUE(builder.seal());
  EXPECT_LE(builder.size().value(), limits::segment_bytes_max);
}

TEST(Segment, OfManyTinyExtentsIsFullByItsIndex) {
  SegmentBuilder builder;
  (void)builder.begin(kit::header());
  FrameBuilder gather;
  for (std::uint64_t i = 0; i < limits::frame_extents_max; ++i) gather.add_zero(kit::extent(2 * i, 1));
  const RawFrame raw = gather.take();
  FrameEncoder encoder;
  std::uint32_t number = 0;
  while (builder.fits(100'000, limits::frame_extents_max)) {
    ASSERT_TRUE(builder.append_frame(encode_frame(kit::identity(1, number++), raw, Compression::off(), encoder)));
  }
  EXPECT_EQ(number, limits::segment_extents_max / limits::frame_extents_max);
  ASSERT_TRUE(builder.seal());
  EXPECT_LE(builder.runs()[0]->encoded_size(), limits::index_run_bytes_max);
}

TEST(Segment, OpenedAgainOnItsRecordsGoesOnAsBefore) {
  Sealed made;
  append_records(made);
  SegmentScanner scanner({}, ByteCount(std::uint64_t{made.file.size()}));
  SegmentBuilder again;
  while (const auto want = scanner.want()) {
    scanner.feed(ByteView(made.file).subspan(want->offset.value(), want->bytes.value()));
    while (const auto record = scanner.next()) {
      if (!again.open()) (void)again.begin(kit::header());
      EXPECT_EQ(again.size(), record->offset);
      const bool appended = record->frame ? again.append_frame(*record->frame).has_value()
                                          : again.append_point(*record->point).has_value();
      ASSERT_TRUE(appended);
    }
  }
  EXPECT_EQ(again.size(), made.builder.size());
  EXPECT_EQ(again.open_frames(), 1U);
  EXPECT_EQ(*again.seal(), *made.builder.seal());
}

TEST(Segment, IndexedAgainBehindBytesThatAreLostGoesOnWithALaterPoint) {
  SegmentBuilder builder;
  (void)builder.begin(kit::header());
  ASSERT_TRUE(builder.append_point(kit::point(1, 1)));
  const ByteOffset lost = builder.size();
  EXPECT_FALSE(builder.skip_to(ByteOffset(std::uint64_t{10}))) << "backwards";
  ASSERT_TRUE(builder.skip_to(lost));
  EXPECT_FALSE(builder.append_point(kit::point(3, 3))) << "nothing was lost, so a point is missing";
  ASSERT_TRUE(builder.skip_to(lost + ByteCount(std::uint64_t{5000})));
  ASSERT_TRUE(builder.append_frame(kit::frame(kit::identity(3, 0), 0, 1)));
  ASSERT_TRUE(builder.append_point(kit::point(3, 3)));
  EXPECT_EQ(builder.runs()[1]->frames()[0].offset, lost + ByteCount(std::uint64_t{5000}));
}

TEST(Segment, MergedPointNeedsItsSpan) {
  SegmentBuilder builder;
  (void)builder.begin(kit::header(1, SegmentKind::merged));
  ASSERT_TRUE(builder.append_frame(kit::frame(kit::identity(3, 5), 0, 1)));
  ASSERT_TRUE(builder.append_frame(kit::frame(kit::identity(2, 9), 1, 1))) << "a merge keeps the numbers it finds";
  EXPECT_FALSE(builder.append_point(kit::point(4, 4)));
  const SpanRecord span{.from = Sequence(std::uint64_t{1}),
                        .to = Sequence(std::uint64_t{4}),
                        .disks = {{.disk = kit::disk_a, .sizes = kit::steady(1 << 20)}}};
  ASSERT_TRUE(builder.append_span(span));
  EXPECT_FALSE(builder.append_frame(kit::frame(kit::identity(4, 0), 2, 1))) << "nothing stands between span and point";
  EXPECT_FALSE(builder.append_point(kit::point(5, 5)));
  ASSERT_TRUE(builder.append_point(kit::point(4, 4)));
  const IndexRun& run = *builder.runs()[0];
  EXPECT_EQ(run.from().value(), 1U);
  EXPECT_EQ(run.sequence().value(), 4U);
  EXPECT_EQ(run.find(kit::disk_a)->sizes, kit::steady(1 << 20));
}

TEST(SegmentHeader, ComesBackAsItWasAndEveryFlippedBitIsFound) {
  Bytes bytes = kit::header(7, SegmentKind::merged).encode();
  EXPECT_EQ(*SegmentHeader::parse(bytes), kit::header(7, SegmentKind::merged));
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_FALSE(SegmentHeader::parse(bytes)) << bit;
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  }
}

TEST(SegmentFooter, EveryFlippedBitIsFound) {
  Sealed made = sealed();
  const ByteCount size(std::uint64_t{made.file.size()});
  const auto footer = *parse_trailer(ByteView(made.file).last(segment_trailer_bytes), size);
  const std::size_t from = footer.records_end.value();
  for (std::size_t bit = from * 8; bit < made.file.size() * 8; ++bit) {
    made.file[bit / 8] ^= std::byte{1} << (bit % 8);
    const ByteView file(made.file);
    bool good = false;
    if (const auto trailer = parse_trailer(file.last(segment_trailer_bytes), size)) {
      const auto places =
          parse_directory(file.subspan(trailer->directory.value(), trailer->directory_bytes().value()), *trailer);
      good = places.has_value();
      for (std::size_t i = 0; good && i < places->size(); ++i) {
        good = IndexRun::parse(file.subspan((*places)[i].offset.value(), (*places)[i].encoded.value())).has_value();
      }
    }
    EXPECT_FALSE(good) << "bit " << bit;
    made.file[bit / 8] ^= std::byte{1} << (bit % 8);
  }
}

TEST(SegmentFooter, OfAnotherLengthIsDamaged) {
  const Sealed made = sealed();
  const ByteView trailer = ByteView(made.file).last(segment_trailer_bytes);
  EXPECT_FALSE(parse_trailer(trailer, ByteCount(std::uint64_t{made.file.size() + 1})));
  EXPECT_FALSE(parse_trailer(trailer.first(63), ByteCount(std::uint64_t{made.file.size()})));
}

struct BadRun {
  const char* name;
  void (*spoil)(Bytes&);
};
class BadRuns : public testing::TestWithParam<BadRun> {};

// One disk (48..96), one frame (96..120), one entry (120..144), check.
TEST_P(BadRuns, AreRefused) {
  SegmentBuilder builder;
  (void)builder.begin(kit::header());
  ASSERT_TRUE(builder.append_frame(kit::frame(kit::identity(1, 0), 0, 2)));
  ASSERT_TRUE(builder.append_point(kit::point(1, 1)));
  Bytes bytes = builder.runs()[0]->encode();
  ASSERT_EQ(bytes.size(), 152U);
  ASSERT_TRUE(IndexRun::parse(bytes));
  GetParam().spoil(bytes);
  store(bytes.data() + 144, check_of(ByteView(bytes).first(144)));
  EXPECT_FALSE(IndexRun::parse(bytes));
}

INSTANTIATE_TEST_SUITE_P(
    IndexRun, BadRuns,
    testing::Values(BadRun{"NextVersion", [](Bytes& b) { b[4] = std::byte{2}; }},
                    BadRun{"TooManyDisks", [](Bytes& b) { b[6] = std::byte{2}; }},
                    BadRun{"LengthTooLong", [](Bytes& b) { store(b.data() + 8, 0xffffffffU); }},
                    BadRun{"FromNotBeforeSequence", [](Bytes& b) { store(b.data() + 24, std::uint64_t{1}); }},
                    BadRun{"OpenButFromSomewhere", [](Bytes& b) { store(b.data() + 32, std::uint64_t{0}); }},
                    BadRun{"FramesDoNotAddUp", [](Bytes& b) { store(b.data() + 40, 0x10000000U); }},
                    BadRun{"EntriesDoNotAddUp", [](Bytes& b) { store(b.data() + 44, 2U); }},
                    BadRun{"MoreEntriesOfADisk", [](Bytes& b) { store(b.data() + 88, 2U); }},
                    BadRun{"FewerEntriesOfADisk", [](Bytes& b) { store(b.data() + 88, 0U); }},
                    BadRun{"ReservedFieldSet", [](Bytes& b) { store(b.data() + 92, 1U); }},
                    BadRun{"FrameTooLong", [](Bytes& b) { store(b.data() + 100, 0xffffffffU); }},
                    BadRun{"FrameOfTooManyBlocks", [](Bytes& b) { store(b.data() + 116, 65U); }},
                    BadRun{"EntryOfNoFrame", [](Bytes& b) { store(b.data() + 136, 1U); }},
                    BadRun{"EntryOutsideItsFrame", [](Bytes& b) { store(b.data() + 140, 1U); }},
                    BadRun{"EntryThatWraps", [](Bytes& b) { store(b.data() + 120, ~std::uint64_t{0}); }}),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace afterimage::format
