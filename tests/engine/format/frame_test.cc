// SPDX-License-Identifier: Apache-2.0
#include "engine/format/frame.h"

#include <gtest/gtest.h>

#include "engine/format/digest.h"
#include "tests/engine/format/journal_kit.h"

namespace afterimage::format {
namespace {

RawFrame mixed_frame() {
  FrameBuilder builder;
  kit::add(builder, 3, kit::text_block(3));
  kit::add(builder, 4, kit::text_block(4));
  builder.add_zero(kit::extent(5, 10));
  kit::add(builder, 100, kit::noise_block(100));
  return builder.take();
}

// Makes both checks right again after the bytes were changed.
void mend(Bytes& bytes) {
  store(bytes.data() + 48, check_of(ByteView(bytes).subspan(frame_header_bytes)));
  store(bytes.data() + 56, check_of(ByteView(bytes).first(56)));
}

ErrorCode code_of_parse(ByteView bytes) {
  const Result<FrameView> view = FrameView::parse(bytes);
  return view ? ErrorCode::end_of_data : view.error().code;
}

TEST(Frame, ComesBackAsItWas) {
  const RawFrame raw = mixed_frame();
  FrameEncoder encoder;
  FrameDecoder decoder;
  for (const Compression compression :
       {Compression::off(), Compression::zstd(1), Compression::zstd(-5), Compression::zstd(19)}) {
    const Bytes bytes = encode_frame(kit::identity(7, 2), raw, compression, encoder);
    const auto view = FrameView::parse(bytes);
    ASSERT_TRUE(view) << view.error().text();
    EXPECT_EQ(view->identity(), kit::identity(7, 2));
    EXPECT_TRUE(std::equal(view->extents().begin(), view->extents().end(), raw.extents.begin(), raw.extents.end()));
    EXPECT_TRUE(std::equal(view->hashes().begin(), view->hashes().end(), raw.hashes.begin(), raw.hashes.end()));
    Bytes content;
    ASSERT_TRUE(decode_frame(*view, decoder, content));
    EXPECT_EQ(content, raw.content);
    EXPECT_TRUE(verify_blocks(*view, content, kit::hasher));
    EXPECT_EQ(FrameHeader::parse(bytes)->encoded_size(), bytes.size());
  }
}

TEST(Frame, NeighboursOfAKindBecomeOneExtent) {
  const RawFrame raw = mixed_frame();
  ASSERT_EQ(raw.extents.size(), 3U);
  EXPECT_EQ(raw.extents[0].extent, kit::extent(3, 2));
  EXPECT_EQ(raw.extents[1].kind, BlockKind::zero);
}

TEST(Frame, IncompressibleContentIsStoredRaw) {
  FrameBuilder builder;
  for (std::uint64_t i = 0; i < 16; ++i) kit::add(builder, i, kit::noise_block(i));
  EXPECT_TRUE(builder.full());
  FrameEncoder encoder;
  const Bytes bytes = encode_frame(kit::identity(1, 0), builder.take(), Compression::zstd(1), encoder);
  EXPECT_EQ(FrameHeader::parse(bytes)->codec, Codec::raw);
}

TEST(Frame, OfZerosAloneHasNoContent) {
  FrameBuilder builder;
  builder.add_zero(kit::extent(0, disk_blocks_max));
  FrameEncoder encoder;
  const Bytes bytes = encode_frame(kit::identity(1, 0), builder.take(), Compression::zstd(1), encoder);
  EXPECT_EQ(bytes.size(), frame_header_bytes + frame_extent_bytes);
  FrameDecoder decoder;
  Bytes content{std::byte{1}};
  ASSERT_TRUE(decode_frame(*FrameView::parse(bytes), decoder, content));
  EXPECT_TRUE(content.empty());
}

TEST(Frame, BuilderIsFullAtItsTargetOrWithTooManyExtents) {
  FrameBuilder small{ByteCount(2 * block_size)};
  kit::add(small, 0, kit::text_block(1));
  EXPECT_FALSE(small.full());
  kit::add(small, 9, kit::text_block(2));
  EXPECT_TRUE(small.full());
  EXPECT_EQ(small.next(), BlockIndex(std::uint64_t{10}));
  FrameBuilder scattered;
  for (std::uint64_t i = 0; i < limits::frame_extents_max; ++i) {
    ASSERT_FALSE(scattered.full());
    scattered.add_zero(kit::extent(2 * i, 1));
  }
  EXPECT_TRUE(scattered.full());
  FrameEncoder encoder;
  EXPECT_TRUE(FrameView::parse(encode_frame(kit::identity(1, 0), scattered.take(), Compression::off(), encoder)));
  EXPECT_TRUE(scattered.empty());
}

TEST(Frame, EverySingleFlippedBitIsFound) {
  FrameBuilder builder;
  kit::add(builder, 3, kit::text_block(3));
  builder.add_zero(kit::extent(5, 10));
  FrameEncoder encoder;
  Bytes bytes = encode_frame(kit::identity(7, 2), builder.take(), Compression::zstd(1), encoder);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_FALSE(FrameView::parse(bytes)) << bit;
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  EXPECT_TRUE(FrameView::parse(bytes));
}

TEST(Frame, OfAnyOtherLengthIsDamaged) {
  Bytes bytes = kit::frame(kit::identity(1, 0), 0, 1);
  for (std::size_t length = 0; length < bytes.size(); length += 41) {
    EXPECT_EQ(code_of_parse(ByteView(bytes).first(length)), ErrorCode::damaged) << length;
  }
  bytes.push_back(std::byte{0});
  EXPECT_EQ(code_of_parse(bytes), ErrorCode::damaged);
}

TEST(Frame, WrongBlockIsNamed) {
  const RawFrame raw = mixed_frame();
  FrameEncoder encoder;
  const Bytes bytes = encode_frame(kit::identity(7, 2), raw, Compression::off(), encoder);
  const auto view = FrameView::parse(bytes);
  Bytes content = raw.content;
  content[2 * block_size + 5] ^= std::byte{1};
  const Status status = verify_blocks(*view, content, kit::hasher);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::damaged);
  EXPECT_NE(status.error().detail.find("block 100"), std::string::npos) << status.error().detail;
  EXPECT_NE(status.error().detail.find(kit::disk_a.text()), std::string::npos);
}

struct BadFrame {
  const char* name;
  void (*spoil)(Bytes&);
  ErrorCode code;
};

// The catalogue: each with both checks made right, so that the rule itself is what refuses.
class BadFrames : public testing::TestWithParam<BadFrame> {};

TEST_P(BadFrames, AreRefused) {
  FrameEncoder encoder;
  Bytes bytes = encode_frame(kit::identity(7, 2), mixed_frame(), Compression::off(), encoder);
  ASSERT_TRUE(FrameView::parse(bytes));
  GetParam().spoil(bytes);
  mend(bytes);
  EXPECT_EQ(code_of_parse(bytes), GetParam().code);
}

void set32(Bytes& bytes, std::size_t at, std::uint32_t value) { store(bytes.data() + at, value); }
void set64(Bytes& bytes, std::size_t at, std::uint64_t value) { store(bytes.data() + at, value); }

INSTANTIATE_TEST_SUITE_P(
    Frame, BadFrames,
    testing::Values(
        BadFrame{"OtherMagic", [](Bytes& b) { b[1] = std::byte{'X'}; }, ErrorCode::damaged},
        BadFrame{"NextVersion", [](Bytes& b) { b[4] = std::byte{2}; }, ErrorCode::unsupported},
        BadFrame{"UnknownCodec", [](Bytes& b) { b[6] = std::byte{9}; }, ErrorCode::unsupported},
        BadFrame{"ReservedByteSet", [](Bytes& b) { b[7] = std::byte{1}; }, ErrorCode::damaged},
        BadFrame{"NoExtents", [](Bytes& b) { set32(b, 36, 0); }, ErrorCode::damaged},
        BadFrame{"TooManyExtents", [](Bytes& b) { set32(b, 36, 1025); }, ErrorCode::limit_exceeded},
        BadFrame{"AllExtents", [](Bytes& b) { set32(b, 36, 0xffffffffU); }, ErrorCode::limit_exceeded},
        BadFrame{"ContentTooLong", [](Bytes& b) { set32(b, 40, 260 * 1024); }, ErrorCode::limit_exceeded},
        BadFrame{"ContentNoWholeBlocks", [](Bytes& b) { set32(b, 40, 4097); }, ErrorCode::damaged},
        BadFrame{"RawWithOtherStoredLength", [](Bytes& b) { set32(b, 44, 4096); }, ErrorCode::damaged},
        BadFrame{"ZstdThatDoesNotShrink", [](Bytes& b) { b[6] = std::byte{1}; }, ErrorCode::damaged},
        BadFrame{"FewerBlocksThanContent", [](Bytes& b) { set64(b, 72, 1); }, ErrorCode::damaged},
        BadFrame{"MoreBlocksThanContent", [](Bytes& b) { set64(b, 72, 3); }, ErrorCode::damaged},
        BadFrame{"HugeDataExtent", [](Bytes& b) { set64(b, 72, disk_blocks_max - 3); }, ErrorCode::damaged},
        BadFrame{"ExtentPastTheLargestDisk", [](Bytes& b) { set64(b, 64, disk_blocks_max); },
                 ErrorCode::limit_exceeded},
        BadFrame{"ExtentThatWraps", [](Bytes& b) { set64(b, 64, ~std::uint64_t{0}); }, ErrorCode::limit_exceeded},
        BadFrame{"ExtentsOverlap", [](Bytes& b) { set64(b, 80, 4); }, ErrorCode::damaged},
        BadFrame{"ExtentsDescend", [](Bytes& b) { set64(b, 64, 50); }, ErrorCode::damaged},
        BadFrame{"EmptyExtent", [](Bytes& b) { set64(b, 88, std::uint64_t{1} << 56U); }, ErrorCode::damaged},
        BadFrame{"UnknownKind", [](Bytes& b) { set64(b, 88, 10 | (std::uint64_t{2} << 56U)); }, ErrorCode::damaged},
        BadFrame{"DataWithTheHashOfZeros", [](Bytes& b) { set64(b, 112, 0); }, ErrorCode::damaged}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(Frame, DecompressionIsBoundedByTheDeclaredLength) {
  FrameEncoder encoder;
  FrameDecoder decoder;
  FrameBuilder builder;
  for (std::uint64_t i = 0; i < 4; ++i) kit::add(builder, i, kit::text_block(i));
  const RawFrame four = builder.take();
  kit::add(builder, 0, kit::text_block(0));
  const RawFrame one = builder.take();
  // The compressed content of four blocks under a header that promises one.
  const Bytes big = encode_frame(kit::identity(1, 0), four, Compression::zstd(1), encoder);
  const auto stored = FrameView::parse(big)->stored();
  Bytes bytes = encode_frame(kit::identity(1, 0), one, Compression::zstd(1), encoder);
  bytes.resize(bytes.size() - FrameHeader::parse(bytes)->stored_bytes);
  kit::append(bytes, stored);
  set32(bytes, 44, static_cast<std::uint32_t>(stored.size()));
  mend(bytes);
  const auto view = FrameView::parse(bytes);
  ASSERT_TRUE(view) << view.error().text();
  Bytes content;
  const Status status = decode_frame(*view, decoder, content);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::damaged);
  EXPECT_LE(content.capacity(), block_size);
}

TEST(Frame, CompressedContentMustBeOneStreamAndNothingBehindIt) {
  FrameEncoder encoder;
  FrameDecoder decoder;
  const Bytes good = kit::frame(kit::identity(1, 0), 0, 4, 0, Compression::zstd(1));
  const std::uint32_t stored = FrameHeader::parse(good)->stored_bytes;
  Bytes longer = good;
  longer.push_back(std::byte{0});
  set32(longer, 44, stored + 1);
  mend(longer);
  Bytes garbage = good;
  garbage[garbage.size() - 3] ^= std::byte{0xff};
  garbage[garbage.size() - stored + 7] ^= std::byte{0xff};
  mend(garbage);
  Bytes second = good;  // an empty stream that a decoder would skip: there is room to hide in it
  for (const int byte : {0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0}) second.push_back(static_cast<std::byte>(byte));
  set32(second, 44, stored + 8);
  mend(second);
  Bytes skipped;
  const auto with_second = FrameView::parse(second);
  ASSERT_TRUE(with_second);
  EXPECT_FALSE(decode_frame(*with_second, decoder, skipped));
  for (const Bytes& bytes : {longer, garbage}) {
    const auto view = FrameView::parse(bytes);
    ASSERT_TRUE(view) << view.error().text();
    Bytes content;
    const Status status = decode_frame(*view, decoder, content);
    EXPECT_TRUE(!status || !verify_blocks(*view, content, kit::hasher));
  }
}

}  // namespace
}  // namespace afterimage::format
