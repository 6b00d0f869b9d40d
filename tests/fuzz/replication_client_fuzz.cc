// SPDX-License-Identifier: Apache-2.0
// Any order of calls, messages and times for the primary's machine. It must answer each call once, keep to the window,
// speak its last word last, and be silent after its end.
#include <cstddef>
#include <cstdint>

#include "io/base/check.h"
#include "tests/fuzz/replication_script.h"
#include "transport/replication/client_machine.h"

namespace afterimage::replication {
namespace {

class Driver {
 public:
  explicit Driver(Script script) : script_(script) {}

  void run() {
    while (!script_.at_end()) {
      const bool was_over = machine_.is_over();
      const bool was_call_open = call_open_;
      const ClientActions actions = step();
      for (const ClientAction& action : actions) see(action);
      if (was_over && !was_call_open) AFI_CHECK(actions.size() <= 1);  // the end's reason for a call
      AFI_CHECK(machine_.unacknowledged_bytes() <= limits::session_window_bytes);
      AFI_CHECK(machine_.is_over() == ended_);
      if (ended_) AFI_CHECK(!call_open_ && !machine_.next_deadline());
      if (frame_may_go_) {
        frame_may_go_ = false;
        for (const ClientAction& action : machine_.frame_sent()) see(action);
      }
    }
  }

 private:
  void see(const ClientAction& action) {
    AFI_CHECK(!ended_ || std::holds_alternative<CallDone>(action));
    if (std::holds_alternative<SendFrame>(action)) {
      AFI_CHECK(call_open_);
      frame_may_go_ = true;
    }
    if (std::holds_alternative<CallDone>(action)) {
      AFI_CHECK(call_open_);
      call_open_ = false;
    }
    if (std::holds_alternative<EndSession>(action)) ended_ = true;
    if (const auto* message = std::get_if<Message>(&action)) {
      AFI_CHECK(!said_last_word_);
      const MessageType type = type_of(*message);
      said_last_word_ = type == MessageType::bye || type == MessageType::failure;
    }
  }

  ClientActions calling(ClientActions actions) {
    call_open_ = true;
    return actions;
  }

  ClientActions step() {
    const std::uint8_t choice = script_.next() % 16;
    if (choice < 7 && call_open_) return {};  // callers wait for their answer
    switch (choice) {
      case 0: return calling(machine_.start(now_));
      case 1: return calling(machine_.open(samples::machine(), SeedBy::network, now_));
      case 2: return calling(machine_.begin(samples::begin(), now_));
      case 3: return calling(machine_.append(ByteCount(script_.next_frame_bytes()), now_));
      case 4: return calling(machine_.commit(samples::record(8), now_));
      case 5: return calling(machine_.block_hashes(samples::disk, samples::extent(0, script_.next()), now_));
      case 6: return calling(machine_.remove_machine(now_));
      case 7: now_ = now_ + std::chrono::seconds(script_.next()); return machine_.time_passed(now_);
      case 8: machine_.bytes_received(now_); return {};
      case 9: machine_.bytes_sent(now_); return {};
      case 10: return script_.next() < 16 ? machine_.leave() : ClientActions{};
      case 11: return script_.next() < 16 ? machine_.broken({.code = ErrorCode::unreachable}) : ClientActions{};
      case 15: machine_.lane_joined(); return {};
      default: return machine_.received(script_.next_message(), now_);
    }
  }

  Script script_;
  ClientMachine machine_{ClientOptions{.host_name = "alpha", .session = samples::session}};
  MonotonicTime now_{1};
  bool call_open_ = false;
  bool frame_may_go_ = false;
  bool said_last_word_ = false;
  bool ended_ = false;
};

}  // namespace
}  // namespace afterimage::replication

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace afterimage::replication;
  Driver(Script(data, size < 4096 ? size : 4096)).run();
  return 0;
}
