// SPDX-License-Identifier: Apache-2.0
// Seeding of a PrimaryMachine: every block is read once, live, and staged at the replica; then one frozen cycle closes.
//
// The hash files of the staging say, for every block before a position, what was read and handed on; the replica says
// how far its base holds it. Each block is read and sent once, so after a cut the staging goes on from the nearer of
// the two, and what lies before needs no second look: what changed there since is the closing cycle's to find. Where
// the images were at rest from the first block to the last, the closing cycle is empty and nothing is read twice.
// Order: hash files synced -> progress replaced.
#include <algorithm>
#include <utility>

#include "engine/plan/checkpoint_pace.h"
#include "engine/source/primary_base.h"
#include "engine/source/primary_machine.h"
#include "engine/source/whole_disk_root.h"

namespace afterimage::source {
namespace {

// Up to where disk `index` is staged when everything before `position` is.
BlockIndex staged_end_of(std::size_t index, const SeedingPosition& position) {
  if (index < position.disk_index) return FileHashes::all_known;
  return index == position.disk_index ? position.block : BlockIndex{};
}

bool is_end(const SeedingPosition& position, const MachineDescription& machine) {
  const std::size_t disks = machine.disks.size();
  return position.disk_index >= disks ||
         (position.disk_index + 1 == disks && position.block.value() >= blocks_of(machine.disks.back().size).value());
}

// The disk as a staging sees it: not looked at before a block, everything unknown from there on.
class StagedPart final : public OldHashes {
 public:
  StagedPart(ByteCount disk_size, BlockIndex end) : disk_size_(disk_size), end_(end) {}
  [[nodiscard]] ByteCount disk_size() const override { return disk_size_; }
  [[nodiscard]] BlockIndex begin() const override { return end_; }
  [[nodiscard]] BlockIndex known_end() const override { return end_; }
  [[nodiscard]] io::Task<Result<std::vector<format::BlockHash>>> read(io::Scope& scope, Extent extent) override {
    AFI_CO_STATUS(scope.check());
    co_return std::vector<format::BlockHash>(extent.count.value());
  }
  [[nodiscard]] io::Task<Result<std::optional<Extent>>> next_data(io::Scope& scope, BlockIndex) override {
    AFI_CO_STATUS(scope.check());
    co_return std::nullopt;
  }

 private:
  ByteCount disk_size_;
  BlockIndex end_;
};

}  // namespace

struct PrimaryMachine::Staged {
  SeedingProgress progress;
  HashFileSet hashes;
  std::uint32_t first_frame = 0;
  bool was_whole = false;                 // an earlier run had staged everything
  bool replica_is_ahead = false;          // it was, at the begin: it goes back with the first frame that comes
  std::optional<WallTime> at_rest_since;  // the images were at rest from then until the last block was read
  ByteCount sent;
};

// Hands frames to the sink, and now and then makes durable how far the staging has come.
class PrimaryMachine::StagingFrames final : public FrameSink {
 public:
  StagingFrames(io::Reactor& reactor, PrimaryFiles& files, PointSink& sink, Staged& staged, LevelChooser& level,
                const CaptureSizes& sizes)
      : reactor_(reactor), files_(files), sink_(sink), staged_(staged), level_(level), sizes_(sizes) {}

  [[nodiscard]] Staged& staged() { return staged_; }
  [[nodiscard]] std::uint32_t next_frame() const { return staged_.first_frame + taken_; }
  void follow(const Capture* capture, std::uint32_t disk_index) {
    capture_ = capture;
    disk_index_ = disk_index;
  }

  [[nodiscard]] io::Task<Status> take(io::Scope& scope, Bytes frame) override {
    const std::size_t size = frame.size();
    const MonotonicTime began = reactor_.now();
    AFI_CO_TRY_STATUS(sink_.append(scope, std::move(frame)));
    level_.sent(ByteCount(std::uint64_t{size}), reactor_.now() - began);
    ++taken_;
    staged_.sent += ByteCount(std::uint64_t{size});
    pace_.moved(ByteCount(std::uint64_t{size}));
    if (!pace_.is_due(reactor_.now())) co_return Status{};
    auto checkpointing =
        checkpoint(scope, SeedingPosition{.disk_index = disk_index_, .block = capture_->captured_end()});
    co_return co_await checkpointing;
  }

  // Where the staging stands now; nothing before the first block.
  [[nodiscard]] SeedingPosition position() const {
    return capture_ == nullptr ? staged_.progress.position
                               : SeedingPosition{.disk_index = disk_index_, .block = capture_->captured_end()};
  }

  [[nodiscard]] io::Task<Status> checkpoint(io::Scope& scope, SeedingPosition position) {
    if (position <= staged_.progress.position || !is_replica_behind()) co_return Status{};
    for (const std::unique_ptr<image::HashFile>& file : staged_.hashes) AFI_CO_TRY_STATUS(file->sync(scope));
    const SeedingProgress progress{.epoch = staged_.progress.epoch, .position = position};
    AFI_CO_TRY_STATUS(files_.save_seeding(scope, progress));
    staged_.progress = progress;
    pace_.made(reactor_.now());
    co_return Status{};
  }

