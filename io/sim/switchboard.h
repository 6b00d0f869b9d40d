// SPDX-License-Identifier: Apache-2.0
// Switchboard: who listens where, which connections there are, and in what state the links between the nodes are.
// Thread: the world's.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "io/sim/connection.h"
#include "io/sim/operation.h"
#include "io/sim/world.h"

namespace afterimage::io::sim {

class NodeListener;
class WorldState;

// One direction between two nodes.
struct Link {
  Delay delay;
  std::uint64_t bytes_per_second = 0;  // 0: unlimited
  std::optional<PartitionKind> partition = {};
  std::optional<ByteCount> cut_after = {};  // bytes that may still arrive
  CutKind cut_kind = CutKind::reset;
  std::uint64_t carried = 0;
  std::uint64_t connections = 0;
};

// Where one listens on a node: a port, or the path of a unix socket.
struct Address {
  NodeId node;
  std::uint16_t port = 0;
  std::string unix_path = {};
  auto operator<=>(const Address&) const = default;
};

class Switchboard {
 public:
  explicit Switchboard(WorldState& world) : world_(world) {}

  [[nodiscard]] Link& link(NodeId from, NodeId to);
  [[nodiscard]] std::uint16_t free_port(NodeId node);

  // False if somebody listens there.
  [[nodiscard]] bool add_listener(const Address& address, NodeListener& listener);
  void remove_listener(const Address& address) { listeners_.erase(address); }
  [[nodiscard]] NodeListener* find_listener(const Address& address) const;

  [[nodiscard]] std::shared_ptr<Connection> connect(NodeId from, NodeId to);
  void heal(NodeId a, NodeId b);
  void cut(NodeId first, NodeId second, CutKind kind);
  void crash(NodeId node, CrashKind kind);
  void restart(NodeId node);

 private:
  // Calls action(connection) on those there are, in the order they were made.
  template <typename Action>
  void for_each_connection(const Action& action);

  WorldState& world_;
  std::map<std::pair<NodeId, NodeId>, Link> links_;
  std::map<Address, NodeListener*> listeners_;
  std::map<std::uint64_t, std::weak_ptr<Connection>> connections_;
  std::uint64_t last_connection_ = 0;
  std::uint16_t last_port_ = 40'000;
};

}  // namespace afterimage::io::sim
