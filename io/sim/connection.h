// SPDX-License-Identifier: Apache-2.0
// Connection: two ends and a pipe each way. Bytes of one direction arrive in order, after the delay of the link; a pipe
// holds at most the stream buffer (on the way, arrived and unread, or vanished without an answer), then its sender
// waits.
//
// States of an end: open; closed (nobody reads here: what arrives is answered with a reset); broken (it has seen a
// reset, or reset itself); deaf (a host without power: what arrives vanishes, until the host is back and answers with
// resets). Ends are 0, who connected, and 1. Thread: the world's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "io/base/bytes.h"
#include "io/sim/event_queue.h"
#include "io/sim/operation.h"
#include "io/sim/world.h"

namespace afterimage::io::sim {

struct Link;

// A pending read or write of a stream: called when its end may have news.
class StreamWaiter {
 public:
  virtual void look_again() = 0;

 protected:
  ~StreamWaiter() = default;
};

enum class EndState : std::uint8_t { open, closed, broken, deaf };

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(WorldState& world, std::uint64_t id, NodeId from, NodeId to);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] NodeId node(int end) const { return ends_[static_cast<std::size_t>(end)].node; }

  // --- What a stream does at its end.
  [[nodiscard]] EndState state(int end) const { return ends_[static_cast<std::size_t>(end)].state; }
  [[nodiscard]] std::size_t room(int end) const;      // bytes that may be sent now
  void send(int end, ByteView data);                  // fits the room
  void finish(int end);                               // no more will be sent; once
  [[nodiscard]] std::size_t readable(int end) const;  // arrived and not taken
  [[nodiscard]] bool has_ended(int end) const;        // all taken, and the peer has finished
  [[nodiscard]] std::size_t take(int end, MutableBytes out);
  void close(int end);
  void set_reader(int end, StreamWaiter* waiter) { ends_[static_cast<std::size_t>(end)].reader = waiter; }
  void set_writer(int end, StreamWaiter* waiter) { ends_[static_cast<std::size_t>(end)].writer = waiter; }
  [[nodiscard]] std::uint64_t sent(int end) const { return pipes_[static_cast<std::size_t>(end)].sent; }
  [[nodiscard]] std::uint64_t taken(int end) const { return pipes_[static_cast<std::size_t>(1 - end)].taken; }

  // --- What happens to it.
  void cut(CutKind kind, int first);
  void crash(int end, CrashKind kind);
  void restart(int end);  // the host has power again
  void heal();            // the partition is over

 private:
  enum class ItemKind : std::uint8_t { data, finish, reset };
  struct Item {
    ItemKind kind = ItemKind::data;
    MonotonicTime at{};
    Bytes data;
  };
  // From one end to the other.
  struct Pipe final : Event {
    void fire() override { connection->arrive(from); }
    Connection* connection = nullptr;
    int from = 0;
    std::deque<Item> flying;
    std::deque<Bytes> arrived;
    std::size_t taken_of_first = 0;  // of arrived.front()
    std::size_t held = 0;            // bytes flying, arrived and not taken, or vanished
    std::size_t readable = 0;
    std::uint64_t sent = 0;
    std::uint64_t taken = 0;
    MonotonicTime last_arrival{};
    bool finished = false;  // by the sender
    bool ended = false;     // the receiver knows
    bool vanished = false;  // bytes were sent to a deaf end
  };
  struct End {
    NodeId node;
    EndState state = EndState::open;
    StreamWaiter* reader = nullptr;
    StreamWaiter* writer = nullptr;
  };

  [[nodiscard]] Pipe& pipe(int from) { return pipes_[static_cast<std::size_t>(from)]; }
  [[nodiscard]] const Pipe& pipe(int from) const { return pipes_[static_cast<std::size_t>(from)]; }
  [[nodiscard]] End& end(int which) { return ends_[static_cast<std::size_t>(which)]; }
  [[nodiscard]] Link& link(int from);
  void push(int from, Item item);
  void schedule(Pipe& pipe);
  void arrive(int from);
  void arrive_data(int from, Bytes data);
  void break_end(int which);
  void wake(int which);

  WorldState& world_;
  std::uint64_t id_;
  std::array<End, 2> ends_;
  std::array<Pipe, 2> pipes_;
  bool severed_ = false;  // nothing arrives any more
};

}  // namespace afterimage::io::sim
