// SPDX-License-Identifier: Apache-2.0
// Machine: one protected machine on this replica: its base, its journal, its place in the catalogue, and the one
// session that may add to it.
//
//   no point:  awaiting_medium ─ begin(seeding) ─► seeding ─ begin(cycle), commit ─► idle
//   points:    idle ─ begin(cycle) ─► receiving ─ commit ─► idle
//   any state: a failed sync, damage, or a rollback ─► stopped (with the reason; readable points stay usable) ─ reopen
//   ─► …
//
// A stopped machine is opened again from its devices: by the store, with growing pauses (store_mending.cc), and when a
// session comes. Until that succeeds it reads from what it had.
//
// A commit: frames flushed | first point only: bases and sums synced, change roots over the whole disks | journal
// commit (one sync) | catalogue's index of points | receipt. An error before the journal's commit leaves everything
// before as it was. Sessions: the newest one owns the machine, older ones are fenced. Calls are serialised by a lock,
// which a batch of frames holds while it is stored; the next batch gathers meanwhile, and what failed is the answer to
// the session's next call. Disk work runs in a scope of the machine's own, so that a peer that goes away does not leave
// half an operation.
// Thread: the reactor's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/catalogue/catalogue.h"
#include "engine/image/journal_view.h"
#include "engine/plan/retry_schedule.h"
#include "engine/plan/sizes.h"
#include "engine/port/point_sink.h"
#include "engine/replica/base.h"
#include "engine/replica/frame_checker.h"
#include "engine/replica/journal.h"
#include "engine/replica/store_files.h"
#include "io/lock.h"
#include "io/platform.h"
#include "io/task_group.h"

namespace afterimage::replica {

enum class MachineState : std::uint8_t { awaiting_medium, seeding, idle, receiving, stopped };
[[nodiscard]] std::string_view name_of(MachineState state) noexcept;  // "awaiting medium"

// What a machine works with. All of it outlives the machine.
struct MachineContext {
  io::Platform& platform;
  catalogue::Catalogue& catalogue;
  RunCache& runs;
  io::Scope& scope;        // ends with the store
  io::Event& trouble;      // set when a machine has something to be mended
  io::TaskGroup& storing;  // batches of frames: joined before the machines end
  std::string store;
  ByteCount segment_bytes;  // see StoreOptions
  const StoreSizes& sizes;
};

class Machine : public std::enable_shared_from_this<Machine> {
 public:
  using SessionId = std::uint64_t;

  // A machine whose folder is there, brought back by recovery. What cannot go on is stopped, not refused. Errors:
  // damaged (the description), io_failed.
  [[nodiscard]] static io::Task<Result<std::shared_ptr<Machine>>> load(MachineContext context,
                                                                       std::shared_ptr<io::Directory> folder);
  // A new machine in an empty folder: description, base and journal folder, durable, then its row in the catalogue.
  [[nodiscard]] static io::Task<Result<std::shared_ptr<Machine>>> create(MachineContext context,
                                                                         std::shared_ptr<io::Directory> folder,
                                                                         MachineFile file);

  [[nodiscard]] const MachineFile& file() const { return file_; }
  [[nodiscard]] const MachineDescription& description() const { return file_.description; }
  [[nodiscard]] MachineState state() const;
  [[nodiscard]] const std::string& stop_reason() const { return stop_reason_; }
  // No point is known of it, and nothing is staged, sent or being imported.
  [[nodiscard]] bool is_blank() const;
  // It is blank, and its files hold no content that something might still be made of: removing it loses nothing.
  [[nodiscard]] io::Task<bool> holds_nothing();
  // While somebody keeps what this gives, a session of the machine lives.
  [[nodiscard]] std::shared_ptr<void> attend();
  // Blank, without a session, and not waiting for a medium: it never came to anything.
  [[nodiscard]] bool is_abandoned() const;
  [[nodiscard]] std::vector<std::string> findings() const;  // of recovery, for the log and status
  [[nodiscard]] Head head() const { return journal_ ? journal_->head() : Head{}; }
  // nullptr if they could not be opened. Whoever reads keeps them: a reopening puts others in their place.
  [[nodiscard]] std::shared_ptr<const Journal> journal() const { return journal_; }
  [[nodiscard]] std::shared_ptr<Base> base() { return base_; }
  [[nodiscard]] io::Lock& lock() { return lock_; }
  [[nodiscard]] const std::map<DiskId, format::BlockHasher>& hashers() const { return hashers_; }
  [[nodiscard]] MachineContext& context() { return context_; }
  // Points that the catalogue knows and the journal has lost.
  [[nodiscard]] const std::vector<catalogue::PointRow>& lost_points() const { return lost_points_; }
  // Points, oldest first; those that only the catalogue still knows are among them, with their damage.
  [[nodiscard]] std::vector<catalogue::PointRow> points() const;
  // Bytes on this store, about.
  [[nodiscard]] io::Task<Result<ByteCount>> stored_bytes();

