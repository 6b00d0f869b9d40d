// SPDX-License-Identifier: Apache-2.0
#include "io/sim/connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "io/sim/switchboard.h"
#include "io/sim/world_state.h"

namespace afterimage::io::sim {

Connection::Connection(WorldState& world, std::uint64_t id, NodeId from, NodeId to)
    : world_(world), id_(id), ends_{End{.node = from}, End{.node = to}} {
  for (int i = 0; i < 2; ++i) {
    pipe(i).connection = this;
    pipe(i).from = i;
  }
}

Link& Connection::link(int from) { return world_.switchboard().link(node(from), node(1 - from)); }

std::size_t Connection::room(int end) const {
  const std::size_t held = pipe(end).held;
  const std::size_t buffer = world_.options().stream_buffer_bytes;
  return held < buffer ? buffer - held : 0;
}

void Connection::send(int end, ByteView data) {
  Pipe& out = pipe(end);
  out.held += data.size();
  out.sent += data.size();
  push(end, {.kind = ItemKind::data, .data = Bytes(data.begin(), data.end())});
}

void Connection::finish(int end) {
  if (std::exchange(pipe(end).finished, true)) return;
  push(end, {.kind = ItemKind::finish, .data = {}});
}

std::size_t Connection::readable(int end) const { return pipe(1 - end).readable; }

bool Connection::has_ended(int end) const { return pipe(1 - end).ended && readable(end) == 0; }

std::size_t Connection::take(int end, MutableBytes out) {
  Pipe& in = pipe(1 - end);
  std::size_t filled = 0;
  while (filled < out.size() && !in.arrived.empty()) {
    const Bytes& first = in.arrived.front();
    const std::size_t count = std::min(out.size() - filled, first.size() - in.taken_of_first);
    std::memcpy(out.data() + filled, first.data() + in.taken_of_first, count);
    filled += count;
    in.taken_of_first += count;
    if (in.taken_of_first == first.size()) {
      in.arrived.pop_front();
      in.taken_of_first = 0;
    }
  }
  in.readable -= filled;
  in.held -= filled;
  in.taken += filled;
  // The sender learns of the room at once; whether it may use it, the link decides.
  if (filled != 0 && this->end(1 - end).writer != nullptr) this->end(1 - end).writer->look_again();
  return filled;
}

void Connection::close(int end) {
  if (state(end) == EndState::broken || state(end) == EndState::open) {
    const bool was_open = state(end) == EndState::open;
    this->end(end).state = EndState::closed;
    // Unread bytes are lost, and the peer is told so; else it is told that there is no more.
    if (was_open && readable(end) != 0) {
      push(end, {.kind = ItemKind::reset, .data = {}});
    } else if (was_open) {
      finish(end);
    }
    Pipe& in = pipe(1 - end);
    in.held -= in.readable;
    in.readable = 0;
    in.arrived.clear();
    in.taken_of_first = 0;
    wake(end);
  }
}

void Connection::push(int from, Item item) {
  Pipe& out = pipe(from);
  const Link& way = link(from);
  MonotonicTime at = world_.now() + world_.rng().between(way.delay.min, way.delay.max);
  at = std::max(at, out.last_arrival);
  if (way.bytes_per_second != 0) {
    at = at + Duration(static_cast<std::int64_t>(item.data.size() * 1'000'000'000ULL / way.bytes_per_second));
  }
  item.at = out.last_arrival = at;
  out.flying.push_back(std::move(item));
  if (!out.is_scheduled()) schedule(out);
}

void Connection::schedule(Pipe& pipe) {
  if (pipe.flying.empty() || link(pipe.from).partition) return;  // heal() goes on
  world_.schedule_at(pipe, std::max(pipe.flying.front().at, world_.now()));
}

void Connection::heal() {
  for (Pipe& each : pipes_) {
    if (!each.is_scheduled()) schedule(each);
  }
}

void Connection::arrive(int from) {
  const auto keep_alive = shared_from_this();  // waking somebody may close both streams
  Pipe& way = pipe(from);
  if (link(from).partition || way.flying.empty()) return;  // a crash takes back what was still in its host's memory
  Item item = std::move(way.flying.front());
  way.flying.pop_front();
  schedule(way);
  const int to = 1 - from;
  world_.trace({.event = TraceEvent::arrival,
                .node = node(to).value,
                .facts = {.offset = id_, .bytes = item.data.size(), .check = static_cast<std::uint64_t>(item.kind)}});
  if (severed_ || state(to) == EndState::deaf) {
    way.vanished = true;
    return;
  }
  switch (item.kind) {
    case ItemKind::data: arrive_data(from, std::move(item.data)); break;
    case ItemKind::finish:
      way.ended = true;
      wake(to);
      break;
    case ItemKind::reset: break_end(to); break;
  }
}

void Connection::arrive_data(int from, Bytes data) {
  const int to = 1 - from;
  Pipe& way = pipe(from);
  Link& over = link(from);
  if (state(to) != EndState::open) {
    push(to, {.kind = ItemKind::reset, .data = {}});
    return;
  }
  std::optional<CutKind> cut_kind;
  if (over.cut_after && data.size() >= over.cut_after->value()) {
    way.held -= data.size() - static_cast<std::size_t>(over.cut_after->value());
    data.resize(static_cast<std::size_t>(over.cut_after->value()));
    cut_kind = over.cut_kind;
    over.cut_after.reset();
  } else if (over.cut_after) {
    *over.cut_after -= ByteCount(std::uint64_t{data.size()});
  }
  over.carried += data.size();
  way.readable += data.size();
  if (!data.empty()) way.arrived.push_back(std::move(data));
  // The receiver sees the bytes before it sees the cut.
  wake(to);
  if (cut_kind) cut(*cut_kind, from);  // the sender is the first named
}

void Connection::wake(int which) {
  End& woken = end(which);
  if (StreamWaiter* reader = woken.reader) reader->look_again();
  if (StreamWaiter* writer = woken.writer) writer->look_again();
}

void Connection::break_end(int which) {
  if (state(which) != EndState::open) return;
  end(which).state = EndState::broken;
  wake(which);
}

void Connection::cut(CutKind kind, int first) {
  const auto keep_alive = shared_from_this();
  severed_ = true;
  world_.trace({.event = TraceEvent::cut, .node = node(first).value, .facts = {.offset = id_}});
  switch (kind) {
    case CutKind::reset:
      break_end(first);
      break_end(1 - first);
      break;
    case CutKind::half_open_first: break_end(first); break;
    case CutKind::half_open_second: break_end(1 - first); break;
    case CutKind::silent: break;
  }
}

void Connection::crash(int end, CrashKind kind) {
  End& gone = this->end(end);
  gone.reader = gone.writer = nullptr;
  if (gone.state == EndState::closed) return;
  Pipe& out = pipe(end);
  if (kind == CrashKind::power_cut) {
    gone.state = EndState::deaf;
    // What left the host is on its way; what was still in its memory is not.
    while (!out.flying.empty() && world_.rng().one_in(2)) out.flying.pop_back();
    return;
  }
  const bool was_open = gone.state == EndState::open;
  gone.state = EndState::closed;
  if (!was_open) return;
  if (readable(end) == 0 && world_.rng().one_in(2)) {
    finish(end);
  } else {
    if (world_.rng().one_in(2)) out.flying.clear();
    push(end, {.kind = ItemKind::reset, .data = {}});
  }
}

void Connection::restart(int end) {
  if (state(end) != EndState::deaf) return;
  this->end(end).state = EndState::closed;
  // The peer's next try reaches a host that knows nothing of this connection.
  if (pipe(1 - end).vanished && !severed_) push(end, {.kind = ItemKind::reset, .data = {}});
}

}  // namespace afterimage::io::sim
