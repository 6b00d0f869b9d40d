// SPDX-License-Identifier: Apache-2.0
#include "transport/replication/remote_session.h"

#include <algorithm>
#include <utility>

#include "io/base/check.h"

namespace afterimage::replication {
namespace {

bool is_last_word(const std::deque<Message>& outbox) {
  if (outbox.empty()) return false;
  const MessageType type = type_of(outbox.back());
  return type == MessageType::failure || type == MessageType::bye;
}

// One for all lanes.
RemoteSinkOptions with_counters(RemoteSinkOptions options) {
  if (options.traffic == nullptr) options.traffic = std::make_shared<TrafficCounters>();
  return options;
}

}  // namespace

RemoteSession::RemoteSession(io::Reactor& reactor, std::unique_ptr<io::Stream> stream, RemoteSinkOptions options)
    : reactor_(reactor),
      options_(with_counters(std::move(options))),
      scope_(reactor),
      stream_(reactor, std::move(stream), options_.traffic, options_.timeouts.message),
      machine_(ClientOptions{.host_name = options_.host_name,
                             .session = options_.session,
                             .versions = options_.versions,
                             .timeouts = options_.timeouts}) {}

void RemoteSession::note(SessionNoteKind kind, const Error& reason) {
  if (options_.log == nullptr) return;
  options_.log->note(SessionNote{.kind = kind,
                                 .session = options_.session,
                                 .peer = machine_.replica_name(),
                                 .address = stream_.peer(),
                                 .reason = reason,
                                 .lanes = std::max<std::size_t>(1, lanes_.size())});
}

void RemoteSession::apply(ClientActions actions) {
  for (ClientAction& action : actions) {
    if (auto* message = std::get_if<Message>(&action)) {
      if (std::holds_alternative<message::Heartbeat>(*message)) {
        heartbeat_due_ = true;
      } else {
        outbox_.push_back(std::move(*message));
      }
    }
    if (std::holds_alternative<SendFrame>(action)) frame_may_go_ = true;
    if (auto* done = std::get_if<CallDone>(&action)) answer_ = std::move(done->answer);
    if (std::holds_alternative<EndSession>(action)) {
      if (!is_last_word(outbox_)) outbox_.clear();  // a request that was not sent is not sent any more
      nudged_.set();
      ended_.set();
    }
  }
  if (!admission_noted_ && machine_.was_admitted()) {
    admission_noted_ = true;
    note(SessionNoteKind::admitted, {});
  }
  if (!actions.empty()) changed_.set();
}

void RemoteSession::leave() { apply(machine_.leave()); }

// --- Calls.

io::Task<Status> RemoteSession::greet(std::shared_ptr<RemoteSession> self, io::Scope& scope) {
  AFI_CHECK(self->options_.tasks != nullptr);
  ClientActions actions = self->machine_.start(self->now());
  self->options_.tasks->spawn(read_messages(self));
  self->options_.tasks->spawn(keep(self));
  auto greeting = finish_call(self, scope, std::move(actions), {});
  const PortAnswer answer = co_await greeting;
  if (!answer) co_return fail(answer.error());
  co_return Status{};
}

io::Task<PortAnswer> RemoteSession::finish_call(std::shared_ptr<RemoteSession> self, io::Scope& scope,
                                                ClientActions actions, Bytes frame) {
  self->apply(std::move(actions));
  const std::string awaited = self->machine_.awaited();
  const std::string replica =
      self->machine_.replica_name().empty() ? self->stream_.peer() : self->machine_.replica_name();
  io::LongOperation watched(scope, awaited.c_str(), replica,
                            self->machine_.awaits_proof() ? io::Pace::slow : io::Pace::prompt);
  open_lanes_if_due(self);
  const std::optional<MonotonicTime> deadline = self->machine_.next_deadline();
  if (deadline && *deadline < self->watch_until_) self->nudged_.set();
  while (!self->answer_) {
    auto writing = self->write_pending(scope, frame);
    Status status = co_await writing;
    if (!status) {
      auto judging = self->writing_failed(scope, std::move(status).error());
      co_await judging;
    }
    if (self->answer_) break;
    self->changed_.reset();
    auto waiting = self->changed_.wait(scope);
    status = co_await waiting;
    if (!status) self->apply(self->machine_.broken(scope.interruption("wait for the replica")));
  }
  co_return *std::exchange(self->answer_, {});
}

// Everything that the machine wants sent at this moment, unless the session is over: its last word is the keeper's.
io::Task<Status> RemoteSession::write_pending(io::Scope& scope, Bytes& frame) {
  while (!machine_.is_over() && (frame_may_go_ || !outbox_.empty())) {
    if (frame_may_go_) {
      AFI_CO_TRY_STATUS(write_frame(scope, frame));
      if (frame_may_go_) break;  // until a lane is free
      continue;
    }
    Message message = std::move(outbox_.front());
    outbox_.pop_front();
    AFI_CO_TRY_STATUS(stream_.write(scope, std::move(message)));
  }
  co_return Status{};
}

// Hands the frame over, unless every lane is busy.
io::Task<Status> RemoteSession::write_frame(io::Scope& scope, Bytes& frame) {
  if (lanes_.empty()) {
    frame_may_go_ = false;
    AFI_CO_TRY_STATUS(stream_.write_frame(scope, frame));
    apply(machine_.frame_sent());
  } else if (RemoteLane* lane = free_lane(); lane != nullptr) {
    frame_may_go_ = false;
    lane->give(std::move(frame));
    apply(machine_.frame_sent());
  }
  co_return Status{};
}

// A replica that ends a session says why and closes: our writing may fail before the reader has come to the reason.
io::Task<void> RemoteSession::writing_failed(io::Scope& scope, Error error) {
  io::Scope verdict(scope, options_.timeouts.linger);
  while (!machine_.is_over() && !scope.is_interrupted()) {
    changed_.reset();
    auto waiting = changed_.wait(verdict);
    const Status status = co_await waiting;
    if (!status) break;
  }
  apply(machine_.broken(scope.is_interrupted() ? scope.interruption("write to the replica") : std::move(error)));
}

// --- Tasks.

io::Task<void> RemoteSession::read_messages(std::shared_ptr<RemoteSession> self) {
  while (true) {
    auto reading = self->stream_.read(self->scope_);
    Result<Message> message = co_await reading;
    if (message) {
      // After the end they are read and ignored, so that the other side can read our last word before it sees a reset.
      self->apply(self->machine_.received(std::move(*message), self->now()));
      continue;
    }
    Error error = std::move(message).error();
    if (error.code == ErrorCode::protocol) {
      self->apply(self->machine_.violated(std::move(error)));
    } else {
      if (error.code == ErrorCode::end_of_data) {
        error.code = ErrorCode::unreachable;
        error.detail = "the replica closed the connection without a word";
      }
      self->apply(self->machine_.broken(std::move(error)));
    }
    break;
  }
  self->reader_done_.set();
}

io::Task<void> RemoteSession::write_heartbeat(std::shared_ptr<RemoteSession> self) {
  auto writing = self->stream_.write(self->scope_, message::Heartbeat{});
  const Status status = co_await writing;
  (void)status;  // a broken stream shows at the reader
}

io::Task<void> RemoteSession::keep(std::shared_ptr<RemoteSession> self) {
  ClientMachine& machine = self->machine_;
  while (!machine.is_over()) {
    machine.bytes_received(self->stream_.last_received());
    machine.bytes_sent(self->stream_.last_sent());
    const std::optional<MonotonicTime> deadline = machine.next_deadline();
    AFI_CHECK(deadline.has_value());
    if (*deadline <= self->now()) {
      self->apply(machine.time_passed(self->now()));
      // What is being written is as good as a heartbeat.
      if (std::exchange(self->heartbeat_due_, false) && !self->stream_.is_writing()) {
        self->options_.tasks->spawn(write_heartbeat(self));
      }
      continue;
    }
    self->watch_until_ = *deadline;
    self->nudged_.reset();
    io::Scope until_then(self->scope_, *deadline - self->now());
    auto waiting = self->nudged_.wait(until_then);
    const Status status = co_await waiting;
    (void)status;  // what is due is asked of the machine
  }
  self->note(machine.was_admitted() ? SessionNoteKind::ended : SessionNoteKind::refused, *machine.end());
  auto farewell = self->say_farewell();
  const Status said = co_await farewell;
  (void)said;  // the other side has silence and the end of the connection to tell it
  self->stream_.close();
  for (const auto& lane : self->lanes_) lane->stream().close();
  self->scope_.cancel();
}

// The last word, then the end of our direction, then a moment for the other side to read it: closing with unread bytes
// would reset the connection, and the word with it.
io::Task<Status> RemoteSession::say_farewell() {
  io::Scope farewell(scope_, options_.timeouts.linger);
  if (outbox_.empty() && stream_.is_writing()) co_return Status{};
  if (!outbox_.empty()) AFI_CO_TRY_STATUS(stream_.write(farewell, std::move(outbox_.back())));
  AFI_CO_TRY_STATUS(stream_.finish_writing(farewell));
  AFI_CO_TRY_STATUS(reader_done_.wait(farewell));
  co_return Status{};
}

}  // namespace afterimage::replication