 private:
  // What was read again is not the replica's before it has gone back to where that begins. It has when more was sent
  // than ever is under way.
  [[nodiscard]] bool is_replica_behind() const {
    return !staged_.replica_is_ahead || staged_.sent >= sizes_.under_way_bytes;
  }

  io::Reactor& reactor_;
  PrimaryFiles& files_;
  PointSink& sink_;
  Staged& staged_;
  LevelChooser& level_;
  const CaptureSizes& sizes_;
  const Capture* capture_ = nullptr;
  std::uint32_t disk_index_ = 0;
  std::uint32_t taken_ = 0;
  CheckpointPace pace_{sizes_.checkpoint};
};

// Until the first point the description follows the images: the replica learns their sizes at each open.
io::Task<Status> PrimaryMachine::adopt_sizes(io::Scope& scope, const std::vector<ByteCount>& sizes) {
  PrimaryRecord changed = record_;
  for (std::size_t i = 0; i < sizes.size(); ++i) changed.description.disks[i].size = sizes[i];
  if (changed == record_) co_return Status{};
  changed.pending.reset();  // a first point of other sizes cannot be committed any more
  auto changing = change_record(scope, std::move(changed));
  co_return co_await changing;
}

// False if what was staged before cannot be gone on with.
io::Task<Result<bool>> PrimaryMachine::resume_staging(io::Scope& scope, const Welcome& welcome, Staged& staged) {
  AFI_CO_TRY(const std::optional<SeedingProgress> stored, files_.load_seeding(scope));
  if (!stored || !welcome.staged || welcome.staged->epoch != stored->epoch) co_return false;
  auto opening = files_.open_hashes(scope, stored->epoch, record_.description);
  Result<HashFileSet> hashes = co_await opening;
  if (!hashes) co_return false;
  for (std::size_t i = 0; i < hashes->size(); ++i) {
    if ((*hashes)[i]->disk_size() != record_.description.disks[i].size) co_return false;
  }
  staged.progress = *stored;
  staged.hashes = std::move(*hashes);
  co_return true;
}

io::Task<Status> PrimaryMachine::start_staging(io::Scope& scope, Epoch epoch, Staged& staged) {
  PrimaryRecord changed = record_;
  changed.newest_epoch = epoch;
  changed.pending.reset();
  AFI_CO_TRY_STATUS(change_record(scope, std::move(changed)));
  std::vector<ByteCount> sizes;
  sizes.reserve(record_.description.disks.size());
  for (const DiskDescription& disk : record_.description.disks) sizes.push_back(disk.size);
  AFI_CO_TRY(staged.hashes, files_.create_hashes(scope, epoch, record_.description, sizes));
  staged.progress = SeedingProgress{.epoch = epoch, .position = {}};
  AFI_CO_TRY_STATUS(files_.save_seeding(scope, staged.progress));  // syncs the folder: the hash files' names with it
  auto removing = files_.remove_leftovers(scope, record_);
  co_return co_await removing;
}

io::Task<Status> PrimaryMachine::stage_disks(io::Scope& scope, StagingFrames& frames, ScanImages& images,
                                             Progress* progress) {
  Staged& staged = frames.staged();
  const SeedingPosition from = staged.progress.position;
  Capture capturing(platform_,
                    CaptureOptions{.epoch = staged.progress.epoch,
                                   .first_frame = frames.next_frame(),
                                   .frame_bytes = sizes_.seeding_frame_bytes,
                                   .sizes = sizes_,
                                   .level = seeding_level_},
                    frames);
  capturing.report_to(progress, 0, images.allocated_bytes());
  for (std::uint32_t i = from.disk_index; i < images.size(); ++i) {
    frames.follow(&capturing, i);
    StagedPart part(images[i].size(), staged_end_of(i, from));
    auto capture = capturing.capture_disk(scope, record_.description.disks[i], images[i], part, *staged.hashes[i]);
    const Result<DiskCapture> disk = co_await capture;
    if (!disk) {
      // What was read must not be read and sent again: keep how far it came, if that can still be done.
      auto keeping = frames.checkpoint(scope, frames.position());
      const Status kept = co_await keeping;
      (void)kept;  // the staging's own failure is the one to tell
      frames.follow(nullptr, 0);
      co_return std::unexpected(disk.error());
    }
  }
  frames.follow(nullptr, 0);
  auto checkpointing =
      frames.checkpoint(scope, SeedingPosition{.disk_index = static_cast<std::uint32_t>(images.size()), .block = {}});
  co_return co_await checkpointing;
}

io::Task<Status> PrimaryMachine::stage(io::Scope& scope, PointSink& sink, const Welcome& welcome, Staged& staged,
                                       Progress* progress) {
  AFI_CO_TRY(const bool resumed, resume_staging(scope, welcome, staged));
  if (!resumed) AFI_CO_TRY_STATUS(start_staging(scope, next_epoch(welcome), staged));
  staged.was_whole =
      resumed && is_end(std::min(staged.progress.position, welcome.staged->position), record_.description);
  if (staged.was_whole) co_return Status{};
  // A pending closing cycle was captured over a staging that the replica has lost a part of: it closes no other.
  if (record_.pending) AFI_CO_TRY_STATUS(forget_pending(scope));
  const BeginEpoch begin{.kind = EpochKind::seeding, .epoch = staged.progress.epoch, .parent = {}};
  AFI_CO_TRY(const Need need, sink.begin(scope, begin));
  staged.first_frame = need.first_frame;
  staged.replica_is_ahead = staged.progress.position < need.position;
  if (need.position < staged.progress.position) {  // from there on the hashes are about to change
    staged.progress.position = need.position;
    AFI_CO_TRY_STATUS(files_.save_seeding(scope, staged.progress));
  }
  AFI_CO_TRY(const std::unique_ptr<ScanImages> images, freeze_images(scope, Reading::live));
  for (std::size_t i = 0; i < images->size(); ++i) {
    if ((*images)[i].size() != record_.description.disks[i].size) {
      co_return fail(ErrorCode::changed, "seed a machine",
                     "the image " + record_.image_paths[i] + " was resized while it was seeded; run the command again");
    }
  }
  StagingFrames frames(platform_.reactor, files_, sink, staged, seeding_level_, sizes_);
  AFI_CO_TRY_STATUS(stage_disks(scope, frames, *images, progress));
  if (resumed) co_return Status{};
  auto checking = images->check_unchanged(scope);
  const Status unchanged = co_await checking;
  if (unchanged) staged.at_rest_since = images->frozen();
  co_return Status{};
}

// The staged seed is the point as it stands: an empty cycle closes it.
io::Task<Status> PrimaryMachine::close_at_rest(io::Scope& scope, Staged& staged) {
  const Epoch epoch = record_.newest_epoch.next();
  format::PointRecord point = make_record(epoch, Welcome{}, *staged.at_rest_since);
  for (std::size_t i = 0; i < staged.hashes.size(); ++i) {
    AFI_CO_TRY(const DiskCapture disk, whole_disk_root(scope, *staged.hashes[i]));
    const ByteCount size = record_.description.disks[i].size;
    point.disks.push_back(format::PointDisk{.disk = record_.description.disks[i].id,
                                            .sizes = {.before = size, .smallest = size, .after = size},
                                            .changed = disk.changed,
                                            .change_root = disk.change_root});
  }
  auto keeping = keep_pending(scope, EpochKind::cycle, std::move(point), staged.hashes, staged.progress.epoch);
  co_return co_await keeping;
}

// Stages, closes and ships point 1; whether that counts as acknowledged is the caller's to say.
io::Task<Status> PrimaryMachine::seed(io::Scope& scope, PointSink& sink, Welcome welcome, CycleResult& result,
                                      Progress* progress) {
  Staged staged;
  AFI_CO_TRY_STATUS(stage(scope, sink, welcome, staged, progress));
  welcome.newest_epoch = std::max(welcome.newest_epoch, staged.progress.epoch);
  // A pending closing cycle fits the staging it was captured over, and no other.
  auto checking = pending_can_be_sent(scope);
  const bool resumes = staged.was_whole && record_.pending && co_await checking;
  if (staged.at_rest_since) {
    AFI_CO_TRY_STATUS(close_at_rest(scope, staged));
  } else if (!resumes) {
    Base base{.kind = EpochKind::cycle,
              .files = std::move(staged.hashes),
              .session = nullptr,
              .head_sizes = {},
              .closes_seed = true};
    AFI_CO_TRY_STATUS(capture(scope, base, welcome, progress));
  }
  for (const format::PointDisk& disk : record_.pending->record.disks) result.changed += bytes_of(disk.changed);
  AFI_CO_TRY_STATUS(ship(scope, sink, Head{}, result, progress));
  result.sent += staged.sent;
  result.stored += staged.sent;
  co_return Status{};
}

io::Task<Result<CycleResult>> PrimaryMachine::seed_medium(io::Scope& scope, PointSink& medium, Progress* progress) {
  AFI_CO_TRY_STATUS(open_folder_again(scope));
  auto writing = write_medium(scope, medium, progress);
  Result<CycleResult> result = co_await writing;
  if (!result) note_failure(result.error());
  co_return result;
}

io::Task<Result<CycleResult>> PrimaryMachine::write_medium(io::Scope& scope, PointSink& medium, Progress* progress) {
  if (record_.stage == PrimaryStage::replicating) {
    co_return fail(ErrorCode::refused, "export a seed",
                   record_.description.name + " is replicating already: its replica has point " +
                       std::to_string(record_.acknowledged->sequence.value()));
  }
  CycleResult result;
  const MonotonicTime began = platform_.reactor.now();
  AFI_CO_TRY(const std::vector<ByteCount> sizes, image_sizes(scope, platform_.disk, record_.image_paths));
  AFI_CO_TRY_STATUS(adopt_sizes(scope, sizes));
  AFI_CO_TRY(Welcome welcome, medium.open(scope, record_.description, SeedBy::medium));
  AFI_CO_TRY_STATUS(seed(scope, medium, std::move(welcome), result, progress));
  result.took = platform_.reactor.now() - began;
  co_return result;
}

}  // namespace afterimage::source
