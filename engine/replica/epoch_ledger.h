// SPDX-License-Identifier: Apache-2.0
// EpochLedger: what the frames of one epoch that has no point yet add up to. It admits each frame in its place
// (identity, number, ascending blocks of each disk) and says at the end whether a point record tells the truth about
// them. Pure. Externally serialised.
#pragma once

#include <cstdint>
#include <map>

#include "engine/format/change_root.h"
#include "engine/format/frame.h"
#include "engine/format/point_record.h"
#include "io/base/result.h"
#include "io/base/units.h"

namespace afterimage::replica {

class EpochLedger {
 public:
  explicit EpochLedger(Epoch epoch) : epoch_(epoch) {}

  [[nodiscard]] Epoch epoch() const { return epoch_; }
  [[nodiscard]] std::uint32_t frames() const { return frames_; }
  [[nodiscard]] ByteCount stored() const { return stored_; }

  // `protocol` if the frame is of another epoch, has another number than frames(), or goes back on its disk; nothing
  // has changed then. The disk is the caller's to know.
  [[nodiscard]] Status add(const format::FrameView& frame);
  // Whether epoch, frame count, sizes, changed blocks and change roots of the record are those of the frames; `damaged`
  // if not. The ledger is spent afterwards. Of a machine's first point (which has no parent) the roots are not
  // compared: they are over the staged base too.
  [[nodiscard]] Status close(const format::PointRecord& record);

 private:
  struct Disk {
    format::ChangeRoot root;
    BlockIndex end;  // behind the last block
  };
  Epoch epoch_;
  std::uint32_t frames_ = 0;
  ByteCount stored_;
  std::map<DiskId, Disk> disks_;
};

}  // namespace afterimage::replica
