// SPDX-License-Identifier: Apache-2.0
#include "engine/replica/receiver.h"

#include <utility>

namespace afterimage::replica {

Receiver::~Receiver() {
  if (presence_ == nullptr) return;
  presence_.reset();
  import_token_.reset();
  store_.session_over();
}

Status Receiver::check_open() const {
  if (is_over_) return fail(ErrorCode::conflict, "use a session", "the session is over; open a new one");
  if (machine_ == nullptr) return fail(ErrorCode::protocol, "use a session", "the session has not named its machine");
  return {};
}

// Frames of a cycle come from a spool; those of a seed are read as they are sent, and of zeros there are none.
void Receiver::wait_for_frames() {
  if (admission_ == Admission::primary && !is_over_)
    waiting_.emplace(machine_->scope(), "wait for frames", peer_.name, pace_);
}

io::Task<Result<Welcome>> Receiver::open(io::Scope& scope, const MachineDescription& machine, SeedBy seed_by) {
  if (machine_ != nullptr || is_over_)
    co_return fail(ErrorCode::protocol, "open a machine", "a session has one machine");
  is_over_ = true;  // until the machine is open
  AFI_CO_TRY(Attended found, store_.find_or_create(scope, peer_, admission_, machine, seed_by));
  const auto opener = admission_ == Admission::primary ? Machine::Opener::primary : Machine::Opener::import;
  auto opening = found.machine->open_session(scope, opener, machine, seed_by);
  auto opened = co_await opening;
  if (!opened) {
    found = {};
    auto forgetting = store_.forget_if_abandoned(machine.id);
    co_await forgetting;
    co_return std::unexpected(opened.error());
  }
  machine_ = std::move(found.machine);
  presence_ = std::move(found.presence);
  session_ = opened->session;
  import_token_ = std::move(opened->import_token);
  is_over_ = false;
  co_return std::move(opened->welcome);
}

io::Task<Result<Need>> Receiver::begin(io::Scope& scope, BeginEpoch begin) {
  waiting_.reset();
  AFI_CO_STATUS(check_open());
  if (admission_ == Admission::primary) {
    auto checking = store_.check_permission(scope, peer_);
    const auto permission = co_await checking;
    if (!permission) {
      is_over_ = true;
      co_return std::unexpected(permission.error());
    }
  }
  pace_ = begin.kind == EpochKind::seeding ? io::Pace::slow : io::Pace::prompt;
  auto beginning = machine_->begin(scope, session_, begin);
  Result<Need> need = passed(co_await beginning);
  wait_for_frames();
  co_return need;
}

io::Task<Status> Receiver::append(io::Scope& scope, Bytes frame) {
  AFI_CO_STATUS(check_open());
  waiting_.reset();
  auto appending = machine_->append(scope, session_, std::move(frame));
  Status appended = passed(co_await appending);
  wait_for_frames();
  co_return appended;
}

io::Task<Result<Receipt>> Receiver::commit(io::Scope& scope, const format::PointRecord& record) {
  AFI_CO_STATUS(check_open());
  waiting_.reset();
  auto committing = machine_->commit(scope, session_, record);
  co_return passed(co_await committing);
}

io::Task<Result<std::vector<format::BlockHash>>> Receiver::block_hashes(io::Scope& scope, DiskId disk, Extent extent) {
  AFI_CO_STATUS(check_open());
  auto reading = machine_->block_hashes(scope, session_, disk, extent);
  co_return co_await reading;
}

std::optional<std::uint64_t> Receiver::steps() {
  if (machine_ == nullptr) return {};
  return machine_->scope().ended();
}

io::Task<Status> Receiver::remove_machine(io::Scope& scope) {
  AFI_CO_STATUS(check_open());
  waiting_.reset();
  if (admission_ == Admission::primary) {
    AFI_CO_TRY(const catalogue::PermissionRow permission, store_.check_permission(scope, peer_));
    if (permission.removal != catalogue::MachineRemoval::allowed) {
      co_return fail(ErrorCode::permission_denied, "remove a machine",
                     "this replica does not let its primaries remove machines; remove it there");
    }
  }
  is_over_ = true;
  const MachineId id = machine_->description().id;
  auto removing = store_.remove_machine(scope, id);
  co_return co_await removing;
}

}  // namespace afterimage::replica
