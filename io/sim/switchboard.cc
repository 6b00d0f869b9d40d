// SPDX-License-Identifier: Apache-2.0
#include "io/sim/switchboard.h"

#include "io/sim/world_state.h"

namespace afterimage::io::sim {

Link& Switchboard::link(NodeId from, NodeId to) {
  const auto key = std::pair(from, to);
  const auto found = links_.find(key);
  if (found != links_.end()) return found->second;
  return links_.emplace(key, Link{.delay = world_.options().network_delay}).first->second;
}

std::uint16_t Switchboard::free_port(NodeId node) {
  do {
    last_port_ = last_port_ == 65'535 ? 40'000 : static_cast<std::uint16_t>(last_port_ + 1);
  } while (find_listener({.node = node, .port = last_port_}) != nullptr);
  return last_port_;
}

bool Switchboard::add_listener(const Address& address, NodeListener& listener) {
  return listeners_.emplace(address, &listener).second;
}

NodeListener* Switchboard::find_listener(const Address& address) const {
  const auto found = listeners_.find(address);
  return found == listeners_.end() ? nullptr : found->second;
}

std::shared_ptr<Connection> Switchboard::connect(NodeId from, NodeId to) {
  std::erase_if(connections_, [](const auto& entry) { return entry.second.expired(); });
  auto connection = std::make_shared<Connection>(world_, ++last_connection_, from, to);
  connections_.emplace(connection->id(), connection);
  ++link(from, to).connections;
  return connection;
}

template <typename Action>
void Switchboard::for_each_connection(const Action& action) {
  for (const auto& [id, weak] : connections_) {
    if (const auto connection = weak.lock()) action(*connection);
  }
}

void Switchboard::heal(NodeId a, NodeId b) {
  link(a, b).partition.reset();
  link(b, a).partition.reset();
  for_each_connection([](Connection& connection) { connection.heal(); });
}

void Switchboard::cut(NodeId first, NodeId second, CutKind kind) {
  for_each_connection([&](Connection& connection) {
    if (connection.node(0) == first && connection.node(1) == second) {
      connection.cut(kind, 0);
    } else if (connection.node(0) == second && connection.node(1) == first) {
      connection.cut(kind, 1);
    }
  });
}

void Switchboard::crash(NodeId node, CrashKind kind) {
  std::erase_if(listeners_, [&](const auto& entry) { return entry.first.node == node; });
  for_each_connection([&](Connection& connection) {
    for (const int end : {0, 1}) {
      if (connection.node(end) == node) connection.crash(end, kind);
    }
  });
}

void Switchboard::restart(NodeId node) {
  for_each_connection([&](Connection& connection) {
    for (const int end : {0, 1}) {
      if (connection.node(end) == node) connection.restart(end);
    }
  });
}

}  // namespace afterimage::io::sim
