// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include <zstd.h>

#include "engine/format/digest.h"
#include "engine/format/frame.h"
#include "engine/format/wire.h"
#include "io/base/check.h"

namespace afterimage::format {

void FrameEncoder::Free::operator()(ZSTD_CCtx_s* context) const noexcept { ZSTD_freeCCtx(context); }
void FrameDecoder::Free::operator()(ZSTD_DCtx_s* context) const noexcept { ZSTD_freeDCtx(context); }

FrameEncoder::FrameEncoder() : context_(ZSTD_createCCtx()) { AFI_CHECK(context_ != nullptr); }

FrameDecoder::FrameDecoder() : context_(ZSTD_createDCtx()) {
  AFI_CHECK(context_ != nullptr);
  const std::size_t set =
      ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, static_cast<int>(limits::zstd_window_log_max));
  AFI_CHECK(ZSTD_isError(set) == 0);
}

namespace {

// Compresses behind the end of `out` and returns the length, or 0 when storing it raw is better (then `out` is as
// before).
std::size_t compress(Bytes& out, ByteView content, int level, FrameEncoder& encoder) {
  AFI_CHECK(level >= compression_level_min && level <= compression_level_max);
  const std::size_t start = out.size();
  const std::size_t room = content.size() - content.size() / 32;  // less gain is not worth a decompression at each read
  out.resize(start + room);
  ZSTD_CCtx* const context = encoder.context();
  AFI_CHECK(ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)) == 0);
  const std::size_t length = ZSTD_compress2(context, out.data() + start, room, content.data(), content.size());
  const bool worth = ZSTD_isError(length) == 0;  // the only error left is "no room"
  out.resize(worth ? start + length : start);
  return worth ? length : 0;
}

}  // namespace

Bytes encode_frame(const FrameIdentity& identity, const RawFrame& frame, Compression compression,
                   FrameEncoder& encoder) {
  AFI_CHECK(!frame.extents.empty() && frame.extents.size() <= limits::frame_extents_max);
  AFI_CHECK(frame.content.size() == frame.hashes.size() * block_size);
  AFI_CHECK(frame.content.size() <= limits::frame_raw_bytes_max);
  FrameHeader header{.identity = identity,
                     .codec = Codec::raw,
                     .extents = static_cast<std::uint32_t>(frame.extents.size()),
                     .raw_bytes = static_cast<std::uint32_t>(frame.content.size()),
                     .stored_bytes = static_cast<std::uint32_t>(frame.content.size()),
                     .body_check = 0};
  Bytes out;
  out.reserve(header.encoded_size());
  out.resize(frame_header_bytes);  // filled in at the end, when the lengths and the check are known
  ByteWriter writer(out);
  for (const FrameExtent& extent : frame.extents) wire::write_extent(writer, extent.extent, extent.kind);
  for (const BlockHash hash : frame.hashes) writer.write(hash.value);
  if (compression.codec == Codec::zstd && !frame.content.empty()) {
    const std::size_t length = compress(out, frame.content, compression.level, encoder);
    if (length != 0) {
      header.codec = Codec::zstd;
      header.stored_bytes = static_cast<std::uint32_t>(length);
    }
  }
  if (header.codec == Codec::raw) writer.write_bytes(frame.content);
  header.body_check = check_of(ByteView(out).subspan(frame_header_bytes));
  Bytes fixed;
  fixed.reserve(frame_header_bytes);
  header.encode(fixed);
  std::memcpy(out.data(), fixed.data(), fixed.size());
  return out;
}

namespace {

// One zstd frame that says how long its content is, nothing behind it: no other stream is accepted.
Status check_stream(const FrameView& frame) {
  const ByteView stored = frame.stored();
  if (ZSTD_getFrameContentSize(stored.data(), stored.size()) != frame.raw_bytes().value()) {
    return fail(ErrorCode::damaged, "a frame decompresses to another length than it says");
  }
  if (ZSTD_findFrameCompressedSize(stored.data(), stored.size()) != stored.size()) {
    return fail(ErrorCode::damaged, "a frame's compressed content is cut off or has bytes behind it");
  }
  return {};
}

Status decompress(const FrameView& frame, FrameDecoder& decoder, MutableBytes out) {
  const ByteView stored = frame.stored();
  const std::size_t length =
      ZSTD_decompressDCtx(decoder.context(), out.data(), out.size(), stored.data(), stored.size());
  if (ZSTD_isError(length) == 0 && length == out.size()) return {};
  return fail(ErrorCode::damaged, "a frame's compressed content does not decompress");
}

}  // namespace

Status decode_frame(const FrameView& frame, FrameDecoder& decoder, Bytes& out) {
  const ByteView stored = frame.stored();
  if (frame.header().codec == Codec::raw) {
    out.assign(stored.begin(), stored.end());
    return {};
  }
  AFI_TRY_STATUS(check_stream(frame));  // before memory is taken
  out.resize(frame.raw_bytes().value());
  return decompress(frame, decoder, out);
}

Status decode_frame_into(const FrameView& frame, FrameDecoder& decoder, MutableBytes out) {
  AFI_CHECK(out.size() == frame.raw_bytes().value());
  if (frame.header().codec == Codec::raw) {
    if (!out.empty()) std::memcpy(out.data(), frame.stored().data(), out.size());
    return {};
  }
  AFI_TRY_STATUS(check_stream(frame));
  return decompress(frame, decoder, out);
}

Result<ByteView> content_of(const FrameView& frame, FrameDecoder& decoder, Bytes& scratch) {
  if (frame.header().codec == Codec::raw) return frame.stored();
  AFI_TRY_STATUS(decode_frame(frame, decoder, scratch));
  return ByteView(scratch);
}

}  // namespace afterimage::format
