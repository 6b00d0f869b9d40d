// SPDX-License-Identifier: Apache-2.0
// Base: the ordinary images that a machine's journal stands on, with the hashes of their blocks, and, until the first
// point, how far the seed has been staged into them.
//
//   MACHINE/<disk id>/base.raw, base.sums      MACHINE/seeding
//
// Order of writes while staging: content and hashes … | now and then (CheckpointPace): all bases synced, all sums
// synced | `seeding` replaced (durable). So after a cut everything that `seeding` counts is there; what was staged
// later is sent again. Before the first point is committed base and sums are synced once more; from then on nothing
// writes to them. Thread: the reactor's, externally serialised; reads may run beside.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/format/block_hash.h"
#include "engine/image/hash_file.h"
#include "engine/image/raw_image.h"
#include "engine/plan/checkpoint_pace.h"
#include "engine/plan/machine_description.h"
#include "engine/plan/point_sink_types.h"
#include "engine/replica/frame_checker.h"
#include "io/disk.h"

namespace afterimage::replica {

struct BaseDisk {
  DiskId id;
  std::shared_ptr<image::RawImage> image;
  std::shared_ptr<image::HashFile> sums;
};

class Base {
 public:
  // Of a machine that has points: all files are there and fit each other. A damaged header of sums is a finding; what
  // they say is checked block by block all the same. Errors: not_found, damaged.
  [[nodiscard]] static io::Task<Result<std::unique_ptr<Base>>> open(io::Scope& scope,
                                                                    std::shared_ptr<io::Directory> folder,
                                                                    const MachineDescription& machine,
                                                                    CheckpointSizes checkpoint);
  // Of a machine that has none: what was staged durably, or, where that is missing or does not verify, an empty base.
  // Sizes follow the description. Names are durable when it returns.
  [[nodiscard]] static io::Task<Result<std::unique_ptr<Base>>> open_staging(io::Scope& scope,
                                                                            std::shared_ptr<io::Directory> folder,
                                                                            const MachineDescription& machine,
                                                                            CheckpointSizes checkpoint);

  [[nodiscard]] const std::vector<std::string>& findings() const { return findings_; }
  [[nodiscard]] std::span<BaseDisk> disks() { return disks_; }
  [[nodiscard]] BaseDisk* find(const DiskId& disk);
  [[nodiscard]] const std::optional<StagedSeed>& staged() const { return staged_; }
  // Bytes that the base images take.
  [[nodiscard]] io::Task<Result<ByteCount>> allocated(io::Scope& scope);

  // Begins to stage an epoch from frame 0 on, over what is there.
  void begin_staging(Epoch epoch) { staged_ = StagedSeed{.epoch = epoch, .frames = 0, .position = {}}; }
  // Takes checked frames of the staged epoch, in order, with their content. Errors: protocol (another epoch or number,
  // or outside the disk), no_space, io_failed. What failed is sent again: it was not counted.
  [[nodiscard]] io::Task<Status> stage(io::Scope& scope, std::span<const format::FrameView* const> frames,
                                       const BatchContent& content);
  // Makes everything staged durable, without counting it: before the first point.
  [[nodiscard]] io::Task<Status> sync(io::Scope& scope);
  // Makes everything staged durable and counts it.
  [[nodiscard]] io::Task<Status> checkpoint(io::Scope& scope);
  // There is a point now: the staging is over.
  [[nodiscard]] io::Task<Status> end_staging(io::Scope& scope);
  // Forgets all that was staged; the base is empty again.
  [[nodiscard]] io::Task<Status> reset(io::Scope& scope);
  // A disk has another size than the base: both follow. What was staged stays.
  [[nodiscard]] io::Task<Status> resize(io::Scope& scope, const MachineDescription& machine);
  // Following reads come from the devices, and the headers of the sums are checked again.
  [[nodiscard]] io::Task<Status> drop_cache(io::Scope& scope);
  // Not empty: a sync failed, and nothing here is to be believed before it was opened anew.
  [[nodiscard]] const std::string& stopped() const { return stopped_; }

 private:
  Base(std::shared_ptr<io::Directory> folder, CheckpointSizes checkpoint)
      : folder_(std::move(folder)), pace_(checkpoint) {}
  enum class Headers : std::uint8_t { must_verify, may_be_damaged };
  [[nodiscard]] io::Task<Status> open_disk(io::Scope& scope, const DiskDescription& disk, Headers headers);
  [[nodiscard]] io::Task<Status> create_disk(io::Scope& scope, const DiskDescription& disk);
  // base_staging.cc
  struct Run;
  [[nodiscard]] Result<std::size_t> admit(const format::FrameView& frame, const StagedSeed& before) const;
  [[nodiscard]] io::Task<Status> go_back(io::Scope& scope, Run& run, SeedingPosition to);
  [[nodiscard]] io::Task<Status> add_frame(io::Scope& scope, Run& run, const format::FrameView& frame, ByteView raw);
  [[nodiscard]] io::Task<Status> add_zeros(io::Scope& scope, Run& run, Extent extent);
  [[nodiscard]] io::Task<Status> write_run(io::Scope& scope, Run& run);

  std::shared_ptr<io::Directory> folder_;
  std::vector<BaseDisk> disks_;
  std::optional<StagedSeed> staged_;
  CheckpointPace pace_;
  std::string stopped_;
  std::vector<std::string> findings_;
};

}  // namespace afterimage::replica
