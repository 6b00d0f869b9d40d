// SPDX-License-Identifier: Apache-2.0
// The format as it was on the day it was fixed: files that every later version must read, and write again byte for
// byte. They and the example of the document are written anew, after a deliberate change of the format, with
//   AFTERIMAGE_WRITE_GOLDEN=1 test_format --gtest_filter='Golden*'
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "tests/engine/format/journal_kit.h"
#include "tests/engine/format/samples.h"

namespace afterimage::format {
namespace {

const std::filesystem::path source = AFTERIMAGE_SOURCE;
const std::filesystem::path golden = source / "tests/engine/format/golden";
const std::filesystem::path corpus = source / "tests/fuzz/corpus";

// No test of this program has a second thread.
// NOLINTNEXTLINE(concurrency-mt-unsafe)
bool writing() { return std::getenv("AFTERIMAGE_WRITE_GOLDEN") != nullptr; }

Bytes read(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream) << path;
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  const ByteView bytes = view_of(text);
  return {bytes.begin(), bytes.end()};
}

void write(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST(Golden, FilesAreMadeAgainByteForByte) {
  for (const samples::Sample& sample : samples::golden()) {
    if (writing()) write(golden / sample.name, text_of(sample.bytes));
    EXPECT_EQ(read(golden / sample.name), sample.bytes) << sample.name;
  }
}

TEST(Golden, FilesAreReadAndEncodedAgainByteForByte) {
  const Bytes frame = read(golden / "frame.bin");
  const auto view = FrameView::parse(frame);
  ASSERT_TRUE(view);
  RawFrame raw{.extents = {view->extents().begin(), view->extents().end()},
               .hashes = {view->hashes().begin(), view->hashes().end()}};
  FrameDecoder decoder;
  FrameEncoder encoder;
  ASSERT_TRUE(decode_frame(*view, decoder, raw.content));
  EXPECT_TRUE(verify_blocks(*view, raw.content, kit::hasher));
  EXPECT_EQ(encode_frame(view->identity(), raw, Compression::off(), encoder), frame);
  const Bytes point = read(golden / "point.bin");
  EXPECT_EQ(PointRecord::parse(point)->encode(), point);
}

// Appends every record of the file to a new segment: the index and trailer must come out the same as well.
TEST(Golden, SegmentsAreReadAndSealedAgainByteForByte) {
  for (const char* const name : {"segment-sealed.bin", "segment-merged.bin"}) {
    const Bytes file = read(golden / name);
    SegmentScanner scanner({}, ByteCount(std::uint64_t{file.size()}));
    SegmentBuilder builder;
    Bytes again = builder.begin(*SegmentHeader::parse(file));
    while (const auto want = scanner.want()) {
      scanner.feed(ByteView(file).subspan(want->offset.value(), want->bytes.value()));
      while (const auto record = scanner.next()) {
        if (record->frame) kit::append(again, *builder.append_frame(*record->frame));
        if (record->span) kit::append(again, *builder.append_span(*record->span));
        if (record->point) kit::append(again, *builder.append_point(*record->point));
      }
    }
    EXPECT_EQ(scanner.outcome().end, RecordLabel::sealed);
    kit::append(again, *builder.seal());
    EXPECT_EQ(again, file) << name;
  }
  EXPECT_EQ(kit::scan(read(golden / "segment-open.bin")).outcome.end, RecordLabel::end_of_data);
}

TEST(Golden, CompressedFrameOfAnyVersionOfZstdIsRead) {
  if (writing()) write(golden / "frame-zstd.bin", text_of(samples::compressed_frame()));
  const Bytes bytes = read(golden / "frame-zstd.bin");
  const auto view = FrameView::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->header().codec, Codec::zstd);
  FrameDecoder decoder;
  Bytes raw;
  ASSERT_TRUE(decode_frame(*view, decoder, raw));
  EXPECT_TRUE(verify_blocks(*view, raw, kit::hasher));
  Bytes now;
  ASSERT_TRUE(decode_frame(*FrameView::parse(samples::compressed_frame()), decoder, now));
  EXPECT_EQ(raw, now);
}

TEST(Golden, SeedsOfTheFuzzTargetsStand) {
  for (const char* const part : {"frame", "point", "index", "segment"}) {
    for (const samples::Sample& sample : samples::seeds(part)) {
      const auto path = corpus / ("format_" + std::string(part)) / sample.name;
      if (writing()) write(path, text_of(sample.bytes));
      EXPECT_FALSE(read(path).empty()) << path;
    }
  }
}

TEST(Golden, WorkedExampleOfTheDocumentIsWhatThisProgramWrites) {
  const std::filesystem::path document = source / "docs/journal-format.md";
  const Bytes bytes = read(document);
  std::string text(text_of(bytes));
  const std::string begin = "<!-- worked example: written and checked by the test Golden -->\n```\n";
  const std::size_t from = text.find(begin);
  ASSERT_NE(from, std::string::npos);
  const std::size_t start = from + begin.size();
  const std::size_t end = text.find("```\n", start);
  ASSERT_NE(end, std::string::npos);
  if (writing())
    write(document, text.replace(start, end - start, samples::worked_example_text()));
  else
    EXPECT_EQ(text.substr(start, end - start), samples::worked_example_text());
}

TEST(Golden, WorkedExampleIsAWholeSegment) {
  Bytes file;
  for (const samples::Part& part : samples::worked_example()) {
    EXPECT_EQ(part.offset, file.size()) << part.title;
    kit::append(file, part.bytes);
  }
  EXPECT_EQ(kit::scan(file).outcome.end, RecordLabel::sealed);
}

}  // namespace
}  // namespace afterimage::format
