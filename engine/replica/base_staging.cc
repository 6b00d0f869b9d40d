// SPDX-License-Identifier: Apache-2.0
// Staging of a Base. Frames of a seeding come one behind the other, on the disk and in memory, so that a batch of them
// is mostly one write (docs/decisions/0010-overlapped-writes.md). A frame counts as staged once all of its content was
// written.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/replica/base.h"

namespace afterimage::replica {
namespace {

// The part of a disk's last block that lies behind its end is not the disk's: it must be zeros, as it is read back.
Status check_end(const format::FrameView& frame, ByteView raw, ByteCount size) {
  const std::uint64_t used = size.value() % block_size;
  if (used == 0 || frame.extents().back().kind != format::BlockKind::data) return {};
  if (frame.extents().back().extent.end().value() != blocks_of(size).value()) return {};
  const ByteView behind = raw.last(static_cast<std::size_t>(block_size - used));
  if (format::is_zero(behind)) return {};
  return fail(ErrorCode::protocol, "a frame has content behind the end of its disk");
}

}  // namespace

// Blocks that lie one behind the other on a disk and in memory, still to be written.
struct Base::Run {
  StagedSeed staged;    // with every frame that was added whole
  ByteCount raw_bytes;  // of frames since the last write
  std::size_t disk_index = 0;
  BlockIndex first;
  ByteView content;
  std::vector<format::BlockHash> hashes;

  [[nodiscard]] bool is_continued_by(BlockIndex block, ByteView more) const {
    return !content.empty() && block == first + BlockCount(std::uint64_t{hashes.size()}) &&
           more.data() == content.data() + content.size();
  }
  void extend(ByteView more, std::span<const format::BlockHash> more_hashes) {
    content = ByteView(content.data(), content.size() + more.size());
    hashes.insert(hashes.end(), more_hashes.begin(), more_hashes.end());
  }
};

Result<std::size_t> Base::admit(const format::FrameView& frame, const StagedSeed& before) const {
  const format::FrameIdentity& identity = frame.identity();
  if (identity.birth != before.epoch || identity.number != before.frames) {
    return fail(ErrorCode::protocol, "stage a frame",
                fmt::format("frame {} of epoch {} came out of order", identity.number, identity.birth.value()));
  }
  const auto disk = std::ranges::find(disks_, identity.disk, &BaseDisk::id);
  if (disk == disks_.end()) return fail(ErrorCode::protocol, "a frame of a disk that the machine does not have");
  if (frame.extents().back().extent.end().value() > blocks_of(disk->image->size()).value()) {
    return fail(ErrorCode::protocol, "a frame behind the end of its disk");
  }
  return static_cast<std::size_t>(disk - disks_.begin());
}

// Content, then hashes; with that all frames that were added whole are staged.
io::Task<Status> Base::write_run(io::Scope& scope, Run& run) {
  if (!run.content.empty()) {
    BaseDisk& disk = disks_[run.disk_index];
    AFI_CO_TRY_STATUS(disk.image->write_blocks(scope, run.first, run.content));
    AFI_CO_TRY_STATUS(disk.sums->write_hashes(scope, run.first, run.hashes));
    run.content = {};
    run.hashes.clear();
  }
  staged_ = run.staged;
  pace_.moved(std::exchange(run.raw_bytes, ByteCount{}));
  co_return Status{};
}

// A primary that knows less than this base goes back, and its images may have changed since: from there on the base
// is to be sent again, and after a crash, too.
io::Task<Status> Base::go_back(io::Scope& scope, Run& run, SeedingPosition to) {
  AFI_CO_TRY_STATUS(write_run(scope, run));
  run.staged.position = to;
  staged_ = run.staged;
  auto checking = checkpoint(scope);
  co_return co_await checking;
}

io::Task<Status> Base::add_zeros(io::Scope& scope, Run& run, Extent extent) {
  AFI_CO_TRY_STATUS(write_run(scope, run));
  BaseDisk& disk = disks_[run.disk_index];
  AFI_CO_TRY_STATUS(disk.image->write_zeros(scope, extent));
  auto clearing = disk.sums->clear_hashes(scope, extent);
  co_return co_await clearing;
}

io::Task<Status> Base::add_frame(io::Scope& scope, Run& run, const format::FrameView& frame, ByteView raw) {
  AFI_CO_RESULT(const std::size_t disk_index, admit(frame, run.staged));
  AFI_CO_STATUS(check_end(frame, raw, disks_[disk_index].image->size()));
  const auto disk_number = static_cast<std::uint32_t>(disk_index);
  const SeedingPosition begin{.disk_index = disk_number, .block = frame.extents().front().extent.first};
  if (begin < run.staged.position) AFI_CO_TRY_STATUS(go_back(scope, run, begin));
  if (disk_index != run.disk_index) {
    AFI_CO_TRY_STATUS(write_run(scope, run));
    run.disk_index = disk_index;
  }
  std::span<const format::BlockHash> hashes = frame.hashes();
  for (const format::FrameExtent& part : frame.extents()) {
    if (part.kind == format::BlockKind::zero) {
      AFI_CO_TRY_STATUS(add_zeros(scope, run, part.extent));
      continue;
    }
    const auto blocks = static_cast<std::size_t>(part.extent.count.value());
    const ByteView content = raw.first(blocks * block_size);
    if (!run.is_continued_by(part.extent.first, content)) {
      AFI_CO_TRY_STATUS(write_run(scope, run));
      run.first = part.extent.first;
      run.content = content.first(0);
    }
    run.extend(content, hashes.first(blocks));
    raw = raw.subspan(content.size());
    hashes = hashes.subspan(blocks);
  }
  run.staged.frames += 1;
  run.staged.position = {.disk_index = disk_number, .block = frame.extents().back().extent.end()};
  run.raw_bytes += frame.raw_bytes();
  co_return Status{};
}

io::Task<Status> Base::stage(io::Scope& scope, std::span<const format::FrameView* const> frames,
                             const BatchContent& content) {
  if (!staged_) co_return fail(ErrorCode::protocol, "stage a frame", "no seeding was begun");
  Run run{.staged = *staged_, .first = {}, .content = {}, .hashes = {}};
  for (std::size_t i = 0; i < frames.size(); ++i) {
    AFI_CO_TRY_STATUS(add_frame(scope, run, *frames[i], content.frames[i]));
  }
  AFI_CO_TRY_STATUS(write_run(scope, run));
  if (!pace_.is_due(scope.reactor().now())) co_return Status{};
  auto checking = checkpoint(scope);
  co_return co_await checking;
}

}  // namespace afterimage::replica
