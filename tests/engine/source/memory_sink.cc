// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/source/memory_sink.h"

#include <algorithm>
#include <utility>

#include "engine/format/change_root.h"
#include "engine/format/frame.h"

namespace afterimage::source {
namespace {

Digest root_of(const ModelReplica::Blocks& blocks, const format::BlockHasher& hasher, std::uint64_t first,
               std::uint64_t end, bool only_present) {
  format::ChangeRoot root;
  for (std::uint64_t block = first; block < end; ++block) {
    const auto found = blocks.find(block);
    if (found == blocks.end() && only_present) continue;
    const bool zero = found == blocks.end() || found->second.empty() || format::is_zero(found->second);
    const Status added = root.add(BlockIndex(block), zero ? format::BlockKind::zero : format::BlockKind::data,
                                  zero ? format::BlockHash{} : hasher.hash(found->second));
    if (!added) return {};
  }
  return root.finish();
}

void overlay(ModelReplica::Blocks& onto, const ModelReplica::Blocks& blocks) {
  for (const auto& [block, content] : blocks) {
    if (content.empty()) {
      onto.erase(block);
    } else {
      onto[block] = content;
    }
  }
}

}  // namespace

io::Task<Result<Welcome>> MemorySink::open(io::Scope& scope, const MachineDescription& machine, SeedBy) {
  AFI_CO_STATUS(scope.check());
  if (replica_.points.empty()) replica_.machine = machine;
  Welcome welcome;
  welcome.head = replica_.head;
  welcome.unfinished = replica_.unfinished;
  if (replica_.points.empty()) welcome.staged = replica_.staged;
  welcome.newest_epoch = replica_.newest_epoch;
  welcome.head_sizes = replica_.head_sizes;
  co_return welcome;
}

io::Task<Result<Need>> MemorySink::begin(io::Scope& scope, BeginEpoch begin) {
  AFI_CO_STATUS(scope.check());
  kind_ = begin.kind;
  if (begin.kind == EpochKind::seeding) {
    if (!replica_.staged || replica_.staged->epoch != begin.epoch) {
      if (begin.epoch <= replica_.newest_epoch) co_return fail(ErrorCode::protocol, "stale epoch");
      replica_.staged = StagedSeed{.epoch = begin.epoch, .frames = 0, .position = {}};
    }
    replica_.newest_epoch = std::max(replica_.newest_epoch, begin.epoch);
    co_return Need{.first_frame = replica_.staged->frames, .position = replica_.staged->position};
  }
  if (begin.parent.digest != replica_.head.digest) co_return fail(ErrorCode::conflict, "wrong parent");
  if (!replica_.unfinished || replica_.unfinished->epoch != begin.epoch) {
    if (begin.epoch <= replica_.newest_epoch) co_return fail(ErrorCode::protocol, "stale epoch");
    replica_.unfinished = UnfinishedEpoch{.epoch = begin.epoch, .frames = 0};
    replica_.tail.clear();
  }
  replica_.newest_epoch = std::max(replica_.newest_epoch, begin.epoch);
  co_return Need{.first_frame = replica_.unfinished->frames, .position = {}};
}

Status MemorySink::take(const format::FrameView& frame) {
  const bool seeding = kind_ == EpochKind::seeding;
  const Epoch epoch = seeding ? replica_.staged->epoch : replica_.unfinished->epoch;
  std::uint32_t& frames = seeding ? replica_.staged->frames : replica_.unfinished->frames;
  if (frame.identity().birth != epoch || frame.identity().number != frames)
    return fail(ErrorCode::protocol, "frame out of place");
  const DiskDescription* disk = replica_.machine->find_disk(frame.identity().disk);
  if (disk == nullptr) return fail(ErrorCode::protocol, "unknown disk");
  format::FrameDecoder decoder;
  Bytes raw;
  AFI_TRY_STATUS(format::decode_frame(frame, decoder, raw));
  AFI_TRY_STATUS(format::verify_blocks(frame, raw, format::BlockHasher(disk->secret)));
  ModelReplica::Blocks& blocks = seeding ? replica_.base[disk->id] : replica_.tail[disk->id];
  std::size_t at = 0;
  for (const format::FrameExtent& part : frame.extents()) {
    for (std::uint64_t block = part.extent.first.value(); block < part.extent.end().value(); ++block) {
      if (part.kind == format::BlockKind::data) {
        blocks[block] = Bytes(raw.begin() + static_cast<std::ptrdiff_t>(at),
                              raw.begin() + static_cast<std::ptrdiff_t>(at + block_size));
        at += block_size;
      } else if (seeding) {
        blocks.erase(block);
      } else {
        blocks[block] = Bytes{};
      }
    }
  }
  ++frames;
  ++replica_.frames_taken;
  replica_.data_blocks_taken += frame.hashes().size();
  if (seeding) {
    const auto index = static_cast<std::uint32_t>(disk - replica_.machine->disks.data());
    replica_.staged->position = {.disk_index = index, .block = frame.extents().back().extent.end()};
  }
  return {};
}

io::Task<Status> MemorySink::append(io::Scope& scope, Bytes frame) {
  AFI_CO_STATUS(scope.check());
  if (number_ != replica_.sessions) co_return fail(ErrorCode::conflict, "fenced");
  if (replica_.cut_after_frames) {
    if (*replica_.cut_after_frames == 0) {
      replica_.cut_after_frames.reset();
      co_return fail(ErrorCode::unreachable, "the model cut the session");
    }
    --*replica_.cut_after_frames;
  }
  AFI_CO_RESULT(const format::FrameView view, format::FrameView::parse(frame));
  co_return take(view);
}

Status MemorySink::check_roots(const format::PointRecord& record) const {
  for (const format::PointDisk& disk : record.disks) {
    const format::BlockHasher hasher(replica_.machine->find_disk(disk.disk)->secret);
    const std::uint64_t blocks = blocks_of(disk.sizes.after).value();
    const auto tail = replica_.tail.find(disk.disk);
    ModelReplica::Blocks whole;
    if (replica_.points.empty()) {
      if (const auto base = replica_.base.find(disk.disk); base != replica_.base.end()) whole = base->second;
    }
    if (tail != replica_.tail.end()) {
      for (const auto& [block, content] : tail->second) whole[block] = content;
    }
    if (root_of(whole, hasher, 0, blocks, !replica_.points.empty()) != disk.change_root) {
      return fail(ErrorCode::damaged, "the change root does not match");
    }
  }
  return {};
}

io::Task<Result<Receipt>> MemorySink::commit(io::Scope& scope, const format::PointRecord& record) {
  AFI_CO_STATUS(scope.check());
  if (number_ != replica_.sessions) co_return fail(ErrorCode::conflict, "fenced");
  if (std::exchange(replica_.cut_next_commit, false))
    co_return fail(ErrorCode::unreachable, "the model cut the session");
  if (record.parent != replica_.head.digest || record.sequence <= replica_.head.sequence || !replica_.unfinished ||
      record.epoch != replica_.unfinished->epoch || record.frame_count != replica_.unfinished->frames) {
    co_return fail(ErrorCode::conflict, "the point does not follow");
  }
  AFI_CO_STATUS(check_roots(record));
  replica_.head_sizes.clear();
  for (const format::PointDisk& disk : record.disks) {
    ModelReplica::Blocks& base = replica_.base[disk.disk];
    std::erase_if(base, [&](const auto& entry) { return entry.first >= blocks_of(disk.sizes.smallest).value(); });
    overlay(base, replica_.tail[disk.disk]);
    replica_.head_sizes.push_back(disk.sizes.after);
  }
  replica_.content[record.sequence] = replica_.base;
  replica_.points.push_back(record);
  replica_.head = Head{.sequence = record.sequence, .digest = record.digest()};
  replica_.unfinished.reset();
  replica_.tail.clear();
  if (replica_.lose_next_receipt) {
    replica_.lose_next_receipt = false;
    co_return fail(ErrorCode::unreachable, "the model lost the receipt");
  }
  co_return Receipt{.sequence = record.sequence, .digest = record.digest(), .received = WallTime{1}};
}

io::Task<Result<std::vector<format::BlockHash>>> MemorySink::block_hashes(io::Scope& scope, DiskId disk,
                                                                          Extent extent) {
  AFI_CO_STATUS(scope.check());
  const format::BlockHasher hasher(replica_.machine->find_disk(disk)->secret);
  std::vector<format::BlockHash> hashes(extent.count.value());
  const ModelReplica::Blocks& blocks = replica_.base[disk];
  for (std::uint64_t i = 0; i < hashes.size(); ++i) {
    if (const auto found = blocks.find(extent.first.value() + i); found != blocks.end())
      hashes[i] = hasher.hash(found->second);
  }
  co_return hashes;
}

io::Task<Status> MemorySink::remove_machine(io::Scope& scope) {
  AFI_CO_STATUS(scope.check());
  replica_ = ModelReplica{};
  co_return Status{};
}

}  // namespace afterimage::source
