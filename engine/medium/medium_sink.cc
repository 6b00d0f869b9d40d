// SPDX-License-Identifier: Apache-2.0
#include "engine/medium/medium_sink.h"

#include <utility>

#include "io/base/limits.h"
#include "io/durable_file.h"

namespace afterimage::medium {
namespace {

constexpr std::size_t gather_bytes = 1 * limits::MiB;

std::string numbered(SegmentNumber number) {
  Bytes digits(sizeof(std::uint64_t));
  for (std::size_t i = 0; i < digits.size(); ++i) {
    digits[i] = static_cast<std::byte>(number.value() >> (56U - 8U * static_cast<unsigned>(i)));
  }
  return to_hex(digits);
}

std::string open_file_name(SegmentNumber number) { return numbered(number) + ".open"; }

bool is_ours(const std::string& name) {
  return name.ends_with(".segment") || name.ends_with(".open") || name == progress_file_name ||
         name == std::string(progress_file_name) + ".new" || name == std::string(manifest_file_name) + ".new";
}

}  // namespace

std::string segment_file_name(SegmentNumber number) { return numbered(number) + ".segment"; }

MediumSink::MediumSink(const io::Platform& platform, std::unique_ptr<io::Directory> folder, HostId owner,
                       std::string owner_name)
    : platform_(platform), folder_(std::move(folder)), owner_(owner), owner_name_(std::move(owner_name)) {}

io::Task<Status> MediumSink::refuse_strangers(io::Scope& scope) {
  AFI_CO_TRY(const std::vector<io::DirectoryEntry> entries, folder_->list(scope));
  for (const io::DirectoryEntry& entry : entries) {
    if (entry.name == manifest_file_name) {
      co_return fail(ErrorCode::already_exists, "export a seed",
                     folder_->path() + " holds a finished seed already; export to an empty folder");
    }
    if (entry.name != "lost+found" && (entry.kind != io::EntryKind::file || !is_ours(entry.name))) {
      co_return fail(ErrorCode::refused, "export a seed",
                     folder_->path() + " is not empty ('" + entry.name + "'); export to an empty folder");
    }
  }
  co_return Status{};
}

io::Task<Result<Welcome>> MediumSink::open(io::Scope& scope, const MachineDescription& machine, SeedBy) {
  AFI_CO_TRY_STATUS(refuse_strangers(scope));
  machine_ = machine;
  auto reading = io::read_file(scope, *folder_, progress_file_name, SeedManifest::encoded_bytes_max);
  const Result<Bytes> bytes = co_await reading;
  if (!bytes && bytes.error().code != ErrorCode::not_found) co_return std::unexpected(bytes.error());
  Welcome welcome;
  if (bytes) {
    AFI_CO_RESULT(progress_, ExportProgress::parse(*bytes));
    if (progress_.machine != machine.id) {
      co_return fail(ErrorCode::refused, "export a seed",
                     folder_->path() + " holds an unfinished export of another machine; export to an empty folder");
    }
    welcome.staged = progress_.staged;
    welcome.newest_epoch = progress_.staged.epoch;
  }
  progress_.machine = machine.id;
  staged_ = progress_.staged;
  segments_ = progress_.segments;
  AFI_CO_TRY_STATUS(remove_segments_after(scope, segments_.size()));
  co_return welcome;
}

// Whatever is not among the first `keep` sealed segments is of an earlier run and means nothing.
io::Task<Status> MediumSink::remove_segments_after(io::Scope& scope, std::size_t keep) {
  segments_.resize(std::min(keep, segments_.size()));
  AFI_CO_TRY(const std::vector<io::DirectoryEntry> entries, folder_->list(scope));
  for (const io::DirectoryEntry& entry : entries) {
    bool kept = !entry.name.ends_with(".segment") && !entry.name.ends_with(".open");
    for (const SeedSegment& segment : segments_) kept = kept || entry.name == segment_file_name(segment.number);
    if (!kept) AFI_CO_TRY_STATUS(folder_->remove_file(scope, entry.name));
  }
  auto syncing = folder_->sync(scope);
  co_return co_await syncing;
}

io::Task<Result<Need>> MediumSink::begin(io::Scope& scope, BeginEpoch begin) {
  epoch_kind_ = begin.kind;
  if (begin.kind == EpochKind::seeding) {
    if (begin.epoch != staged_.epoch) {
      AFI_CO_TRY_STATUS(remove_segments_after(scope, 0));
      staged_ = StagedSeed{.epoch = begin.epoch, .frames = 0, .position = {}};
      AFI_CO_TRY_STATUS(keep_progress(scope));
    }
    co_return Need{.first_frame = staged_.frames, .position = staged_.position};
  }
  // The closing cycle starts in a segment of its own, behind the whole staged seed.
  if (builder_) {
    AFI_CO_TRY_STATUS(seal_segment(scope));
    AFI_CO_TRY_STATUS(keep_progress(scope));
  }
  AFI_CO_TRY_STATUS(remove_segments_after(scope, progress_.segments.size()));
  co_return Need{};
}

io::Task<Status> MediumSink::begin_segment(io::Scope& scope) {
  const SegmentNumber number = segments_.empty() ? SegmentNumber(std::uint64_t{1}) : segments_.back().number.next();
  AFI_CO_TRY(file_, folder_->open_file(scope, open_file_name(number), io::OpenMode::open_or_create));
  AFI_CO_TRY_STATUS(file_->resize(scope, ByteCount{}));
  builder_.emplace();
  sha_ = format::Sha256();
  file_end_ = ByteOffset{};
  const format::SegmentHeader header{
      .kind = format::SegmentKind::stream, .machine = machine_.id, .lineage = machine_.lineage, .number = number};
  const Bytes bytes = builder_->begin(header);
  auto writing = write_out(scope, bytes);
  co_return co_await writing;
}

io::Task<Status> MediumSink::write_out(io::Scope& scope, ByteView bytes) {
  sha_.update(bytes);
  gathered_.insert(gathered_.end(), bytes.begin(), bytes.end());
  if (gathered_.size() < gather_bytes) co_return Status{};
  auto flushing = flush(scope);
  co_return co_await flushing;
}

io::Task<Status> MediumSink::flush(io::Scope& scope) {
  AFI_CO_TRY_STATUS(file_->write_at(scope, file_end_, gathered_));
  file_end_ += ByteCount(std::uint64_t{gathered_.size()});
  written_ += ByteCount(std::uint64_t{gathered_.size()});
  gathered_.clear();
  co_return Status{};
}

io::Task<Status> MediumSink::seal_segment(io::Scope& scope) {
  AFI_CO_RESULT(const Bytes end, builder_->seal());
  AFI_CO_TRY_STATUS(write_out(scope, end));
  AFI_CO_TRY_STATUS(flush(scope));
  AFI_CO_TRY_STATUS(file_->sync(scope));
  const SegmentNumber number = builder_->header().number;
  AFI_CO_TRY_STATUS(folder_->replace(scope, open_file_name(number), segment_file_name(number)));
  AFI_CO_TRY_STATUS(folder_->sync(scope));
  segments_.push_back(SeedSegment{.number = number, .size = file_end_ - ByteOffset{}, .sha256 = sha_.finish()});
  builder_.reset();
  file_.reset();
  co_return Status{};
}

io::Task<Status> MediumSink::keep_progress(io::Scope& scope) {
  progress_.staged = staged_;
  progress_.segments = segments_;
  const Bytes bytes = progress_.encode();
  auto replacing = io::replace_file(scope, *folder_, progress_file_name, bytes);
  co_return co_await replacing;
}

Status MediumSink::follow_position(const format::FrameView& frame) {
  for (std::uint32_t i = 0; i < machine_.disks.size(); ++i) {
    if (machine_.disks[i].id != frame.identity().disk) continue;
    staged_.position = SeedingPosition{.disk_index = i, .block = frame.extents().back().extent.end()};
    ++staged_.frames;
    return {};
  }
  return fail(ErrorCode::protocol, "a frame of a disk that the machine does not have");
}

io::Task<Status> MediumSink::append(io::Scope& scope, Bytes frame) {
  AFI_CO_RESULT(const format::FrameView view, format::FrameView::parse(frame));
  if (builder_ && !builder_->fits(frame.size(), view.extents().size())) {
    AFI_CO_TRY_STATUS(seal_segment(scope));
    if (epoch_kind_ == EpochKind::seeding) AFI_CO_TRY_STATUS(keep_progress(scope));
  }
  if (!builder_) AFI_CO_TRY_STATUS(begin_segment(scope));
  AFI_CO_RESULT(const ByteView bytes, builder_->append_frame(view));
  AFI_CO_TRY_STATUS(write_out(scope, bytes));
  if (epoch_kind_ == EpochKind::seeding) AFI_CO_STATUS(follow_position(view));
  co_return Status{};
}

io::Task<Result<Receipt>> MediumSink::commit(io::Scope& scope, const format::PointRecord& record) {
  if (builder_ && !builder_->fits_point()) AFI_CO_TRY_STATUS(seal_segment(scope));
  if (!builder_) AFI_CO_TRY_STATUS(begin_segment(scope));
  AFI_CO_RESULT(const Bytes point, builder_->append_point(record));
  AFI_CO_TRY_STATUS(write_out(scope, point));
  AFI_CO_TRY_STATUS(seal_segment(scope));
  const SeedManifest manifest{
      .owner = owner_, .owner_name = owner_name_, .description = machine_, .segments = segments_, .point = record};
  const Bytes bytes = manifest.encode();
  AFI_CO_TRY_STATUS(io::replace_file(scope, *folder_, manifest_file_name, bytes));
  AFI_CO_TRY_STATUS(io::remove_if_there(scope, *folder_, progress_file_name));
  co_return Receipt{.sequence = record.sequence, .digest = record.digest(), .received = platform_.clock.now()};
}

io::Task<Result<std::vector<format::BlockHash>>> MediumSink::block_hashes(io::Scope& scope, DiskId, Extent) {
  AFI_CO_STATUS(scope.check());
  co_return fail(ErrorCode::unsupported, "a medium cannot be compared with");
}

io::Task<Status> MediumSink::remove_machine(io::Scope& scope) {
  AFI_CO_STATUS(scope.check());
  co_return fail(ErrorCode::unsupported, "a medium is not removed from here");
}

}  // namespace afterimage::medium
