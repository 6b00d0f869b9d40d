// SPDX-License-Identifier: Apache-2.0
// Any order of messages, answers and times for the replica's machine, on one connection and on lanes. It must call the
// sink once at a time, give it the frames of lanes in order, hold no more than the window, say nothing before the gate
// has spoken, and be silent after its end.
#include <cstddef>
#include <cstdint>
#include <optional>

#include "io/base/check.h"
#include "tests/fuzz/replication_script.h"
#include "transport/replication/server_machine.h"

namespace afterimage::replication {
namespace {

PortValue value_for(MessageType request) {
  if (request == MessageType::open) return samples::welcome();
  if (request == MessageType::begin) return Need{};
  if (request == MessageType::commit)
    return Receipt{.sequence = Sequence(std::uint64_t{8}), .digest = samples::digest(8)};
  if (request == MessageType::hashes_request) return std::vector<format::BlockHash>(2);
  return Done{};
}

class Driver {
 public:
  explicit Driver(Script script) : script_(script) {}

  void run() {
    while (!script_.at_end()) {
      const bool was_over = machine_.is_over();
      const ServerActions actions = step();
      if (was_over) AFI_CHECK(actions.empty());
      for (const ServerAction& action : actions) see(action);
      AFI_CHECK(machine_.held_bytes() <= limits::session_window_bytes);
      AFI_CHECK(machine_.is_over() == ended_);
      if (ended_) AFI_CHECK(!machine_.next_deadline());
    }
  }

 private:
  void see(const ServerAction& action) {
    AFI_CHECK(!ended_);
    if (std::holds_alternative<AskGate>(action)) {
      AFI_CHECK(!gate_asked_);
      gate_asked_ = true;
    }
    if (const auto* call = std::get_if<CallSink>(&action)) {
      AFI_CHECK(welcomed_ && !calling_);
      calling_ = std::visit([](const auto& body) { return body.type; }, call->request);
      if (const auto* frame = std::get_if<message::Frame>(&call->request); frame != nullptr && has_lanes_) {
        AFI_CHECK(frame->bytes == samples::numbered(epoch, next_frame_++, frame_stored_bytes));
      }
      if (calling_ == MessageType::begin) next_frame_ = 0;
    }
    if (std::holds_alternative<EndServing>(action) || std::holds_alternative<BecomeLane>(action)) ended_ = true;
    if (const auto* message = std::get_if<Message>(&action)) {
      if (type_of(*message) == MessageType::welcome) {
        AFI_CHECK(gate_asked_ && !welcomed_);
        welcomed_ = true;
        has_lanes_ = std::get<message::Welcome>(*message).lanes > 1;
      } else {
        AFI_CHECK(welcomed_ || type_of(*message) == MessageType::refusal);
      }
    }
  }

  Message next_message() {
    Message message = script_.next_message();
    auto* frame = std::get_if<message::Frame>(&message);
    if (frame == nullptr || !has_lanes_) return message;
    frame->bytes = samples::numbered(epoch, script_.next() % 16, frame_stored_bytes);
    return message;
  }
  void join() {
    message::Join join{.session = samples::session, .secret = samples::lane_secret, .lane = script_.next()};
    if (script_.next() < 8) join.secret = {};
    if (!machine_.join(join)) return;
    AFI_CHECK(has_lanes_ && !join.secret.is_none() && !ended_);
    AFI_CHECK(!machine_.join(join).has_value());
  }

  ServerActions step() {
    switch (script_.next() % 10) {
      case 0: now_ = now_ + std::chrono::seconds(script_.next() % 40); return machine_.time_passed(now_);
      case 1: machine_.bytes_received(now_); return {};
      case 2: return script_.next() < 8 ? machine_.broken({.code = ErrorCode::unreachable}) : ServerActions{};
      case 3: return script_.next() < 8 ? machine_.stop({.code = ErrorCode::unreachable}) : ServerActions{};
      case 4:
        if (!gate_asked_ || welcomed_) return {};
        if (script_.next() < 8) return machine_.admitted(fail(ErrorCode::permission_denied, "admit"), now_);
        return machine_.admitted({}, now_);
      case 5: {
        if (!calling_) return {};
        const MessageType request = *calling_;
        calling_.reset();
        if (script_.next() < 16) return machine_.sink_answered(fail(ErrorCode::io_failed, "work"));
        return machine_.sink_answered(value_for(request));
      }
      case 8: join(); return {};
      case 9: return machine_.received_on_lane(next_message(), now_);
      default: return machine_.received(next_message(), now_);
    }
  }

  static constexpr std::uint64_t epoch = 9;  // of samples::begin()
  static constexpr std::size_t frame_stored_bytes = 100'000;

  Script script_;
  MonotonicTime now_{1};
  ServerMachine machine_{ServerOptions{.host_name = "beta", .lanes = 3, .lane_secret = samples::lane_secret}, now_};
  std::optional<MessageType> calling_;
  bool has_lanes_ = false;
  std::uint32_t next_frame_ = 0;
  bool gate_asked_ = false;
  bool welcomed_ = false;
  bool ended_ = false;
};

}  // namespace
}  // namespace afterimage::replication

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace afterimage::replication;
  Driver(Script(data, size < 4096 ? size : 4096)).run();
  return 0;
}
