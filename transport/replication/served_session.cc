// SPDX-License-Identifier: Apache-2.0
#include "transport/replication/served_session.h"

#include <utility>

#include "io/base/check.h"

namespace afterimage::replication {

ServedSession::ServedSession(io::Scope& scope, MessageStream& stream, ReplicaGate& gate, Peer peer,
                             ServeOptions options)
    : SessionEntry(std::move(peer)),
      reactor_(scope.reactor()),
      gate_(gate),
      options_(std::move(options)),
      host_scope_(scope),
      call_scope_(scope),
      pump_scope_(scope),
      last_scope_(scope.reactor()),
      stream_(stream),
      machine_(ServerOptions{.host_name = options_.host_name,
                             .versions = options_.versions,
                             .window_bytes = options_.window_bytes,
                             .lanes = options_.lanes,
                             .lane_secret = options_.lane_secret,
                             .timeouts = options_.timeouts},
               reactor_.now()),
      tasks_(reactor_) {}

void ServedSession::note(SessionNoteKind kind, const Error& reason) {
  if (options_.log == nullptr) return;
  options_.log->note(SessionNote{.kind = kind,
                                 .session = hello_.session,
                                 .peer = peer().name,
                                 .address = stream_.peer(),
                                 .reason = reason,
                                 .frame_bytes = machine_.frame_bytes(),
                                 .lanes = machine_.lanes_used()});
}

void ServedSession::apply(ServerActions actions) {
  for (ServerAction& action : actions) {
    if (auto* end = std::get_if<EndServing>(&action)) {
      end_ = std::move(*end);
      last_scope_.set_timeout(options_.timeouts.linger);
      call_scope_.cancel();
      nudged_.set();
      continue;
    }
    if (auto* lane = std::get_if<BecomeLane>(&action)) {
      lane_ = lane->join;
      nudged_.set();
      continue;
    }
    const auto* message = std::get_if<Message>(&action);
    if (message != nullptr && std::holds_alternative<message::Heartbeat>(*message)) {
      heartbeat_due_ = true;
      continue;
    }
    todo_.push_back(std::move(action));
  }
  changed_.set();
}

void ServedSession::stop(Error reason) { apply(machine_.stop(std::move(reason))); }

// --- Lanes.

Status ServedSession::join(const message::Join& join, ServedLane& lane) {
  AFI_TRY_STATUS(machine_.join(join));
  lanes_.push_back(lane);
  return {};
}

std::size_t ServedSession::further_lanes() {
  std::size_t count = 0;
  for (ServedLane* lane = lanes_.front(); lane != nullptr; lane = lanes_.after(*lane)) ++count;
  return count;
}

TrafficCounters ServedSession::traffic() {
  TrafficCounters sum = stream_.traffic();
  for (ServedLane* lane = lanes_.front(); lane != nullptr; lane = lanes_.after(*lane)) {
    sum.bytes_sent += lane->traffic().bytes_sent;
    sum.bytes_received += lane->traffic().bytes_received;
  }
  return sum;
}

void ServedSession::lane_broken(Error reason) {
  stop_if_host_stops();
  apply(reason.code == ErrorCode::protocol ? machine_.stop(std::move(reason)) : machine_.broken(std::move(reason)));
}

void ServedSession::stop_if_host_stops() {
  if (end_ || !host_scope_.is_interrupted()) return;
  stop({.code = ErrorCode::unreachable, .what = "serve a session", .detail = "the replica is stopping"});
}

// --- The serving task.

io::Task<std::variant<SessionEnd, message::Join>> ServedSession::serve() {
  tasks_.spawn(read_messages());
  tasks_.spawn(keep());
  while (!lane_ && (!todo_.empty() || !end_)) {
    if (!todo_.empty()) {
      ServerAction action = std::move(todo_.front());
      todo_.pop_front();
      auto carrying = carry_out(std::move(action));
      co_await carrying;
    } else {
      changed_.reset();
      auto waiting = changed_.wait(call_scope_);
      const Status status = co_await waiting;
      (void)status;  // an interruption is judged below
    }
    stop_if_host_stops();
  }
  if (lane_) {
    auto ending = end_tasks();
    co_await ending;
    co_return *lane_;
  }
  sink_.reset();
  ListNode::unlink();
  if (!is_told_) note(is_admitted_ ? SessionNoteKind::ended : SessionNoteKind::refused, end_->reason);
  auto farewell = say_farewell();
  const Status said = co_await farewell;
  (void)said;  // the other side has silence and the end of the connection to tell it
  stream_.close();
  while (ServedLane* lane = lanes_.pop_front()) lane->session_over();
  auto ending = end_tasks();
  co_await ending;
  co_return SessionEnd{.kind = end_->kind, .reason = std::move(end_->reason)};
}

io::Task<void> ServedSession::end_tasks() {
  pump_scope_.cancel();
  auto joining = tasks_.join();
  co_await joining;
}

// Our direction ends, then the other side has a moment to read what we said: closing with unread bytes would reset the
// connection, and the reason with it.
io::Task<Status> ServedSession::say_farewell() {
  AFI_CO_TRY_STATUS(stream_.finish_writing(last_scope_));
  AFI_CO_TRY_STATUS(reader_done_.wait(last_scope_));
  co_return Status{};
}

io::Task<void> ServedSession::carry_out(ServerAction action) {
  if (auto* message = std::get_if<Message>(&action)) {
    auto sending = send(std::move(*message));
    co_await sending;
  }
  if (end_) co_return;
  if (std::holds_alternative<AskGate>(action)) {
    auto asking = ask_gate();
    co_await asking;
  }
  if (auto* call = std::get_if<CallSink>(&action)) {
    auto calling = call_sink(std::move(call->request));
    co_await calling;
  }
}

io::Task<void> ServedSession::send(Message message) {
  // After the end only the last word is worth a write; what stood before it may go with it.
  auto writing = stream_.write(end_ ? last_scope_ : call_scope_, std::move(message));
  Status status = co_await writing;
  stop_if_host_stops();
  if (!status) apply(machine_.broken(std::move(status).error()));
}

io::Task<void> ServedSession::ask_gate() {
  Status verdict = options_.table == nullptr ? Status{} : options_.table->add(*this);
  if (verdict) {
    auto asking = gate_.admit(call_scope_, peer());
    Result<std::unique_ptr<PointSink>> sink = co_await asking;
    if (sink) {
      sink_ = std::move(*sink);
    } else {
      verdict = fail(std::move(sink).error());
    }
  }
  stop_if_host_stops();
  if (end_) co_return;
  if (verdict) {
    is_admitted_ = true;
    note(SessionNoteKind::admitted, {});
  }
  apply(machine_.admitted(std::move(verdict), now()));
}

io::Task<void> ServedSession::call_sink(SinkRequest request) {
  AFI_CHECK(sink_ != nullptr);
  is_in_sink_ = true;
  auto calling = std::visit([this](auto& body) { return call(body); }, request);
  PortAnswer answer = co_await calling;
  is_in_sink_ = false;
  machine_.sink_moved(now());
  stop_if_host_stops();
  apply(machine_.sink_answered(std::move(answer)));
}

io::Task<PortAnswer> ServedSession::call(message::Open& open) {
  AFI_CO_TRY(Welcome welcome, sink_->open(call_scope_, open.machine, open.seed_by));
  co_return PortValue(std::move(welcome));
}
io::Task<PortAnswer> ServedSession::call(message::Begin& begin) {
  AFI_CO_TRY(const Need need, sink_->begin(call_scope_, begin.begin));
  co_return PortValue(need);
}
io::Task<PortAnswer> ServedSession::call(message::Frame& frame) {
  AFI_CO_TRY_STATUS(sink_->append(call_scope_, std::move(frame.bytes)));
  co_return PortValue(Done{});
}
io::Task<PortAnswer> ServedSession::call(message::Commit& commit) {
  AFI_CO_TRY(const Receipt receipt, sink_->commit(call_scope_, commit.record));
  co_return PortValue(receipt);
}
io::Task<PortAnswer> ServedSession::call(message::HashesRequest& request) {
  AFI_CO_TRY(std::vector<format::BlockHash> hashes, sink_->block_hashes(call_scope_, request.disk, request.extent));
  co_return PortValue(std::move(hashes));
}
io::Task<PortAnswer> ServedSession::call(message::Remove&) {
  AFI_CO_TRY_STATUS(sink_->remove_machine(call_scope_));
  co_return PortValue(Done{});
}

// --- The tasks beside it.

io::Task<void> ServedSession::read_messages() {
  while (true) {
    auto reading = stream_.read(pump_scope_);
    Result<Message> message = co_await reading;
    if (message) {
      const auto* hello = std::get_if<message::Hello>(&*message);
      if (hello != nullptr && hello_.session.is_none()) hello_ = *hello;  // for the log, whatever becomes of it
      apply(machine_.received(std::move(*message), now()));
      if (lane_) co_return;  // what follows is not a session's
      continue;
    }
    Error error = std::move(message).error();
    stop_if_host_stops();
    if (error.code == ErrorCode::protocol) {
      stop(std::move(error));
    } else {
      if (error.code == ErrorCode::end_of_data) {
        error.code = ErrorCode::unreachable;
        error.detail = "the primary closed the connection without a word";
      }
      apply(machine_.broken(std::move(error)));
    }
    break;
  }
  reader_done_.set();
}

void ServedSession::look_at_sink() {
  if (!is_in_sink_) return;
  const std::optional<std::uint64_t> steps = sink_->steps();
  if (!steps || *steps != sink_steps_) machine_.sink_moved(now());
  sink_steps_ = steps.value_or(0);
}

// The serving task may be stuck in a sink that waits for a disk: the primary need not wait for that.
io::Task<void> ServedSession::tell_the_end() {
  if (!is_in_sink_ || todo_.empty()) co_return;
  auto* message = std::get_if<Message>(&todo_.back());
  if (message == nullptr || type_of(*message) != MessageType::failure) co_return;
  is_told_ = true;
  Message last_word = std::move(*message);
  todo_.clear();
  note(SessionNoteKind::ended, end_->reason);
  auto writing = stream_.write(last_scope_, std::move(last_word));
  [[maybe_unused]] const Status written = co_await writing;
}

io::Task<void> ServedSession::keep() {
  while (!machine_.is_over()) {
    machine_.bytes_received(stream_.last_received());
    machine_.bytes_sent(stream_.last_sent());
    look_at_sink();
    const std::optional<MonotonicTime> deadline = machine_.next_deadline();
    nudged_.reset();
    if (!deadline) {  // leaving: only the sink's work is waited for
      auto waiting = nudged_.wait(pump_scope_);
      const Status status = co_await waiting;
      if (!status) break;
      continue;
    }
    if (*deadline <= now()) {
      apply(machine_.time_passed(now()));
      // What is being written is as good as a heartbeat.
      if (std::exchange(heartbeat_due_, false) && !stream_.is_writing()) tasks_.spawn(write_heartbeat());
      continue;
    }
    io::Scope until_then(pump_scope_, *deadline - now());
    auto waiting = nudged_.wait(until_then);
    const Status status = co_await waiting;
    if (!status && pump_scope_.is_interrupted()) break;
  }
  auto telling = tell_the_end();
  co_await telling;
}

io::Task<void> ServedSession::write_heartbeat() {
  auto writing = stream_.write(pump_scope_, message::Heartbeat{});
  const Status status = co_await writing;
  (void)status;  // a broken stream shows at the reader
}

}  // namespace afterimage::replication