  // ---- a session; see PointSink. `session` is what open_session gave; an older one is answered `conflict`.
  struct Opened {
    SessionId session = 0;
    Welcome welcome;
    std::shared_ptr<void> import_token;  // of an import: while it lives, a primary is answered `busy`
  };
  enum class Opener : std::uint8_t { primary, import };
  [[nodiscard]] io::Task<Result<Opened>> open_session(io::Scope& scope, Opener opener, MachineDescription next,
                                                      SeedBy seed_by);
  [[nodiscard]] io::Task<Result<Need>> begin(io::Scope& scope, SessionId session, BeginEpoch begin);
  // Takes the frame; whether it verifies and could be stored, a later call says, the commit at the latest.
  [[nodiscard]] io::Task<Status> append(io::Scope& scope, SessionId session, Bytes frame);
  [[nodiscard]] io::Task<Result<Receipt>> commit(io::Scope& scope, SessionId session, format::PointRecord record);
  [[nodiscard]] io::Task<Result<std::vector<format::BlockHash>>> block_hashes(io::Scope& scope, SessionId session,
                                                                              DiskId disk, Extent extent);
  // Ends whatever session there is.
  void fence() { ++newest_session_; }

  // ---- reading
  // A disk at a point. not_found (no such point or disk), damaged (recovery lost frames that it needs).
  [[nodiscard]] io::Task<Result<std::unique_ptr<image::JournalView>>> view(io::Scope& scope, Sequence point,
                                                                           DiskId disk);
  // What verification found about points: goes to the catalogue.
  [[nodiscard]] io::Task<Status> note_verified(io::Scope& scope, const std::vector<catalogue::PointRow>& rows);

  // Of a stopped machine: comes back from its devices, past the page cache, as at a start. `refused` with the reason if
  // it stays stopped; then it reads from whatever shows more points, what it had or what was found. Fine if it runs.
  [[nodiscard]] io::Task<Status> reopen(io::Scope& scope);
  // When a stopped machine is tried again.
  [[nodiscard]] const RetrySchedule& retry() const { return retry_; }
  // Not empty: why the catalogue could not be told of points. They are safe in the journal, which is the truth; the
  // rows follow with the next commit or index_again().
  [[nodiscard]] const std::string& index_failure() const { return index_failure_; }
  [[nodiscard]] const RetrySchedule& index_retry() const { return index_retry_; }
  [[nodiscard]] io::Task<void> index_again(io::Scope& scope);
  // Of all that is awaited on this machine's behalf: for a watchdog.
  [[nodiscard]] io::Scope& scope() { return scope_; }
  // Its folder is going to be removed: it stays stopped, and keeps none of its files open. Requires the lock.
  void retire();

 private:
  struct Active {  // the epoch of the session
    SessionId session = 0;
    EpochKind kind = EpochKind::cycle;
    Epoch epoch;
  };
  struct Batch {  // frames that wait to be stored
    std::vector<PendingFrame> frames;
    ByteCount stored;
    ByteCount raw;

    void add(PendingFrame frame);
    [[nodiscard]] bool is_full(const StoreSizes& sizes) const;
  };
  struct FailedSession {
    SessionId session = 0;
    Error error;
  };
  Machine(MachineContext context, std::shared_ptr<io::Directory> folder, MachineFile file);

