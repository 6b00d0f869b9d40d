// SPDX-License-Identifier: Apache-2.0
#include "transport/replication/remote_sink.h"

#include <utility>

#include "transport/replication/remote_session.h"

namespace afterimage::replication {

static_assert(hashes_per_message_max == PointSink::hashes_per_request_max);

RemoteSink::RemoteSink(std::shared_ptr<RemoteSession> session) : session_(std::move(session)) {}

RemoteSink::~RemoteSink() { session_->leave(); }

io::Task<Result<Welcome>> RemoteSink::open(io::Scope& scope, const MachineDescription& machine, SeedBy seed_by) {
  ClientActions actions = session_->machine().open(machine, seed_by, session_->now());
  AFI_CO_TRY(const PortValue value, RemoteSession::finish_call(session_, scope, std::move(actions), {}));
  co_return std::get<Welcome>(value);
}

io::Task<Result<Need>> RemoteSink::begin(io::Scope& scope, BeginEpoch begin) {
  ClientActions actions = session_->machine().begin(begin, session_->now());
  AFI_CO_TRY(const PortValue value, RemoteSession::finish_call(session_, scope, std::move(actions), {}));
  co_return std::get<Need>(value);
}

io::Task<Status> RemoteSink::append(io::Scope& scope, Bytes frame) {
  ClientActions actions = session_->machine().append(ByteCount(std::uint64_t{frame.size()}), session_->now());
  AFI_CO_TRY(const PortValue value, RemoteSession::finish_call(session_, scope, std::move(actions), std::move(frame)));
  (void)value;
  co_return Status{};
}

io::Task<Result<Receipt>> RemoteSink::commit(io::Scope& scope, const format::PointRecord& record) {
  ClientActions actions = session_->machine().commit(record, session_->now());
  AFI_CO_TRY(const PortValue value, RemoteSession::finish_call(session_, scope, std::move(actions), {}));
  co_return std::get<Receipt>(value);
}

io::Task<Result<std::vector<format::BlockHash>>> RemoteSink::block_hashes(io::Scope& scope, DiskId disk,
                                                                          Extent extent) {
  ClientActions actions = session_->machine().block_hashes(disk, extent, session_->now());
  AFI_CO_TRY(PortValue value, RemoteSession::finish_call(session_, scope, std::move(actions), {}));
  co_return std::move(std::get<std::vector<format::BlockHash>>(value));
}

io::Task<Status> RemoteSink::remove_machine(io::Scope& scope) {
  ClientActions actions = session_->machine().remove_machine(session_->now());
  AFI_CO_TRY(const PortValue value, RemoteSession::finish_call(session_, scope, std::move(actions), {}));
  (void)value;
  co_return Status{};
}

const TrafficCounters& RemoteSink::traffic() const { return session_->traffic(); }

const std::string& RemoteSink::replica_name() const { return session_->machine().replica_name(); }

io::Task<Result<std::unique_ptr<RemoteSink>>> connect_remote_sink(io::Scope& scope, std::unique_ptr<io::Stream> stream,
                                                                  RemoteSinkOptions options) {
  auto session = std::make_shared<RemoteSession>(scope.reactor(), std::move(stream), std::move(options));
  auto sink = std::make_unique<RemoteSink>(session);  // from here on, whoever drops it ends the session
  AFI_CO_TRY_STATUS(RemoteSession::greet(session, scope));
  co_return std::move(sink);
}

}  // namespace afterimage::replication
