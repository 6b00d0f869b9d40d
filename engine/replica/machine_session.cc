// SPDX-License-Identifier: Apache-2.0
// The part of a machine that a session drives: open, begin, append, commit.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/replica/first_root.h"
#include "engine/replica/machine.h"
#include "io/durable_file.h"

namespace afterimage::replica {
namespace {

// A hash that says "cannot be read": what a compare then finds different is sent again.
constexpr format::BlockHash unreadable_hash{.value = ~std::uint64_t{0}};

}  // namespace

void Machine::Batch::add(PendingFrame frame) {
  stored += ByteCount(std::uint64_t{frame.bytes.size()});
  raw += frame.view.raw_bytes();
  frames.push_back(std::move(frame));
}

bool Machine::Batch::is_full(const StoreSizes& sizes) const {
  return stored >= sizes.batch_stored_bytes || raw >= sizes.batch_raw_bytes || frames.size() >= sizes.batch_frames;
}

Status Machine::check_session(SessionId session) const {
  if (failed_ && failed_->session == session) return std::unexpected(failed_->error);
  if (is_retired_) {
    return fail(
        ErrorCode::resync_required, "use a machine",
        fmt::format("machine {0} has been removed on the replica; run 'afterimage unprotect {0}', and protect it "
                    "again if it is to be replicated",
                    description().name));
  }
  if (!stop_reason_.empty()) {
    return fail(ErrorCode::refused, "use a machine",
                fmt::format("machine {} is stopped on the replica: {}", description().name, stop_reason_));
  }
  if (session == newest_session_) return {};
  return fail(ErrorCode::conflict, "use a session",
              fmt::format("another session for machine {} has begun", description().name));
}

// ---- open

io::Task<Status> Machine::adopt_description(MachineDescription next, SeedBy seed_by) {
  const MachineDescription& now = description();
  if (next.lineage != now.lineage || next.generation != now.generation) {
    co_return fail(ErrorCode::conflict, "open a machine",
                   fmt::format("machine {} is of another lineage here than on the primary", now.name));
  }
  bool fits = next.disks.size() == now.disks.size();
  for (std::size_t i = 0; fits && i < now.disks.size(); ++i) {
    fits = next.disks[i].id == now.disks[i].id && next.disks[i].secret == now.disks[i].secret;
  }
  if (!fits) {
    co_return fail(ErrorCode::conflict, "open a machine",
                   fmt::format("machine {} has other disks here than on the primary; protect it anew", now.name));
  }
  // Until the first point the base has the sizes of the images. First, and each time: what failed is tried again.
  if (journal_->points().empty()) AFI_CO_TRY_STATUS(base_->resize(scope_, next));
  MachineFile changed = file_;
  changed.description = std::move(next);
  changed.seed_by = seed_by;
  if (changed == file_) co_return Status{};
  if (changed.description.name != now.name) {
    AFI_CO_TRY_STATUS(context_.catalogue.put_machine(
        scope_, catalogue::MachineRow{
                    .id = now.id, .name = changed.description.name, .owner = file_.owner, .store = context_.store}));
  }
  AFI_CO_TRY_STATUS(write_description(scope_, *folder_, changed));
  file_ = std::move(changed);
  co_return Status{};
}

io::Task<Result<Machine::Opened>> Machine::open_session(io::Scope& scope, Opener opener, MachineDescription next,
                                                        SeedBy seed_by) {
  if (opener == Opener::primary && !import_.expired()) {
    co_return fail(ErrorCode::busy, "open a machine",
                   fmt::format("the seed of machine {} is being imported", description().name));
  }
  std::shared_ptr<void> token;
  if (opener == Opener::import) {
    token = std::make_shared<char>();
    import_ = token;
  }
  if (!stop_reason_.empty() && retry_.may_be_asked(context_.platform.reactor.now())) {
    auto reopening = reopen(scope);
    [[maybe_unused]] const Status reopened = co_await reopening;  // a machine that stays stopped says why, below
  }
  const SessionId session = ++newest_session_;  // fences at once: what waits for the lock finds itself too late
  AFI_CO_TRY([[maybe_unused]] const io::Lock::Guard guard, lock_.acquire(scope));
  AFI_CO_STATUS(check_session(session));
  // Frames that the session before brought, and its cut kept from being stored: the welcome counts them.
  auto flushing = flush();
  Status adopted = co_await flushing;
  active_.reset();
  if (adopted) {
    auto adopting = adopt_description(std::move(next), seed_by);
    adopted = co_await adopting;
  }
  if (!adopted) {
    auto healing = after_failure(adopted.error());
    co_await healing;
    co_return std::unexpected(adopted.error());
  }
  co_return Opened{.session = session, .welcome = welcome(), .import_token = std::move(token)};
}

Epoch Machine::newest_epoch() const {
  Epoch newest = newest_seen_;
  if (!journal_->points().empty()) newest = std::max(newest, journal_->points().back().record.epoch);
  if (journal_->unfinished()) newest = std::max(newest, journal_->unfinished()->epoch());
  if (base_->staged()) newest = std::max(newest, base_->staged()->epoch);
  return newest;
}

Welcome Machine::welcome() const {
  Welcome welcome;
  welcome.head = head();
  if (journal_->unfinished() && journal_->unfinished()->frames() > 0) {
    welcome.unfinished =
        UnfinishedEpoch{.epoch = journal_->unfinished()->epoch(), .frames = journal_->unfinished()->frames()};
  }
  welcome.newest_epoch = newest_epoch();
  if (journal_->points().empty()) {
    welcome.staged = base_->staged();
    welcome.awaits_medium = file_.seed_by == SeedBy::medium && !base_->staged();
    return welcome;
  }
  const format::PointRecord& record = journal_->points().back().record;
  for (const DiskDescription& disk : description().disks) {
    const format::PointDisk* at_head = record.find(disk.id);
    welcome.head_sizes.push_back(at_head == nullptr ? ByteCount{} : at_head->sizes.after);
  }
  return welcome;
}

// ---- begin

io::Task<Result<Need>> Machine::begin(io::Scope& scope, SessionId session, BeginEpoch begin) {
  AFI_CO_TRY([[maybe_unused]] const io::Lock::Guard guard, lock_.acquire(scope));
  AFI_CO_STATUS(check_session(session));
  auto flushing = flush();
  Status flushed = co_await flushing;
  active_.reset();
  std::optional<Result<Need>> need;
  if (!flushed) {
    need = std::unexpected(flushed.error());
  } else if (begin.kind == EpochKind::seeding) {
    auto beginning = begin_seeding(begin);
    need = co_await beginning;
  } else {
    auto beginning = begin_cycle(begin);
    need = co_await beginning;
  }
  if (!*need) {
    auto healing = after_failure(need->error());
    co_await healing;
    co_return std::move(*need);
  }
  newest_seen_ = std::max(newest_seen_, begin.epoch);
  active_ = Active{.session = session, .kind = begin.kind, .epoch = begin.epoch};
  co_return std::move(*need);
}

io::Task<Result<Need>> Machine::begin_seeding(BeginEpoch begin) {
  if (!journal_->points().empty()) {
    co_return fail(ErrorCode::conflict, "begin a seeding",
                   fmt::format("machine {} is seeded already", description().name));
  }
  const bool resumes = base_->staged() && base_->staged()->epoch == begin.epoch;
  if (!resumes && begin.epoch <= newest_epoch()) {
    co_return fail(ErrorCode::conflict, "begin a seeding",
                   fmt::format("epoch {} is over; the newest is {}", begin.epoch.value(), newest_epoch().value()));
  }
  AFI_CO_TRY_STATUS(journal_->drop_unfinished(scope_));
  if (!resumes) base_->begin_staging(begin.epoch);
  co_return Need{.first_frame = base_->staged()->frames, .position = base_->staged()->position};
}

io::Task<Result<Need>> Machine::begin_cycle(BeginEpoch begin) {
  if (begin.parent != head()) {
    co_return fail(ErrorCode::conflict, "begin a cycle",
                   fmt::format("the cycle stands on point {} ({}), and the head of machine {} is point {} ({})",
                               begin.parent.sequence.value(), begin.parent.digest.text(), description().name,
                               head().sequence.value(), head().digest.text()));
  }
  const std::optional<EpochLedger>& unfinished = journal_->unfinished();
  if (unfinished && unfinished->epoch() == begin.epoch)
    co_return Need{.first_frame = unfinished->frames(), .position = {}};
  if (begin.epoch <= newest_epoch()) {
    co_return fail(ErrorCode::conflict, "begin a cycle",
                   fmt::format("epoch {} is over; the newest is {}", begin.epoch.value(), newest_epoch().value()));
  }
  AFI_CO_TRY_STATUS(journal_->drop_unfinished(scope_));
  // Frames in the journal outlive a crash: the seed that they close must, too.
  if (head().is_none() && base_->staged()) AFI_CO_TRY_STATUS(base_->checkpoint(scope_));
  journal_->begin(begin.epoch);
  co_return Need{};
}

// ---- append

io::Task<Status> Machine::append(io::Scope& scope, SessionId session, Bytes frame) {
  AFI_CO_STATUS(check_session(session));
  if (!active_) co_return fail(ErrorCode::protocol, "take a frame", "a frame came before an epoch was begun");
  if (frame.size() > format::frame_encoded_bytes_max)
    co_return fail(ErrorCode::limit_exceeded, "a frame is larger than any");
  AFI_CO_RESULT(format::FrameView view, format::FrameView::parse(frame));
  batch_.add({.bytes = std::move(frame), .view = std::move(view)});
  if (!batch_.is_full(context_.sizes)) co_return Status{};
  // The batch before this one has to be stored first: there are never more than two in memory.
  AFI_CO_TRY(io::Lock::Guard guard, lock_.acquire(scope));
  AFI_CO_STATUS(check_session(session));
  context_.storing.spawn(store_batch(shared_from_this(), std::move(guard)));
  co_return Status{};
}

// Beside the receiving of the next batch. With the lock, so that whatever else uses the machine waits for it.
io::Task<void> Machine::store_batch(std::shared_ptr<Machine> machine, io::Lock::Guard guard) {
  const io::Lock::Guard held = std::move(guard);  // goes before the machine does
  const SessionId session = machine->newest_session_;
  auto flushing = machine->flush();
  const Status flushed = co_await flushing;
  if (flushed) co_return;
  machine->failed_ = FailedSession{.session = session, .error = flushed.error()};
  auto healing = machine->after_failure(flushed.error());
  co_await healing;
}

// Proves the frames that wait and stores them. Without an epoch there are none.
io::Task<Status> Machine::flush() {
  const std::vector<PendingFrame> batch = std::exchange(batch_, {}).frames;
  if (batch.empty()) co_return Status{};
  std::vector<const format::FrameView*> views;
  views.reserve(batch.size());
  for (const PendingFrame& frame : batch) views.push_back(&frame.view);
  const bool seeds = active_->kind == EpochKind::seeding;
  BatchContent content;
  auto checking = seeds ? checker_.unpack(views, hashers_, content) : checker_.check(views, hashers_);
  std::vector<Status> checked = co_await checking;
  for (Status& frame : checked) AFI_CO_STATUS(std::move(frame));
  auto storing = seeds ? base_->stage(scope_, views, content) : append_batch(batch);
  co_return co_await storing;
}

io::Task<Status> Machine::append_batch(const std::vector<PendingFrame>& batch) {
  std::vector<format::FrameView> frames;
  frames.reserve(batch.size());
  for (const PendingFrame& frame : batch) frames.push_back(frame.view);
  auto appending = journal_->append(scope_, frames);
  co_return co_await appending;
}

// The session is over. What an error left behind is cut off, so that the next session finds whole frames; where even
// that fails, or a sync did, the machine stops.
io::Task<void> Machine::after_failure(Error error) {
  active_.reset();
  batch_ = {};
  fence();
  if (!base_->stopped().empty()) stop(base_->stopped());
  if (journal_->stopped().empty() && journal_->is_spoilt()) {
    auto healing = journal_->heal(scope_);
    const Status healed = co_await healing;
    if (!healed && healed.error().code != ErrorCode::cancelled) {
      stop(fmt::format("{} (after: {})", healed.error().text(), error.text()));
    }
  }
  if (!journal_->stopped().empty()) stop(journal_->stopped());
  newest_seen_ = Epoch{};  // an epoch of which nothing was left may begin once more, as after a start
}

// ---- commit

Receipt Machine::receipt_of_head() const {
  const JournalPoint& point = journal_->points().back();
  return Receipt{.sequence = point.record.sequence, .digest = point.digest, .received = point.record.received};
}

io::Task<Result<Receipt>> Machine::commit(io::Scope& scope, SessionId session, format::PointRecord record) {
  AFI_CO_TRY([[maybe_unused]] const io::Lock::Guard guard, lock_.acquire(scope));
  AFI_CO_STATUS(check_session(session));
  if (!head().is_none() && record.digest() == head().digest) co_return receipt_of_head();  // the receipt was lost
  auto committing = commit_now(std::move(record));
  Result<Receipt> receipt = co_await committing;
  if (!receipt) {
    auto healing = after_failure(receipt.error());
    co_await healing;
  }
  co_return receipt;
}

Status Machine::check_disk(const format::PointDisk& disk) const {
  AFI_TRY_STATUS(format::check_sizes(disk.sizes));
  if (journal_->points().empty()) {
    const DiskDescription* described = description().find_disk(disk.disk);
    const bool is_base =
        described != nullptr && disk.sizes.smallest == described->size && disk.sizes.after == described->size;
    if (!is_base) return fail(ErrorCode::damaged, "the first point gives a disk another size than its seed has");
    return {};
  }
  const format::PointDisk* before = journal_->points().back().record.find(disk.disk);
  if (before == nullptr || before->sizes.after != disk.sizes.before) {
    return fail(ErrorCode::damaged, "a point says that a disk had another size before than the point before says");
  }
  return {};
}

Status Machine::check_record(const format::PointRecord& record) const {
  const MachineDescription& machine = description();
  if (!active_ || active_->kind == EpochKind::seeding || record.epoch != active_->epoch) {
    return fail(ErrorCode::protocol, "commit a point", "a point came for an epoch that was not begun");
  }
  if (record.machine != machine.id || record.lineage != machine.lineage || record.generation != machine.generation) {
    return fail(ErrorCode::conflict, "commit a point", "the point is of another machine or lineage");
  }
  // A number may be left out: the primary gives none twice, also where this replica was rolled back.
  const bool follows = head().is_none() ? record.sequence == Sequence{}.next() : record.sequence > head().sequence;
  if (record.parent != head().digest || !follows) {
    return fail(ErrorCode::conflict, "commit a point",
                fmt::format("point {} does not follow the head, point {} ({})", record.sequence.value(),
                            head().sequence.value(), head().digest.text()));
  }
  if (record.disks.size() != machine.disks.size()) {
    return fail(ErrorCode::damaged, "a point does not speak of every disk of its machine");
  }
  for (const DiskDescription& disk : machine.disks) {
    const format::PointDisk* in_record = record.find(disk.id);
    if (in_record == nullptr) return fail(ErrorCode::damaged, "a point does not speak of every disk of its machine");
    AFI_TRY_STATUS(check_disk(*in_record));
  }
  return {};
}

// The first point: base and sums durable, and the frames over them what the record says, block by block.
io::Task<Status> Machine::prove_seed(const format::PointRecord& record) {
  AFI_CO_TRY_STATUS(base_->sync(scope_));
  for (BaseDisk& disk : base_->disks()) {
    AFI_CO_TRY(const DiskRoot root,
               first_root(scope_, context_.platform.workers, *disk.sums, *journal_->table(), journal_->first_frames()));
    const format::PointDisk* in_record = record.find(disk.id);
    if (root.root == in_record->change_root && root.blocks == in_record->changed) continue;
    // Whatever went wrong: going on from this base would fail for ever.
    AFI_CO_TRY_STATUS(journal_->drop_unfinished(scope_));
    AFI_CO_TRY_STATUS(base_->reset(scope_));
    co_return fail(
        ErrorCode::damaged, "check a seed",
        fmt::format("the seed of disk {} is not what the primary read; it has to be sent again", disk.id.text()));
  }
  co_return Status{};
}

io::Task<Result<Receipt>> Machine::commit_now(format::PointRecord record) {
  AFI_CO_TRY_STATUS(flush());
  AFI_CO_STATUS(check_record(record));
  const bool is_first = journal_->points().empty();
  if (is_first) AFI_CO_TRY_STATUS(prove_seed(record));
  record.received = context_.platform.clock.now();
  auto committing = journal_->commit(scope_, std::move(record));
  const Status committed = co_await committing;
  if (!committed) {
    // Frames that are not what their own point record says are of no use to anybody.
    const Error& error = committed.error();
    auto healing = journal_->heal(scope_);
    const Status healed = co_await healing;
    const bool is_useless = healed && journal_->stopped().empty() && error.code == ErrorCode::damaged;
    if (is_useless) AFI_CO_TRY_STATUS(journal_->drop_unfinished(scope_));
    co_return std::unexpected(error);
  }
  active_.reset();
  // The point is durable. What follows is an index and a leftover, which are brought up to date later where they fail.
  unindexed_.insert(journal_->points().back().record.sequence);
  auto indexing = index_points();
  co_await indexing;
  if (is_first) {
    auto ending = base_->end_staging(scope_);
    [[maybe_unused]] const Status ended = co_await ending;
  }
  co_return receipt_of_head();
}

// ---- compare

io::Task<Result<std::vector<format::BlockHash>>> Machine::block_hashes(io::Scope& scope, SessionId session, DiskId disk,
                                                                       Extent extent) {
  AFI_CO_STATUS(check_session(session));
  if (extent.count.value() > PointSink::hashes_per_request_max)
    co_return fail(ErrorCode::limit_exceeded, "too many hashes at once");
  if (head().is_none()) co_return fail(ErrorCode::refused, "read hashes", "the machine has no point to compare with");
  AFI_CO_TRY(const std::unique_ptr<image::JournalView> image, view(scope, head().sequence, disk));
  const BlockIndex end(std::min(blocks_of(image->size()).value(),
                                extent.first.value() > format::disk_blocks_max ? 0 : extent.end().value()));
  const format::BlockHasher& hasher = hashers_.at(disk);
  std::vector<format::BlockHash> hashes;
  if (extent.first < end) hashes.resize(static_cast<std::size_t>((end - extent.first).value()));
  constexpr std::uint64_t window_blocks = 256;
  Bytes window;
  for (BlockIndex at = extent.first; at < end;) {
    AFI_CO_TRY(const std::optional<io::FileRange> data, image->next_data(scope, offset_of(at)));
    if (!data) break;  // zeros: their hash is 0
    at = std::max(at, block_at(data->offset));
    if (at >= end) break;
    const Extent part{.first = at, .count = BlockCount(std::min(window_blocks, (end - at).value()))};
    window.resize(static_cast<std::size_t>(bytes_of(part.count).value()));
    auto reading = image::read_blocks(scope, *image, part, window);
    const Status read = co_await reading;
    if (!read && read.error().code != ErrorCode::damaged && read.error().code != ErrorCode::io_failed)
      co_return std::unexpected(read.error());
    for (std::uint64_t i = 0; i < part.count.value(); ++i) {
      const auto block = static_cast<std::size_t>(i);
      format::BlockHash& hash = hashes[static_cast<std::size_t>((part.first - extent.first).value()) + block];
      hash = read ? hasher.hash(ByteView(window).subspan(block * block_size, block_size)) : unreadable_hash;
    }
    at = part.end();
  }
  co_return hashes;
}

}  // namespace afterimage::replica