  // The description, or its copy where that does not verify.
  struct Described {
    MachineFile file;
    std::string finding;   // why it had to be mended, if it was damaged
    bool is_whole = true;  // both are there and the same
  };
  [[nodiscard]] static io::Task<Result<Described>> read_description(io::Scope& scope, io::Directory& folder);
  // Durable when it returns; the copy follows the description.
  [[nodiscard]] static io::Task<Status> write_description(io::Scope& scope, io::Directory& folder,
                                                          const MachineFile& file);

  // machine_recovery.cc
  struct Parts {  // what the devices gave
    std::shared_ptr<Journal> journal;
    std::shared_ptr<Base> base;
    std::string stop_reason;
  };
  struct KnownRows;
  [[nodiscard]] io::Task<Status> recover();
  [[nodiscard]] io::Task<Status> recover_parts(const KnownRows& known, Parts& parts);
  void install(Parts parts);
  [[nodiscard]] io::Task<Status> catch_up_catalogue(const KnownRows& known);
  [[nodiscard]] io::Task<Status> reopen_now();
  // Tells the catalogue of the points that it does not know yet.
  [[nodiscard]] io::Task<void> index_points();
  void stop(std::string reason);

  [[nodiscard]] Status check_session(SessionId session) const;
  [[nodiscard]] io::Task<Status> adopt_description(MachineDescription next, SeedBy seed_by);
  [[nodiscard]] Welcome welcome() const;
  [[nodiscard]] Epoch newest_epoch() const;
  [[nodiscard]] io::Task<Result<Need>> begin_seeding(BeginEpoch begin);
  [[nodiscard]] io::Task<Result<Need>> begin_cycle(BeginEpoch begin);
  [[nodiscard]] io::Task<Status> flush();
  [[nodiscard]] static io::Task<void> store_batch(std::shared_ptr<Machine> machine, io::Lock::Guard guard);
  [[nodiscard]] io::Task<Status> append_batch(const std::vector<PendingFrame>& batch);
  [[nodiscard]] io::Task<Result<Receipt>> commit_now(format::PointRecord record);
  [[nodiscard]] Status check_record(const format::PointRecord& record) const;
  [[nodiscard]] Status check_disk(const format::PointDisk& disk) const;
  [[nodiscard]] io::Task<Status> prove_seed(const format::PointRecord& record);
  [[nodiscard]] io::Task<void> after_failure(Error error);
  [[nodiscard]] catalogue::PointRow row_of(const JournalPoint& point) const;
  [[nodiscard]] Receipt receipt_of_head() const;

  MachineContext context_;
  io::Scope scope_;
  std::shared_ptr<io::Directory> folder_;
  MachineFile file_;
  std::map<DiskId, format::BlockHasher> hashers_;
  std::shared_ptr<Base> base_;
  std::shared_ptr<Journal> journal_;
  std::vector<catalogue::PointRow> lost_points_;  // the catalogue knows them, the journal does not
  FrameChecker checker_;
  io::Lock lock_;
  SessionId newest_session_ = 0;
  std::weak_ptr<void> import_;
  std::weak_ptr<void> attended_;
  std::optional<Active> active_;
  Epoch newest_seen_;  // of epochs begun since this program started
  Batch batch_;
  std::optional<FailedSession> failed_;  // the last whose batch could not be stored
  std::string stop_reason_;
  RetrySchedule retry_;
  bool is_retired_ = false;
  std::optional<Error> recovery_failure_;  // why the last recovery gave no base or journal
  std::set<Sequence> unindexed_;           // points that the catalogue does not know yet
  std::string index_failure_;
  RetrySchedule index_retry_;
  std::vector<std::string> findings_;
};

// Reads the encoded frames of a journal for views.
class TableFrames final : public image::FrameStore {
 public:
  explicit TableFrames(std::shared_ptr<SegmentTable> table) : table_(std::move(table)) {}
  [[nodiscard]] io::Task<Status> read_frame(io::Scope& scope, SegmentNumber segment, ByteOffset offset,
                                            MutableBytes out) override {
    return table_->read(scope, segment, offset, out);
  }

 private:
  std::shared_ptr<SegmentTable> table_;
};

}  // namespace afterimage::replica
