// SPDX-License-Identifier: Apache-2.0
#include "engine/replica/machine.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "io/durable_file.h"

namespace afterimage::replica {

std::string_view name_of(MachineState state) noexcept {
  switch (state) {
    case MachineState::awaiting_medium: return "awaiting medium";
    case MachineState::seeding: return "seeding";
    case MachineState::idle: return "idle";
    case MachineState::receiving: return "receiving";
    case MachineState::stopped: return "stopped";
  }
  return "";
}

Machine::Machine(MachineContext context, std::shared_ptr<io::Directory> folder, MachineFile file)
    : context_(context),
      scope_(context.scope),
      folder_(std::move(folder)),
      file_(std::move(file)),
      checker_(context.platform.reactor, context.platform.workers) {
  for (const DiskDescription& disk : file_.description.disks)
    hashers_.emplace(disk.id, format::BlockHasher(disk.secret));
}

MachineState Machine::state() const {
  if (!stop_reason_.empty()) return MachineState::stopped;
  if (!journal_->points().empty()) {
    const bool receives = active_ && active_->session == newest_session_;
    return receives ? MachineState::receiving : MachineState::idle;
  }
  return file_.seed_by == SeedBy::medium && !base_->staged() ? MachineState::awaiting_medium : MachineState::seeding;
}

bool Machine::is_blank() const {
  if (!stop_reason_.empty() || !journal_ || !base_) return false;
  const bool is_staged = base_->staged() && base_->staged()->frames != 0;
  const bool is_coming = !batch_.frames.empty() || !import_.expired();
  return points().empty() && !journal_->unfinished() && !is_staged && !is_coming;
}

// A seed whose progress was lost is blank, too, and its base is not: people may want to look at it.
io::Task<bool> Machine::holds_nothing() {
  if (!is_blank()) co_return false;
  auto measuring = stored_bytes();
  const Result<ByteCount> stored = co_await measuring;
  co_return stored && *stored == ByteCount{} && is_blank();
}

std::shared_ptr<void> Machine::attend() {
  std::shared_ptr<void> presence = attended_.lock();
  if (presence == nullptr) {
    presence = std::make_shared<char>();
    attended_ = presence;
  }
  return presence;
}

bool Machine::is_abandoned() const { return is_blank() && attended_.expired() && file_.seed_by != SeedBy::medium; }

std::vector<std::string> Machine::findings() const {
  std::vector<std::string> findings = findings_;
  if (base_) findings.insert(findings.end(), base_->findings().begin(), base_->findings().end());
  if (journal_) findings.insert(findings.end(), journal_->findings().begin(), journal_->findings().end());
  return findings;
}

void Machine::stop(std::string reason) {
  if (stop_reason_.empty()) {
    stop_reason_ = std::move(reason);
    retry_.begin(context_.platform.reactor.now());
    context_.trouble.set();
  }
  active_.reset();
  batch_ = {};
  fence();
}

void Machine::retire() {
  stop("it is being removed");
  is_retired_ = true;
  journal_.reset();
  base_.reset();
}

// ---- coming into being

io::Task<Result<Machine::Described>> Machine::read_description(io::Scope& scope, io::Directory& folder) {
  std::vector<Result<MachineFile>> files;
  for (const char* name : {machine_file_name, machine_copy_name}) {
    auto reading = io::read_file(scope, folder, name, MachineFile::bytes_max);
    const Result<Bytes> bytes = co_await reading;
    files.push_back(bytes ? MachineFile::parse(*bytes) : Result<MachineFile>(std::unexpected(bytes.error())));
  }
  Result<MachineFile>& chosen = files[0] ? files[0] : files[1];
  if (!chosen) co_return std::unexpected(files[0].error());
  Described described{.file = *chosen, .finding = {}, .is_whole = files[0] && files[1] && *files[0] == *files[1]};
  for (const Result<MachineFile>& file : files) {
    if (file || file.error().code == ErrorCode::not_found) continue;
    described.finding = fmt::format("its description was read from the other copy: {}", file.error().text());
  }
  co_return described;
}

io::Task<Status> Machine::write_description(io::Scope& scope, io::Directory& folder, const MachineFile& file) {
  const Bytes encoded = file.encode();
  AFI_CO_TRY_STATUS(io::replace_file(scope, folder, machine_file_name, encoded));
  auto copying = io::replace_file(scope, folder, machine_copy_name, encoded);
  co_return co_await copying;
}

io::Task<Result<std::shared_ptr<Machine>>> Machine::load(MachineContext context,
                                                         std::shared_ptr<io::Directory> folder) {
  io::Scope scope(context.scope);
  AFI_CO_TRY(Described described, read_description(scope, *folder));
  std::shared_ptr<Machine> machine(new Machine(context, std::move(folder), std::move(described.file)));
  if (!described.finding.empty()) machine->findings_.push_back(std::move(described.finding));
  if (!described.is_whole) {
    auto mending = write_description(scope, *machine->folder_, machine->file_);
    const Status mended = co_await mending;
    if (!mended) machine->findings_.push_back(mended.error().text());  // one good copy is enough to go on
  }
  AFI_CO_TRY_STATUS(machine->recover());
  co_return machine;
}

io::Task<Result<std::shared_ptr<Machine>>> Machine::create(MachineContext context,
                                                           std::shared_ptr<io::Directory> folder, MachineFile file) {
  io::Scope scope(context.scope);
  AFI_CO_TRY([[maybe_unused]] const std::unique_ptr<io::Directory> journal,
             folder->make_directory(scope, journal_folder_name));
  // The description is what makes it a machine: with its folder sync everything before is durable too.
  AFI_CO_TRY_STATUS(write_description(scope, *folder, file));
  std::shared_ptr<Machine> machine(new Machine(context, std::move(folder), std::move(file)));
  AFI_CO_TRY_STATUS(machine->recover());
  // One that never worked is no machine that has stopped.
  if (machine->recovery_failure_) co_return std::unexpected(std::move(*machine->recovery_failure_));
  co_return machine;
}

// ---- what is shown

catalogue::PointRow Machine::row_of(const JournalPoint& point) const {
  return catalogue::PointRow{.machine = description().id,
                             .sequence = point.record.sequence,
                             .digest = point.digest,
                             .frozen = point.record.frozen,
                             .received = point.record.received,
                             .consistency = point.record.consistency,
                             .changed = point.changed(),
                             .stored = point.stored,
                             .verified_at = point.verified_at,
                             .damage = point.damage};
}

std::vector<catalogue::PointRow> Machine::points() const {
  std::vector<catalogue::PointRow> rows = lost_points_;
  if (journal_) {
    for (const JournalPoint& point : journal_->points()) rows.push_back(row_of(point));
  }
  std::ranges::sort(rows, {}, &catalogue::PointRow::sequence);
  return rows;
}

io::Task<Result<ByteCount>> Machine::stored_bytes() {
  ByteCount sum = journal_ ? journal_->bytes() : ByteCount{};
  if (const std::shared_ptr<Base> base = base_) {
    AFI_CO_TRY(const ByteCount allocated, base->allocated(scope_));
    sum += allocated;
  }
  co_return sum;
}

io::Task<Status> Machine::note_verified(io::Scope& scope, const std::vector<catalogue::PointRow>& rows) {
  if (journal_) {
    for (JournalPoint& point : journal_->points()) {
      const auto row = std::ranges::find(rows, point.record.sequence, &catalogue::PointRow::sequence);
      if (row == rows.end()) continue;
      point.verified_at = row->verified_at;
      point.damage = row->damage;
    }
  }
  auto putting = context_.catalogue.put_points(scope, rows);
  co_return co_await putting;
}

// ---- reading

io::Task<Result<std::unique_ptr<image::JournalView>>> Machine::view(io::Scope& scope, Sequence point, DiskId disk) {
  AFI_CO_TRY([[maybe_unused]] const io::Lock::Guard guard, lock_.acquire(scope));
  const DiskDescription* described = description().find_disk(disk);
  if (described == nullptr) co_return fail(ErrorCode::not_found, "view a disk", "the machine has no such disk");
  if (!journal_ || !base_) co_return fail(ErrorCode::damaged, "view a point", stop_reason_);
  const std::vector<JournalPoint>& points = journal_->points();
  const auto found = std::ranges::find(points, point, [](const JournalPoint& other) { return other.record.sequence; });
  if (found == points.end()) {
    co_return fail(ErrorCode::not_found, "view a point", fmt::format("the machine has no point {}", point.value()));
  }
  if (!found->is_readable) {
    co_return fail(ErrorCode::damaged, "view a point",
                   fmt::format("point {} is damaged: {}", point.value(), found->damage));
  }
  const BaseDisk* base = base_->find(disk);
  if (base == nullptr) co_return fail(ErrorCode::damaged, "view a disk", "the disk has no base");
  std::vector<RunRef> refs = journal_->table()->runs_up_to(point);
  std::vector<format::JournalRun> runs;
  runs.reserve(refs.size());
  for (auto ref = refs.rbegin(); ref != refs.rend(); ++ref) {
    AFI_CO_TRY(std::shared_ptr<const format::IndexRun> run, journal_->table()->load(scope, *ref));
    runs.push_back(format::JournalRun{.segment = ref->segment, .run = std::move(run)});
  }
  AFI_CO_RESULT(format::ViewPlan plan, format::ViewPlan::make(disk, std::move(runs), base->image->size()));
  image::JournalViewParts parts{.disk = disk,
                                .disk_name = described->name,
                                .plan = std::move(plan),
                                .base = base->image,
                                .sums = base->sums,
                                .frames = std::make_shared<TableFrames>(journal_->table()),
                                .hasher = hashers_.at(disk),
                                .cache_bytes = context_.sizes.view_cache_bytes};
  co_return std::make_unique<image::JournalView>(context_.platform.workers, std::move(parts));
}

}  // namespace afterimage::replica
