// SPDX-License-Identifier: Apache-2.0
// Cycles of a PrimaryMachine: freeze, capture into the spool, make pending, ship. Order of writes: primary_machine.h.
#include <algorithm>
#include <utility>

#include "engine/source/primary_base.h"
#include "engine/source/primary_machine.h"
#include "engine/source/spool.h"
#include "engine/source/whole_disk_root.h"

namespace afterimage::source {

io::Task<Result<std::unique_ptr<ScanImages>>> PrimaryMachine::freeze_images(io::Scope& scope, Reading reading) {
  auto freezing = reading == Reading::frozen ? ScanImages::freeze(scope, platform_, record_.image_paths, images_)
                                             : ScanImages::open_live(scope, platform_, record_.image_paths, images_);
  Result<std::unique_ptr<ScanImages>> images = co_await freezing;
  if (images) {
    images_ = CacheTrust::trusted;
  } else if (images.error().code == ErrorCode::io_failed || images.error().code == ErrorCode::no_space) {
    images_ = CacheTrust::in_doubt;
  }
  co_return images;
}

io::Task<Result<bool>> PrimaryMachine::hashes_are_whole(io::Scope& scope) {
  if (!record_.hashes) co_return false;
  auto opening = files_.open_sealed(scope, *record_.hashes, record_.description);
  const Result<HashFileSet> files = co_await opening;
  if (!files && files.error().code == ErrorCode::damaged) co_return false;
  if (!files) co_return std::unexpected(files.error());
  co_return true;
}

io::Task<bool> PrimaryMachine::pending_can_be_sent(io::Scope& scope) {
  const format::PointRecord& point = record_.pending->record;
  if (point.frame_count == 0) co_return true;
  auto checking = spool_is_whole(scope, files_.folder(), point.epoch, point.frame_count);
  co_return co_await checking;
}

Epoch PrimaryMachine::next_epoch(const Welcome& welcome) const {
  return std::max(record_.newest_epoch, welcome.newest_epoch).next();
}

// A point behind the replica's head, numbered after every point either side has seen.
format::PointRecord PrimaryMachine::make_record(Epoch epoch, const Welcome& welcome, WallTime frozen) const {
  Sequence newest = welcome.head.sequence;
  if (record_.acknowledged) newest = std::max(newest, record_.acknowledged->sequence);
  if (record_.pending && record_.stage == PrimaryStage::replicating)
    newest = std::max(newest, record_.pending->record.sequence);
  return format::PointRecord{.machine = record_.description.id,
                             .lineage = record_.description.lineage,
                             .generation = record_.description.generation,
                             .sequence = newest.next(),
                             .epoch = epoch,
                             .parent = welcome.head.digest,
                             .frozen = frozen,
                             .received = {},
                             .consistency = format::Consistency::crash,
                             .description = record_.description.digest(),
                             .frame_count = 0,
                             .disks = {}};
}

io::Task<Status> PrimaryMachine::cycle(io::Scope& scope, PointSink& session, EpochKind kind, const Welcome& welcome,
                                       CycleResult& result, Progress* progress) {
  Base base{.kind = kind, .files = {}, .session = &session, .head_sizes = welcome.head_sizes, .closes_seed = false};
  if (kind == EpochKind::cycle) {
    AFI_CO_TRY(const bool whole, hashes_are_whole(scope));
    if (!whole) {
      base.kind = EpochKind::compare;
      result.warnings.push_back("the hash files of " + record_.description.name +
                                " are damaged or missing: all blocks were "
                                "compared with the replica's hashes");
    }
  }
  if (base.kind == EpochKind::cycle) {
    AFI_CO_TRY(base.files, files_.open_hashes(scope, record_.hashes->epoch, record_.description));
  } else if (welcome.head_sizes.size() != record_.description.disks.size()) {
    co_return fail(ErrorCode::protocol, "the replica did not tell the sizes at its head");
  }
  const Head parent = welcome.head;
  AFI_CO_TRY_STATUS(capture(scope, base, welcome, progress));
  for (std::size_t i = 0; i < record_.description.disks.size(); ++i) {
    const format::PointDisk& disk = record_.pending->record.disks[i];
    result.changed += bytes_of(disk.changed);
    if (disk.sizes.after >= disk.sizes.before) continue;
    result.warnings.push_back("disk " + record_.description.disks[i].name + " of " + record_.description.name +
                              " has shrunk from " + std::to_string(disk.sizes.before.value()) + " to " +
                              std::to_string(disk.sizes.after.value()) +
                              " bytes; points before this one have all of it");
  }
  AFI_CO_TRY_STATUS(ship(scope, session, parent, result, progress));
  auto acknowledging = acknowledge(scope, result);
  co_return co_await acknowledging;
}

io::Task<Result<format::PointDisk>> PrimaryMachine::capture_disk(io::Scope& scope, Capture& capturing, Base& base,
                                                                 std::size_t index, ScanImages& images,
                                                                 image::HashFile& fresh) {
  const DiskDescription& disk = record_.description.disks[index];
  const ByteCount before = base.size_before(index);
  const ByteCount after = images[index].size();
  const std::unique_ptr<OldHashes> old = base.hashes_of(index, disk.id);
  AFI_CO_TRY(DiskCapture found, capturing.capture_disk(scope, disk, images[index], *old, fresh));
  if (base.closes_seed) {
    AFI_CO_TRY(found, whole_disk_root(scope, fresh));
  }
  co_return format::PointDisk{.disk = disk.id,
                              .sizes = {.before = before, .smallest = std::min(before, after), .after = after},
                              .changed = found.changed,
                              .change_root = found.change_root};
}

io::Task<Status> PrimaryMachine::capture(io::Scope& scope, Base& base, const Welcome& welcome, Progress* progress) {
  const MachineDescription& machine = record_.description;
  AFI_CO_TRY(const std::unique_ptr<ScanImages> images, freeze_images(scope, Reading::frozen));
  const Epoch epoch = next_epoch(welcome);
  format::PointRecord point = make_record(epoch, welcome, images->frozen());
  std::vector<ByteCount> sizes;
  sizes.reserve(machine.disks.size());
  for (std::size_t i = 0; i < machine.disks.size(); ++i) sizes.push_back((*images)[i].size());
  AFI_CO_TRY(HashFileSet fresh, files_.create_hashes(scope, epoch, machine, sizes));
  AFI_CO_TRY(const std::unique_ptr<SpoolWriter> spool,
             SpoolWriter::create(scope, files_.folder(), sizes_.spool_gather_bytes));
  Capture capturing(platform_,
                    CaptureOptions{.epoch = epoch,
                                   .first_frame = 0,
                                   .frame_bytes = sizes_.cycle_frame_bytes,
                                   .sizes = sizes_,
                                   .level = cycle_level_},
                    *spool);
  capturing.report_to(progress, 0, images->allocated_bytes());
  for (std::size_t i = 0; i < machine.disks.size(); ++i) {
    AFI_CO_TRY(format::PointDisk disk, capture_disk(scope, capturing, base, i, *images, *fresh[i]));
    point.disks.push_back(std::move(disk));
  }
  AFI_CO_TRY_STATUS(images->check_unchanged(scope));
  AFI_CO_TRY_STATUS(spool->flush(scope));
  point.frame_count = capturing.next_frame();
  auto keeping = keep_pending(scope, base.kind, std::move(point), fresh, epoch);
  co_return co_await keeping;
}

// Hash files first, then the record that names them.
io::Task<Status> PrimaryMachine::keep_pending(io::Scope& scope, EpochKind kind, format::PointRecord point,
                                              HashFileSet& hashes, Epoch hashes_epoch) {
  AFI_CO_TRY(HashFiles sealed, files_.seal_hashes(scope, hashes_epoch, hashes));
  PrimaryRecord changed = record_;
  changed.newest_epoch = std::max(changed.newest_epoch, point.epoch);
  changed.pending = PendingEpoch{.kind = kind, .record = std::move(point), .hashes = std::move(sealed)};
  auto changing = change_record(scope, std::move(changed));
  co_return co_await changing;
}

// Sends the pending epoch from where the sink stands, and its point record. What the receipt means is the caller's to
// say.
io::Task<Status> PrimaryMachine::ship(io::Scope& scope, PointSink& session, Head parent, CycleResult& result,
                                      Progress* progress) {
  const PendingEpoch& pending = *record_.pending;
  AFI_CO_TRY(const Need need,
             session.begin(scope, BeginEpoch{.kind = pending.kind, .epoch = pending.record.epoch, .parent = parent}));
  AFI_CO_TRY_STATUS(send_spool(scope, session, need.first_frame, result, progress));
  AFI_CO_TRY(const Receipt receipt, session.commit(scope, pending.record));
  if (receipt.sequence != pending.record.sequence || receipt.digest != pending.record.digest()) {
    co_return fail(ErrorCode::protocol, "the receipt is for another point");
  }
  result.sent += ByteCount(std::uint64_t{pending.record.encoded_size()});
  result.record = pending.record;
  result.record.received = receipt.received;
  co_return Status{};
}

io::Task<Status> PrimaryMachine::send_spool(io::Scope& scope, PointSink& session, std::uint32_t from,
                                            CycleResult& result, Progress* progress) {
  const Epoch epoch = record_.pending->record.epoch;
  const std::uint32_t frames = record_.pending->record.frame_count;
  if (frames == 0) co_return Status{};
  AFI_CO_TRY(const std::unique_ptr<SpoolReader> spool, SpoolReader::open(scope, files_.folder()));
  for (std::uint32_t number = 0; number < frames; ++number) {
    AFI_CO_TRY(std::optional<Bytes> frame, spool->next(scope, epoch));
    if (!frame) co_return fail(ErrorCode::damaged, "the spool ends before its epoch does");
    const ByteCount size(std::uint64_t{frame->size()});
    result.stored += size;
    if (number < from) continue;
    const MonotonicTime began = platform_.reactor.now();
    AFI_CO_TRY_STATUS(session.append(scope, *std::move(frame)));
    cycle_level_.sent(size, platform_.reactor.now() - began);
    result.sent += size;
    if (progress != nullptr) progress->advance("sending", result.stored.value(), spool->size().value());
  }
  co_return Status{};
}

}  // namespace afterimage::source
