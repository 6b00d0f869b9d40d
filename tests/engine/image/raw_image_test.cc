// SPDX-License-Identifier: Apache-2.0
#include "engine/image/raw_image.h"

#include <string_view>

#include <gtest/gtest.h>

#include "engine/format/block_hash.h"
#include "io/sim/world.h"

namespace afterimage::image {
namespace {

class RawImages : public testing::Test {
 protected:
  RawImages() : node(world.add_node("host")), scope(world.platform(node).reactor) {}

  void put(const std::string& path, std::string_view content) {
    ASSERT_TRUE(world.disk(node).write(path, ByteOffset{}, view_of(content), io::sim::Persistence::synced).has_value());
  }
  Result<std::unique_ptr<RawImage>> open(const std::string& path) {
    return io::sim::run(world, open_image(scope, world.platform(node).disk, path, io::OpenMode::write));
  }
  std::unique_ptr<RawImage> image(std::uint64_t bytes) {
    EXPECT_TRUE(world.disk(node).resize("/disk", ByteCount(bytes), io::sim::Persistence::synced).has_value());
    auto opened = open("/disk");
    EXPECT_TRUE(opened.has_value()) << opened.error().text();
    return std::move(*opened);
  }

  io::sim::World world{io::sim::WorldOptions{.seed = 1}};
  io::sim::NodeId node;
  io::Scope scope;
};

TEST_F(RawImages, WritingThePartialTailBlockDoesNotMakeTheFileGrow) {
  put("/disk", "x");
  const auto raw = image(block_size + 100);
  const Bytes content(2 * block_size, std::byte{5});
  ASSERT_TRUE(io::sim::run(world, raw->write_blocks(scope, BlockIndex{}, content)).has_value());
  EXPECT_EQ(world.disk(node).size("/disk").value(), ByteCount(block_size + 100));
  Bytes block(block_size, std::byte{9});
  const Extent tail{.first = BlockIndex(std::uint64_t{1}), .count = BlockCount(std::uint64_t{1})};
  ASSERT_TRUE(io::sim::run(world, read_blocks(scope, *raw, tail, block)).has_value());
  EXPECT_EQ(block[99], std::byte{5});
  EXPECT_EQ(block[100], std::byte{0});  // past the end: zeros
}

TEST_F(RawImages, BlocksOutsideAreRefused) {
  put("/disk", "x");
  const auto raw = image(block_size + 100);
  const Bytes content(block_size);
  EXPECT_FALSE(io::sim::run(world, raw->write_blocks(scope, BlockIndex(std::uint64_t{2}), content)).has_value());
  Bytes out(200);
  EXPECT_FALSE(io::sim::run(world, raw->read(scope, ByteOffset(block_size), out)).has_value());
}

TEST_F(RawImages, HolesAreFound) {
  put("/disk", "x");
  const auto raw = image(100 * block_size);
  const Bytes content(block_size, std::byte{1});
  ASSERT_TRUE(io::sim::run(world, raw->write_blocks(scope, BlockIndex(std::uint64_t{50}), content)).has_value());
  const auto data = io::sim::run(world, raw->next_data(scope, ByteOffset(2 * block_size)));
  ASSERT_TRUE(data.has_value() && data->has_value());
  EXPECT_EQ((*data)->offset, ByteOffset(50 * block_size));
  const Extent part{.first = BlockIndex(std::uint64_t{49}), .count = BlockCount(std::uint64_t{3})};
  ASSERT_TRUE(io::sim::run(world, raw->write_zeros(scope, part)).has_value());
  Bytes out(block_size, std::byte{7});
  ASSERT_TRUE(io::sim::run(world, raw->read(scope, ByteOffset(50 * block_size), out)).has_value());
  EXPECT_TRUE(format::is_zero(out));
}

TEST_F(RawImages, WhatIsNoImageIsRefusedWithTheReason) {
  put("/empty", "x");
  ASSERT_TRUE(world.disk(node).resize("/empty", ByteCount{}, io::sim::Persistence::synced).has_value());
  put("/vhdx", "vhdxfile and more");
  put("/qcow", "QFI\xfb and more");
  put("/vmdk", "KDMV and more");
  ASSERT_TRUE(world.disk(node).make_directory("/folder").has_value());
  const auto expect = [&](const std::string& path, ErrorCode code, std::string_view said) {
    const auto opened = open(path);
    ASSERT_FALSE(opened.has_value()) << path;
    EXPECT_EQ(opened.error().code, code) << path << ": " << opened.error().text();
    EXPECT_NE(opened.error().text().find(said), std::string::npos) << opened.error().text();
  };
  expect("/missing", ErrorCode::not_found, "missing");
  expect("/empty", ErrorCode::invalid_argument, "empty");
  expect("/vhdx", ErrorCode::unsupported, "VHDX");
  expect("/qcow", ErrorCode::unsupported, "QCOW2");
  expect("/vmdk", ErrorCode::unsupported, "VMDK");
  EXPECT_FALSE(open("/folder").has_value());
}

}  // namespace
}  // namespace afterimage::image
