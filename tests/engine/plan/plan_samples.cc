// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/plan/plan_samples.h"

#include "io/base/limits.h"

namespace afterimage::plan_samples {
namespace {

template <typename Id>
Id id_of(std::uint8_t seed) {
  Id id;
  for (std::byte& byte : id.bytes) byte = static_cast<std::byte>(seed++);
  return id;
}

SeedSegment segment(std::uint64_t number) {
  return {.number = SegmentNumber(number), .size = ByteCount(number * limits::MiB), .sha256 = id_of<Digest>(0x77)};
}

}  // namespace

MachineDescription machine() {
  MachineDescription machine{
      .id = id_of<MachineId>(1),
      .name = "web1",
      .lineage = id_of<LineageId>(2),
      .generation = 1,
      .disks = {{.id = id_of<DiskId>(3), .name = "root", .size = ByteCount(limits::MiB), .secret = {}},
                {.id = id_of<DiskId>(4), .name = "data", .size = ByteCount(limits::TiB), .secret = {}}}};
  machine.disks[1].secret.bytes.fill(std::byte{9});
  return machine;
}

format::PointRecord point(std::uint64_t sequence) {
  const MachineDescription described = machine();
  format::PointRecord record{.machine = described.id,
                             .lineage = described.lineage,
                             .generation = described.generation,
                             .sequence = Sequence(sequence),
                             .epoch = Epoch(sequence * 2),
                             .parent = id_of<Digest>(static_cast<std::uint8_t>(sequence)),
                             .frozen = WallTime{1'700'000'000'000'000'000},
                             .received = {},
                             .consistency = format::Consistency::crash,
                             .description = described.digest(),
                             .frame_count = 5,
                             .disks = {}};
  for (const DiskDescription& disk : described.disks) {
    record.disks.push_back({.disk = disk.id,
                            .sizes = {.before = disk.size, .smallest = disk.size, .after = disk.size},
                            .changed = BlockCount(std::uint64_t{3}),
                            .change_root = id_of<Digest>(0x50)});
  }
  return record;
}

PrimaryRecord seeding() {
  return {.description = machine(),
          .replica = id_of<HostId>(5),
          .image_paths = {"/srv/root.img", "/srv/data.img"},
          .stage = PrimaryStage::seeding,
          .activity = Activity::active,
          .newest_epoch = Epoch(std::uint64_t{1}),
          .acknowledged = {},
          .hashes = {},
          .pending = {}};
}

PrimaryRecord replicating() {
  PrimaryRecord record = seeding();
  record.stage = PrimaryStage::replicating;
  record.newest_epoch = Epoch(std::uint64_t{6});
  record.acknowledged = point(3);
  record.hashes = HashFiles{.epoch = Epoch(std::uint64_t{6}), .checks = {11, 12}};
  return record;
}

PrimaryRecord pending() {
  PrimaryRecord record = replicating();
  record.newest_epoch = Epoch(std::uint64_t{8});
  record.pending = PendingEpoch{.kind = EpochKind::cycle,
                                .record = point(4),
                                .hashes = HashFiles{.epoch = Epoch(std::uint64_t{8}), .checks = {13, 14}}};
  record.pending->record.parent = record.acknowledged->digest();
  return record;
}

SeedManifest manifest() {
  return {.owner = id_of<HostId>(5),
          .owner_name = "alpha",
          .description = machine(),
          .segments = {segment(1), segment(2)},
          .point = point(1)};
}

ExportProgress export_progress() {
  return {.machine = machine().id,
          .staged = {.epoch = Epoch(std::uint64_t{1}),
                     .frames = 7,
                     .position = {.disk_index = 1, .block = BlockIndex(std::uint64_t{90})}},
          .segments = {segment(1)}};
}

}  // namespace afterimage::plan_samples
