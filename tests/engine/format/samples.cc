// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/format/samples.h"

#include <algorithm>
#include <cstdio>

#include "engine/format/change_root.h"
#include "tests/engine/format/journal_kit.h"

namespace afterimage::format::samples {
namespace {

// A block that shows itself in a dump: sixteen letters, over and over.
Bytes plain_block() {
  Bytes block(block_size);
  const std::string_view text = "after-image-one ";
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<std::byte>(text[i % text.size()]);
  return block;
}

Bytes example_frame() {
  FrameBuilder builder;
  kit::add(builder, 3, plain_block());
  builder.add_zero(kit::extent(8, 2));
  FrameEncoder encoder;
  return encode_frame(kit::identity(1, 0), builder.take(), Compression::off(), encoder);
}

PointRecord example_point() {
  PointRecord point = kit::point(1, 1);
  ChangeRoot root;
  const Bytes frame = example_frame();
  (void)root.add(*FrameView::parse(frame)).has_value();
  point.disks[0].sizes = kit::steady(1 << 20);
  point.disks[0].changed = root.blocks();
  point.disks[0].change_root = root.finish();
  point.received = WallTime{point.frozen.nanoseconds + 250'000'000};
  return point;
}

Bytes stream_records(SegmentBuilder& builder) {
  Bytes file = builder.begin(kit::header());
  kit::append(file, *builder.append_frame(example_frame()));
  kit::append(file, *builder.append_point(example_point()));
  kit::append(file, *builder.append_frame(kit::frame(kit::identity(2, 0, kit::disk_b), 5, 1)));
  PointRecord second = kit::point(2, 2, example_point().digest());
  second.consistency = Consistency::application;
  second.disks.push_back({.disk = kit::disk_b, .sizes = kit::steady(1 << 20), .changed = {}, .change_root = {}});
  kit::append(file, *builder.append_point(second));
  kit::append(file, *builder.append_frame(kit::frame(kit::identity(3, 0), 0, 1)));
  return file;
}

Bytes open_segment() {
  SegmentBuilder builder;
  return stream_records(builder);
}

Bytes sealed_segment() {
  SegmentBuilder builder;
  Bytes file = stream_records(builder);
  kit::append(file, *builder.seal());
  return file;
}

Bytes merged_segment() {
  SegmentBuilder builder;
  Bytes file = builder.begin(kit::header(7, SegmentKind::merged));
  kit::append(file, *builder.append_frame(kit::frame(kit::identity(2, merged_frame_number), 4, 1)));
  kit::append(file,
              *builder.append_span(
                  {.from = {}, .to = Sequence(std::uint64_t{2}), .disks = {{kit::disk_a, kit::steady(1 << 20)}}}));
  kit::append(file, *builder.append_point(kit::point(2, 2)));
  kit::append(file, *builder.seal());
  return file;
}

Bytes with_mode(std::uint8_t mode, ByteView bytes) {
  Bytes input{static_cast<std::byte>(mode)};
  kit::append(input, bytes);
  return input;
}

std::string dump(ByteView bytes, std::size_t offset) {
  constexpr std::size_t width = 16;
  std::string text;
  bool starred = false;
  for (std::size_t at = 0; at < bytes.size(); at += width) {
    const ByteView line = bytes.subspan(at, std::min(width, bytes.size() - at));
    const bool repeated = at >= width && at + width < bytes.size() && line.size() == width &&
                          std::equal(line.begin(), line.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at - width));
    if (repeated) {
      if (!starred) text += "*\n";
      starred = true;
      continue;
    }
    starred = false;
    char head[24];
    (void)std::snprintf(head, sizeof head, "%06zx ", offset + at);
    text += head;
    for (std::size_t i = 0; i < line.size(); ++i) text += (i == 8 ? "  " : " ") + to_hex(line.subspan(i, 1));
    text += '\n';
  }
  return text;
}

}  // namespace

std::vector<Sample> golden() {
  return {{"frame.bin", example_frame()},
          {"point.bin", example_point().encode()},
          {"segment-open.bin", open_segment()},
          {"segment-sealed.bin", sealed_segment()},
          {"segment-merged.bin", merged_segment()}};
}

Bytes compressed_frame() { return kit::frame(kit::identity(4, 1), 16, 8, 3, Compression::zstd(1)); }

std::vector<Sample> seeds(const std::string& part) {
  if (part == "frame") {
    return {{"raw", with_mode(0, example_frame())},
            {"raw-mended", with_mode(1, example_frame())},
            {"zstd", with_mode(1, compressed_frame())}};
  }
  if (part == "point") {
    const SpanRecord span{.from = {}, .to = Sequence(std::uint64_t{2}), .disks = {{kit::disk_a, kit::steady(1 << 20)}}};
    return {{"point", with_mode(1, example_point().encode())},
            {"span", with_mode(1, span.encode())},
            {"header", with_mode(1, kit::header().encode())}};
  }
  const Bytes sealed = sealed_segment();
  if (part == "index") {
    const ByteView file(sealed);
    const auto footer = *parse_trailer(file.last(segment_trailer_bytes), ByteCount(std::uint64_t{file.size()}));
    const auto places =
        *parse_directory(file.subspan(footer.directory.value(), footer.directory_bytes().value()), footer);
    std::vector<Sample> made{{"segment-end", with_mode(3, sealed)}};
    for (const RunPlace& place : places) {
      made.push_back({"run-" + std::to_string(made.size()),
                      with_mode(1, file.subspan(place.offset.value(), place.encoded.value()))});
    }
    return made;
  }
  return {{"open", with_mode(0, open_segment())},
          {"open-mended", with_mode(1 | 8, open_segment())},
          {"sealed-mended", with_mode(1 | 16, sealed)},
          {"merged-mended", with_mode(1, merged_segment())}};
}

std::vector<Part> worked_example() {
  SegmentBuilder builder;
  std::vector<Part> parts;
  const auto add = [&](const char* title, std::size_t offset, ByteView bytes) {
    parts.push_back({.title = title, .offset = offset, .bytes = Bytes(bytes.begin(), bytes.end())});
  };
  add("segment header", 0, builder.begin(kit::header()));
  std::size_t at = builder.size().value();
  const Bytes frame = example_frame();
  const ByteView bytes = *builder.append_frame(frame);
  add("frame: fixed header", at, bytes.first(64));
  add("frame: extents (block 3, data; blocks 8 and 9, zeros)", at + 64, bytes.subspan(64, 32));
  add("frame: hash of block 3", at + 96, bytes.subspan(96, 8));
  add("frame: content of block 3, stored raw", at + 104, bytes.subspan(104));
  at = builder.size().value();
  const Bytes point = *builder.append_point(example_point());
  add("point record: fixed part", at, ByteView(point).first(point_fixed_bytes));
  add("point record: its disk, then the check", at + point_fixed_bytes, ByteView(point).subspan(point_fixed_bytes));
  at = builder.size().value();
  const Bytes end = *builder.seal();
  const std::size_t directory = end.size() - segment_trailer_bytes - 56;
  add("index: run of point 1", at, ByteView(end).first(directory));
  add("index: directory", at + directory, ByteView(end).subspan(directory, 56));
  add("trailer", at + directory + 56, ByteView(end).last(segment_trailer_bytes));
  return parts;
}

std::string worked_example_text() {
  std::string text;
  for (const Part& part : worked_example()) text += "# " + part.title + "\n" + dump(part.bytes, part.offset);
  text += "# digest of the point\n" + example_point().digest().text() + "\n";
  return text;
}

}  // namespace afterimage::format::samples
