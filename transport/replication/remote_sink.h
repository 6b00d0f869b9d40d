// SPDX-License-Identifier: Apache-2.0
// RemoteSink: the replica behind a stream, as a PointSink. The session itself lives in two tasks of the host's group
// (one reads, one keeps time and says the last word), so that a sink can be dropped at any moment: its destructor asks
// them to say bye, and they end by themselves within SessionTimeouts::linger. The host joins the group when it stops.
//
// Errors are those of the port. What the replica said is kept: its code, and its sentence in `detail`. `unreachable`:
// the stream broke, or the replica stopped; `timed_out`: a call took too long or the replica fell silent; `protocol`:
// one side did not understand the other; `refused`: a call out of order, which changes nothing. A call whose scope is
// interrupted ends the session: half of it may have been sent.
// append returns when the frame was handed to the stream, which waits while a full window is not acknowledged; with
// lanes, when one of them was free for it. A lane that cannot be had is noted and done without; one that breaks ends
// the session. Memory: one frame a lane; the window is the replica's. Thread: the reactor's; calls one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/port/point_sink.h"
#include "io/network.h"
#include "io/task_group.h"
#include "transport/replication/messages.h"
#include "transport/replication/session_log.h"
#include "transport/replication/session_timeouts.h"

namespace afterimage::replication {

// Opens further connections to the replica of a session, authenticated as its first one. Errors are those of dialling.
class LaneDoor {
 public:
  virtual ~LaneDoor() = default;
  [[nodiscard]] virtual io::Task<Result<std::unique_ptr<io::Stream>>> open(io::Scope& scope) = 0;
};

struct RemoteSinkOptions {
  std::string host_name;                               // of this host, for the replica's log
  SessionId session;                                   // random
  io::TaskGroup* tasks;                                // where the session lives; outlives it
  SessionLog* log = nullptr;                           // outlives the tasks
  std::shared_ptr<TrafficCounters> traffic = nullptr;  // counted up; may be shared by sessions one after the other
  VersionRange versions = spoken_versions;
  std::size_t lanes = 1;                              // connections that are wanted; the replica may grant fewer
  std::shared_ptr<LaneDoor> door = nullptr;           // to the further ones
  std::uint64_t lanes_after_bytes = 1 * limits::MiB;  // of frames; less is not worth a further connection
  SessionTimeouts timeouts = {};
};

class RemoteSession;

class RemoteSink final : public PointSink {
 public:
  explicit RemoteSink(std::shared_ptr<RemoteSession> session);
  ~RemoteSink() override;

  [[nodiscard]] io::Task<Result<Welcome>> open(io::Scope& scope, const MachineDescription& machine,
                                               SeedBy seed_by) override;
  [[nodiscard]] io::Task<Result<Need>> begin(io::Scope& scope, BeginEpoch begin) override;
  [[nodiscard]] io::Task<Status> append(io::Scope& scope, Bytes frame) override;
  [[nodiscard]] io::Task<Result<Receipt>> commit(io::Scope& scope, const format::PointRecord& record) override;
  [[nodiscard]] io::Task<Result<std::vector<format::BlockHash>>> block_hashes(io::Scope& scope, DiskId disk,
                                                                              Extent extent) override;
  [[nodiscard]] io::Task<Status> remove_machine(io::Scope& scope) override;

  [[nodiscard]] const TrafficCounters& traffic() const;
  [[nodiscard]] const std::string& replica_name() const;  // as it calls itself

 private:
  std::shared_ptr<RemoteSession> session_;
};

// Greets the replica at the other end of a connected (and, outside of simulations, authenticated) stream, and waits for
// its welcome. Errors: the replica's refusal (its code, its reason), unsupported (no common version), unreachable,
// timed_out, protocol, cancelled.
[[nodiscard]] io::Task<Result<std::unique_ptr<RemoteSink>>> connect_remote_sink(io::Scope& scope,
                                                                                std::unique_ptr<io::Stream> stream,
                                                                                RemoteSinkOptions options);

}  // namespace afterimage::replication
