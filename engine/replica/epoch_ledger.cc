// SPDX-License-Identifier: Apache-2.0
#include "engine/replica/epoch_ledger.h"

#include <fmt/format.h>

namespace afterimage::replica {

Status EpochLedger::add(const format::FrameView& frame) {
  const format::FrameIdentity& identity = frame.identity();
  if (identity.birth != epoch_ || identity.number != frames_) {
    return fail(ErrorCode::protocol, "take a frame",
                fmt::format("a frame {} of epoch {} came where frame {} of epoch {} was due", identity.number,
                            identity.birth.value(), frames_, epoch_.value()));
  }
  Disk& disk = disks_[identity.disk];
  if (!disk.root.add(frame)) {
    return fail(ErrorCode::protocol, "take a frame",
                fmt::format("frame {} of epoch {} goes back on its disk", identity.number, epoch_.value()));
  }
  disk.end = frame.extents().back().extent.end();
  ++frames_;
  stored_ += ByteCount(std::uint64_t{frame.encoded_size()});
  return {};
}

Status EpochLedger::close(const format::PointRecord& record) {
  if (record.epoch != epoch_ || record.frame_count != frames_) {
    return fail(ErrorCode::damaged, "check a point record",
                fmt::format("the point record speaks of {} frames of epoch {}, and {} of epoch {} came",
                            record.frame_count, record.epoch.value(), frames_, epoch_.value()));
  }
  for (const auto& [id, disk] : disks_) {
    if (record.find(id) == nullptr) return fail(ErrorCode::damaged, "a point record leaves out a disk that has frames");
  }
  for (const format::PointDisk& disk : record.disks) {
    Disk& seen = disks_[disk.disk];
    if (seen.end.value() > blocks_of(disk.sizes.after).value()) {
      return fail(ErrorCode::damaged, "check a point record",
                  "frames lie behind the end that the point record gives their disk");
    }
    if (record.parent.is_none()) continue;
    if (seen.root.blocks() != disk.changed || seen.root.finish() != disk.change_root) {
      return fail(ErrorCode::damaged, "check a point record",
                  fmt::format("the change root of disk {} is not that of the frames that came", disk.disk.text()));
    }
  }
  return {};
}

}  // namespace afterimage::replica
