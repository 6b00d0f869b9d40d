// SPDX-License-Identifier: Apache-2.0
// The recovery table of engine/format/segment_scanner.h, row by row.
#include <gtest/gtest.h>

#include "engine/format/digest.h"
#include "engine/format/segment.h"
#include "engine/format/segment_scanner.h"
#include "tests/engine/format/journal_kit.h"

namespace afterimage::format {
namespace {

using Label = RecordLabel;

// Records appended without asking the builder's leave, so that what must not be there can be.
struct File {
  Bytes bytes = kit::header().encode();
  std::vector<std::size_t> starts;
  Digest last;

  void record(ByteView encoded) {
    starts.push_back(bytes.size());
    kit::append(bytes, encoded);
  }
  void frame(std::uint64_t birth, std::uint32_t number, const DiskId& disk = kit::disk_a) {
    record(kit::frame(kit::identity(birth, number, disk), std::uint64_t{10} * number, 2, birth));
  }
  void point(std::uint64_t sequence, std::uint64_t epoch) {
    const PointRecord made = kit::point(sequence, epoch, last);
    last = made.digest();
    record(made.encode());
  }
  void spoil(std::size_t record_number, std::size_t at = 70) { bytes[starts[record_number] + at] ^= std::byte{0x55}; }
};

// Two whole cycles and one that goes on: 0 frame, 1 point 1, 2 frame, 3 frame, 4 point 2, 5 frame, 6 frame.
File two_points() {
  File file;
  file.frame(1, 0);
  file.point(1, 1);
  file.frame(2, 0);
  file.frame(2, 1);
  file.point(2, 2);
  file.frame(3, 0);
  file.frame(3, 1);
  return file;
}

ScanExpectation durable(std::uint64_t mark, TailPromise tail = TailPromise::unknown) {
  ScanExpectation expected;
  expected.durable = Sequence(mark);
  expected.tail = tail;
  return expected;
}

void expect_damage(const kit::Scan& scan, Label label, DamageAction action, std::size_t offset) {
  ASSERT_EQ(scan.outcome.damage.size(), 1U);
  EXPECT_EQ(scan.outcome.damage[0].label, label) << name_of(scan.outcome.damage[0].label);
  EXPECT_EQ(scan.outcome.damage[0].action, action);
  EXPECT_EQ(scan.outcome.damage[0].offset.value(), offset);
  EXPECT_EQ(scan.outcome.good_end.value(), offset);
}

TEST(Recovery, EndOfDataIsACleanEndAtARecordBoundary) {
  const File file = two_points();
  const kit::Scan scan = kit::scan(file.bytes);
  EXPECT_EQ(scan.outcome.end, Label::end_of_data);
  EXPECT_EQ(scan.outcome.good_end.value(), file.bytes.size());
  EXPECT_EQ(scan.outcome.durable_end.value(), file.starts[5]);
  EXPECT_EQ(scan.outcome.position.sequence->value(), 2U);
  EXPECT_EQ(scan.outcome.position.digest, file.last);
  EXPECT_EQ(scan.outcome.header, kit::header());
  EXPECT_TRUE(scan.outcome.damage.empty());
  EXPECT_EQ(scan.labels, (std::vector<Label>{Label::frame, Label::point, Label::frame, Label::frame, Label::point,
                                             Label::frame, Label::frame}));
  EXPECT_TRUE(std::equal(scan.offsets.begin(), scan.offsets.end(), file.starts.begin(), file.starts.end()));
}

TEST(Recovery, EmptyFileIsEndOfDataWithoutAHeader) {
  const kit::Scan scan = kit::scan({});
  EXPECT_EQ(scan.outcome.end, Label::end_of_data);
  EXPECT_FALSE(scan.outcome.header);
  EXPECT_EQ(scan.outcome.good_end.value(), 0U);
}

TEST(Recovery, TailCutAtAnyByteIsTornAndKeepsEveryWholeRecord) {
  const File file = two_points();
  for (std::size_t length = 1; length < file.bytes.size(); length += 37) {
    const kit::Scan scan = kit::scan(ByteView(file.bytes).first(length));
    std::size_t whole = 0;
    std::size_t boundary = length >= segment_header_bytes ? segment_header_bytes : 0;
    for (std::size_t i = 0; i < file.starts.size(); ++i) {
      const std::size_t end = i + 1 < file.starts.size() ? file.starts[i + 1] : file.bytes.size();
      if (end > length) break;
      ++whole;
      boundary = end;
    }
    EXPECT_EQ(scan.labels.size(), whole) << length;
    EXPECT_EQ(scan.outcome.good_end.value(), boundary) << length;
    EXPECT_EQ(scan.outcome.end, boundary == length ? Label::end_of_data : Label::torn) << length;
  }
}

TEST(Recovery, ZerosBehindTheLastRecordAreTorn) {
  File file = two_points();
  const std::size_t end = file.bytes.size();
  file.bytes.resize(end + 3'000'000);  // as a file system shows what was allocated and never written
  const kit::Scan scan = kit::scan(file.bytes);
  EXPECT_EQ(scan.outcome.end, Label::torn);
  expect_damage(scan, Label::torn, DamageAction::cut_off, end);
  EXPECT_EQ(scan.outcome.damage[0].end.value(), file.bytes.size());
}

TEST(Recovery, BadFrameBeforeAPointIsRotAndNamed) {
  File file = two_points();
  file.spoil(2);
  const kit::Scan scan = kit::scan(file.bytes);
  EXPECT_EQ(scan.outcome.end, Label::rot);
  expect_damage(scan, Label::rot, DamageAction::quarantine, file.starts[2]);
  EXPECT_EQ(scan.outcome.damage[0].end.value(), file.starts[3]);
  EXPECT_EQ(scan.outcome.damage[0].frame, kit::identity(2, 0));
  EXPECT_EQ(scan.labels.size(), 6U) << "every other record is still read";
  EXPECT_EQ(scan.points.size(), 2U);
  EXPECT_EQ(scan.outcome.durable_end.value(), file.starts[2]);
}

TEST(Recovery, EverySpoiledByteBeforeAPointIsRot) {
  const File file = two_points();
  for (std::size_t at = segment_header_bytes; at < file.starts[4]; at += 61) {
    Bytes bytes = file.bytes;
    bytes[at] ^= std::byte{0x10};
    const kit::Scan scan = kit::scan(bytes);
    EXPECT_EQ(scan.outcome.end, Label::rot) << at;
    ASSERT_EQ(scan.outcome.damage.size(), 1U) << at;
    EXPECT_LE(scan.outcome.damage[0].offset.value(), at);
    EXPECT_GT(scan.outcome.damage[0].end.value(), at);
    EXPECT_EQ(scan.labels.size(), 6U) << at;
  }
}

TEST(Recovery, PointAtOrBelowTheMarkIsRotEvenWithNothingBehindIt) {
  File file = two_points();
  file.spoil(4, 20);
  file.bytes.resize(file.starts[5]);
  expect_damage(kit::scan(file.bytes), Label::torn, DamageAction::cut_off, file.starts[4]);
  expect_damage(kit::scan(file.bytes, durable(1)), Label::torn, DamageAction::cut_off, file.starts[4]);
  expect_damage(kit::scan(file.bytes, durable(2)), Label::rot, DamageAction::quarantine, file.starts[4]);
}

TEST(Recovery, LostEndIsRotWhenTheMarkIsMissing) {
  const File file = two_points();
  const kit::Scan scan = kit::scan(ByteView(file.bytes).first(file.starts[4]), durable(2));
  EXPECT_EQ(scan.outcome.end, Label::rot);
  expect_damage(scan, Label::rot, DamageAction::quarantine, file.starts[4]);
  EXPECT_EQ(kit::scan({}, durable(1)).outcome.end, Label::rot);
}

TEST(Recovery, MarkMayStandBeforeTheSegment) {
  File file;
  file.frame(9, 0);
  ScanExpectation expected = durable(5);
  expected.before = {.closed = Epoch(std::uint64_t{8}), .sequence = Sequence(std::uint64_t{5}), .digest = Digest{}};
  file.bytes.resize(file.bytes.size() - 1);
  expect_damage(kit::scan(file.bytes, expected), Label::torn, DamageAction::cut_off, file.starts[0]);
}

TEST(Recovery, AllOfADurableSegmentIsRot) {
  File file = two_points();
  file.bytes.resize(file.bytes.size() - 10);
  ScanExpectation expected;
  expected.tail = TailPromise::durable;
  expect_damage(kit::scan(file.bytes, expected), Label::rot, DamageAction::quarantine, file.starts[6]);
}

TEST(Recovery, ReorderedFramesOfOneCycleAreTorn) {
  File file = two_points();
  file.frame(3, 2);
  file.spoil(5);
  const kit::Scan scan = kit::scan(file.bytes);
  expect_damage(scan, Label::torn, DamageAction::cut_off, file.starts[5]);
  EXPECT_EQ(scan.outcome.end, Label::torn);
}

TEST(Recovery, FramesOfALaterEpochBehindBadBytesAreRot) {
  File file = two_points();
  file.point(3, 3);
  file.frame(4, 0);
  file.spoil(7, 20);  // the point itself: only the later epoch tells that one stood there
  expect_damage(kit::scan(file.bytes), Label::rot, DamageAction::quarantine, file.starts[7]);
}

TEST(Recovery, PointAboveAnExactMarkIsTornWhereNothingAboveItWasAcknowledged) {
  File file = two_points();
  file.spoil(2);
  expect_damage(kit::scan(file.bytes, durable(1, TailPromise::unacknowledged)), Label::torn, DamageAction::cut_off,
                file.starts[2]);
  expect_damage(kit::scan(file.bytes, durable(2, TailPromise::unacknowledged)), Label::rot, DamageAction::quarantine,
                file.starts[2]);
}

TEST(Recovery, WithoutAMarkUnacknowledgedMeansAllOfTheSegment) {
  File file = two_points();
  file.spoil(2);
  ScanExpectation expected;
  expected.tail = TailPromise::unacknowledged;
  expect_damage(kit::scan(file.bytes, expected), Label::torn, DamageAction::cut_off, file.starts[2]);
}

TEST(Recovery, ForeignSegmentIsNotRead) {
  const File file = two_points();
  for (int which = 0; which < 3; ++which) {
    ScanExpectation expected;
    if (which == 0) expected.machine = kit::id_of<MachineId>(1);
    if (which == 1) expected.lineage = kit::id_of<LineageId>(1);
    if (which == 2) expected.number = SegmentNumber(std::uint64_t{2});
    const kit::Scan scan = kit::scan(file.bytes, expected);
    EXPECT_EQ(scan.outcome.end, Label::foreign);
    EXPECT_TRUE(scan.labels.empty());
  }
}

TEST(Recovery, ForeignRecordsAreLabelled) {
  File file = two_points();
  file.frame(3, 2, kit::disk_b);
  ScanExpectation expected;
  expected.disks = {kit::disk_a};
  kit::Scan scan = kit::scan(file.bytes, expected);
  EXPECT_EQ(scan.labels.back(), Label::foreign);
  expect_damage(scan, Label::foreign, DamageAction::cut_off, file.starts[7]);
  PointRecord other = kit::point(3, 3, file.last);
  other.lineage = kit::id_of<LineageId>(0x99);
  file = two_points();
  file.record(other.encode());
  scan = kit::scan(file.bytes);
  EXPECT_EQ(scan.labels.back(), Label::foreign);
}

TEST(Recovery, StaleRecordsAreLabelled) {
  File file = two_points();
  file.frame(2, 7);
  kit::Scan scan = kit::scan(file.bytes);
  EXPECT_EQ(scan.labels.back(), Label::stale);
  expect_damage(scan, Label::stale, DamageAction::cut_off, file.starts[7]);
  file = two_points();
  file.record(kit::point(2, 2).encode());
  EXPECT_EQ(kit::scan(file.bytes).labels.back(), Label::stale);
}

TEST(Recovery, OutOfOrderRecordsAreLabelled) {
  File file = two_points();
  file.frame(3, 1);
  EXPECT_EQ(kit::scan(file.bytes).labels.back(), Label::out_of_order);
  file = two_points();
  file.point(4, 4);
  EXPECT_EQ(kit::scan(file.bytes).labels.back(), Label::point) << "a number may be left out";
  file = two_points();
  file.last = Digest{};
  file.point(3, 3);
  EXPECT_EQ(kit::scan(file.bytes).labels.back(), Label::out_of_order) << "another parent";
}

TEST(Recovery, PointOlderThanItsFramesIsOutOfOrder) {
  File file = two_points();
  file.frame(9, 0);
  file.point(3, 8);
  EXPECT_EQ(kit::scan(file.bytes).labels.back(), Label::out_of_order);
}

TEST(Recovery, PointBehindALostPointIsStillRead) {
  File file = two_points();
  file.point(3, 3);
  file.spoil(4, 20);
  const kit::Scan scan = kit::scan(file.bytes);
  ASSERT_EQ(scan.outcome.damage.size(), 1U);
  EXPECT_EQ(scan.outcome.damage[0].label, Label::rot);
  ASSERT_EQ(scan.points.size(), 2U);
  EXPECT_EQ(scan.points[1].sequence.value(), 3U);
  EXPECT_EQ(scan.labels.back(), Label::point);
}

TEST(Recovery, MisplacedRecordBeforeAPointIsQuarantined) {
  File file;
  file.frame(1, 1);
  file.frame(1, 1);
  file.frame(1, 0);
  file.frame(1, 2);
  file.point(1, 1);
  const kit::Scan scan = kit::scan(file.bytes);
  ASSERT_EQ(scan.outcome.damage.size(), 2U);
  for (const Damage& damage : scan.outcome.damage) {
    EXPECT_EQ(damage.label, Label::out_of_order);
    EXPECT_EQ(damage.action, DamageAction::quarantine);
  }
  EXPECT_EQ(scan.outcome.end, Label::rot);
  EXPECT_EQ(scan.points.size(), 1U);
}

TEST(Recovery, UnsupportedVersionStopsTheScanAndCutsNothing) {
  File file = two_points();
  const std::size_t at = file.starts[5];
  file.bytes[at + 4] = std::byte{9};
  store(file.bytes.data() + at + 56, check_of(ByteView(file.bytes).subspan(at, 56)));
  kit::Scan scan = kit::scan(file.bytes);
  EXPECT_EQ(scan.outcome.end, Label::unsupported_version);
  EXPECT_TRUE(scan.outcome.damage.empty());
  file = two_points();
  file.bytes[4] = std::byte{9};
  store(file.bytes.data() + 56, check_of(ByteView(file.bytes).first(56)));
  EXPECT_EQ(kit::scan(file.bytes).outcome.end, Label::unsupported_version);
}

Bytes sealed_file(std::size_t& records_end) {
  const File file = two_points();
  SegmentBuilder builder;
  Bytes bytes = builder.begin(kit::header());
  const kit::Scan scan = kit::scan(file.bytes);
  for (std::size_t i = 0; i < file.starts.size(); ++i) {
    const std::size_t end = i + 1 < file.starts.size() ? file.starts[i + 1] : file.bytes.size();
    const ByteView record = ByteView(file.bytes).subspan(file.starts[i], end - file.starts[i]);
    if (scan.labels[i] == Label::point)
      kit::append(bytes, *builder.append_point(*PointRecord::parse(record)));
    else
      kit::append(bytes, *builder.append_frame(record));
  }
  records_end = bytes.size();
  kit::append(bytes, *builder.seal());
  return bytes;
}

TEST(Recovery, SealedSegmentEndsAtItsTrailer) {
  std::size_t records_end = 0;
  const Bytes bytes = sealed_file(records_end);
  const kit::Scan scan = kit::scan(bytes);
  EXPECT_EQ(scan.outcome.end, Label::sealed);
  ASSERT_TRUE(scan.outcome.footer);
  EXPECT_EQ(scan.outcome.footer->records_end.value(), records_end);
  EXPECT_EQ(scan.outcome.good_end.value(), bytes.size());
  EXPECT_EQ(scan.labels.back(), Label::index);
}

TEST(Recovery, HalfWrittenIndexIsTornAtTheEndOfTheRecords) {
  std::size_t records_end = 0;
  const Bytes bytes = sealed_file(records_end);
  for (std::size_t length = records_end + 1; length < bytes.size(); length += 13) {
    const kit::Scan scan = kit::scan(ByteView(bytes).first(length));
    EXPECT_EQ(scan.outcome.end, Label::torn) << length;
    EXPECT_EQ(scan.outcome.good_end.value(), records_end) << length;
  }
}

TEST(Recovery, EverySpoiledByteOfASealedSegmentIsFound) {
  std::size_t records_end = 0;
  const Bytes good = sealed_file(records_end);
  for (std::size_t at = 0; at < good.size(); at += 29) {
    Bytes bytes = good;
    bytes[at] ^= std::byte{0x04};
    ScanExpectation expected;
    expected.machine = kit::machine;
    expected.lineage = kit::lineage;
    const kit::Scan scan = kit::scan(bytes, expected);
    ASSERT_FALSE(scan.outcome.damage.empty()) << at;
    EXPECT_LE(scan.outcome.damage[0].offset.value(), at);
    EXPECT_GT(scan.outcome.damage[0].end.value(), at);
    if (at + segment_trailer_bytes < good.size()) {
      EXPECT_EQ(scan.outcome.end, Label::rot) << at;
    }
  }
}

TEST(Recovery, TrailerOfAnotherSegmentIsNotBelieved) {
  std::size_t records_end = 0;
  Bytes bytes = sealed_file(records_end);
  const Bytes other = kit::header(2).encode();
  std::copy(other.begin(), other.end(), bytes.begin());
  const kit::Scan scan = kit::scan(bytes);
  EXPECT_FALSE(scan.outcome.footer);
  EXPECT_NE(scan.outcome.end, Label::sealed);
}

TEST(Recovery, BytesBehindTheTrailerAreTorn) {
  std::size_t records_end = 0;
  Bytes bytes = sealed_file(records_end);
  const std::size_t end = bytes.size();
  kit::append(bytes, kit::frame(kit::identity(4, 0), 0, 1));
  const kit::Scan scan = kit::scan(bytes);
  ASSERT_EQ(scan.outcome.damage.size(), 1U);
  EXPECT_EQ(scan.outcome.damage[0].offset.value(), end);
  EXPECT_EQ(scan.outcome.damage[0].action, DamageAction::cut_off);
}

TEST(Recovery, SegmentWithoutItsHeaderIsReadAsExpected) {
  File file = two_points();
  file.bytes[5] ^= std::byte{1};
  ScanExpectation expected;
  expected.machine = kit::machine;
  expected.lineage = kit::lineage;
  const kit::Scan scan = kit::scan(file.bytes, expected);
  EXPECT_EQ(scan.outcome.end, Label::rot);
  EXPECT_FALSE(scan.outcome.header);
  EXPECT_EQ(scan.labels.size(), 7U);
}

TEST(Recovery, FrameInsideAGuestsDataIsNotBelieved) {
  // A guest writes what looks like a frame into its disk; the frame that holds it rots.
  File file;
  file.frame(1, 0);
  const Bytes fake = kit::frame(kit::identity(1, 5, kit::disk_b), 0, 1);
  FrameBuilder builder;
  Bytes content = fake;
  content.resize(8192);
  kit::add(builder, 50, Bytes(content.begin(), content.begin() + 4096));
  kit::add(builder, 51, Bytes(content.begin() + 4096, content.end()));
  FrameEncoder encoder;
  file.record(encode_frame(kit::identity(1, 1), builder.take(), Compression::off(), encoder));
  file.frame(1, 6);
  file.point(1, 1);
  file.bytes[file.starts[1] + 3] ^= std::byte{1};  // its header, so that the search runs through its content
  const kit::Scan scan = kit::scan(file.bytes);
  ASSERT_EQ(scan.outcome.damage.size(), 1U);
  EXPECT_EQ(scan.outcome.damage[0].end.value(), file.starts[2]);
}

TEST(Recovery, DoesNotDependOnHowTheFileIsFed) {
  File file = two_points();
  file.spoil(3, 10);
  const kit::Scan whole = kit::scan(file.bytes);
  // The same behind 2 MiB of garbage, so that the search crosses windows.
  File far = two_points();
  const std::size_t at = far.starts[5];
  Bytes garbage(2'500'000, std::byte{0xAF});
  far.bytes.insert(far.bytes.begin() + static_cast<std::ptrdiff_t>(at), garbage.begin(), garbage.end());
  const kit::Scan scan = kit::scan(far.bytes);
  ASSERT_EQ(scan.outcome.damage.size(), 1U);
  EXPECT_EQ(scan.outcome.damage[0].offset.value(), at);
  EXPECT_EQ(scan.outcome.damage[0].end.value(), at + garbage.size());
  EXPECT_EQ(scan.labels.size(), 7U);
  EXPECT_EQ(whole.labels.size(), 6U);
}

TEST(Recovery, FileThatShrinksWhileItIsReadJustEnds) {
  const File file = two_points();
  SegmentScanner scanner({}, ByteCount(std::uint64_t{file.bytes.size() + 5000}));
  std::size_t records = 0;
  while (const auto want = scanner.want()) {
    const std::size_t from = want->offset.value();
    scanner.feed(
        ByteView(file.bytes).subspan(from, std::min<std::size_t>(want->bytes.value(), file.bytes.size() - from)));
    while (scanner.next()) ++records;
  }
  EXPECT_EQ(records, 7U);
  EXPECT_EQ(scanner.outcome().end, Label::end_of_data);
}

TEST(Recovery, EveryLabelHasItsName) {
  EXPECT_EQ(name_of(Label::end_of_data), "end_of_data");
  EXPECT_EQ(name_of(Label::rot), "rot");
  EXPECT_EQ(name_of(Label::unsupported_version), "unsupported_version");
}

}  // namespace
}  // namespace afterimage::format
