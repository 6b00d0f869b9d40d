// SPDX-License-Identifier: Apache-2.0
#include "tests/transport/replication/fake_replica.h"

#include "io/scope.h"

namespace afterimage::replication {

io::Task<Result<std::unique_ptr<PointSink>>> FakeReplica::admit(io::Scope&, Peer) {
  if (refusal) co_return fail(*refusal);
  std::unique_ptr<PointSink> sink = std::make_unique<FakeSink>(*this);
  co_return sink;
}

std::uint32_t number_of(const Bytes& frame) {
  const Result<format::FrameHeader> header = format::FrameHeader::parse(frame);
  return header ? header->identity.number : load<std::uint32_t>(frame.data());
}

Status FakeSink::check_session() const {
  const auto found = replica_.machines.find(id_);
  if (found != replica_.machines.end() && found->second.session == session_) return {};
  return fail(ErrorCode::conflict, "use a session", "another session has opened 'web1'");
}

io::Task<Result<Welcome>> FakeSink::open(io::Scope&, const MachineDescription& described, SeedBy) {
  id_ = described.id;
  session_ = machine().session = ++replica_.sessions;
  Welcome welcome{.head = machine().head, .newest_epoch = machine().epoch};
  if (machine().frames != 0) {
    welcome.unfinished = UnfinishedEpoch{.epoch = machine().epoch, .frames = machine().frames};
  }
  co_return welcome;
}

io::Task<Result<Need>> FakeSink::begin(io::Scope&, BeginEpoch begin) {
  AFI_CO_STATUS(check_session());
  if (begin.parent != machine().head) co_return fail(ErrorCode::conflict, "begin", "the parent is not the head");
  if (begin.epoch != machine().epoch) machine().frames = 0;
  machine().epoch = begin.epoch;
  co_return Need{.first_frame = machine().frames};
}

io::Task<Status> FakeSink::append(io::Scope& scope, Bytes frame) {
  if (replica_.append_waits_for != nullptr) AFI_CO_TRY_STATUS(replica_.append_waits_for->wait(scope));
  if (replica_.append_takes != Duration{}) AFI_CO_TRY_STATUS(io::sleep_for(scope, replica_.append_takes));
  AFI_CO_STATUS(check_session());
  if (replica_.append_error && machine().frames == replica_.append_error_at) co_return fail(*replica_.append_error);
  if (number_of(frame) != machine().frames) {
    co_return fail(ErrorCode::damaged, "append", "a frame twice, or out of order");
  }
  ++machine().frames;
  ++machine().frames_ever;
  co_return Status{};
}

io::Task<Result<Receipt>> FakeSink::commit(io::Scope& scope, const format::PointRecord& record) {
  io::Scope deaf(scope.reactor());
  io::Scope& waiting = replica_.commit_is_deaf ? deaf : scope;
  if (replica_.commit_waits_for != nullptr) AFI_CO_TRY_STATUS(replica_.commit_waits_for->wait(waiting));
  if (replica_.commit_takes != Duration{}) AFI_CO_TRY_STATUS(io::sleep_for(scope, replica_.commit_takes));
  AFI_CO_STATUS(check_session());
  if (record.frame_count != machine().frames) co_return fail(ErrorCode::conflict, "commit", "frames are missing");
  if (record.sequence != machine().head.sequence.next()) co_return fail(ErrorCode::conflict, "commit", "a gap");
  machine().head = samples::head(record.sequence.value());
  machine().frames = 0;
  co_return Receipt{.sequence = machine().head.sequence, .digest = machine().head.digest, .received = WallTime{1}};
}

io::Task<Result<std::vector<format::BlockHash>>> FakeSink::block_hashes(io::Scope&, DiskId disk, Extent extent) {
  AFI_CO_STATUS(check_session());
  if (disk != samples::disk) co_return fail(ErrorCode::not_found, "read hashes", "no such disk");
  co_return std::vector<format::BlockHash>(extent.count.value(), format::BlockHash{extent.first.value()});
}

io::Task<Status> FakeSink::remove_machine(io::Scope&) {
  AFI_CO_STATUS(check_session());
  replica_.machines.erase(id_);
  co_return Status{};
}

}  // namespace afterimage::replication
