// SPDX-License-Identifier: Apache-2.0
// NodeNetwork, NodeListener, NodeStream: the contract of io/network.h over the world's switchboard. A host name is the
// name of a node. Thread: the world's.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "io/list.h"
#include "io/network.h"
#include "io/sim/switchboard.h"

namespace afterimage::io::sim {

class Incarnation;

class NodeStream final : public Stream {
 public:
  NodeStream(Incarnation& life, std::shared_ptr<Connection> connection, int end, std::string peer,
             std::optional<PeerCredentials> credentials);
  ~NodeStream() override { NodeStream::close(); }

  Task<Result<std::size_t>> read_some(Scope& scope, MutableBytes out) override;
  Task<Status> write(Scope& scope, ByteView data) override;
  Task<Status> shutdown_write(Scope& scope) override;
  void close() override;
  [[nodiscard]] std::string peer() const override { return peer_; }
  [[nodiscard]] std::optional<PeerCredentials> credentials() const override { return credentials_; }

 private:
  class Receive;
  class Send;

  Incarnation& life_;
  std::shared_ptr<Connection> connection_;
  int end_;
  std::string peer_;
  std::optional<PeerCredentials> credentials_;
};

// A connection that was made and not yet accepted.
struct Arrival {
  std::shared_ptr<Connection> connection;
  std::string peer;
  std::optional<PeerCredentials> credentials;
};

class NodeListener final : public Listener {
 public:
  NodeListener(Incarnation& life, Endpoint local, Address address);
  ~NodeListener() override;

  Task<Result<std::unique_ptr<Stream>>> accept(Scope& scope) override;
  [[nodiscard]] Endpoint local() const override { return local_; }

  [[nodiscard]] bool is_full() const { return backlog_.size() >= backlog_max; }
  void offer(Arrival arrival);

 private:
  static constexpr std::size_t backlog_max = 128;
  class Accept;
  struct WaitTag;
  class Waiting : public ListNode<WaitTag> {
   public:
    virtual void look_again() = 0;

   protected:
    ~Waiting() = default;
  };

  Incarnation& life_;
  Endpoint local_;
  Address address_;
  std::deque<Arrival> backlog_;
  List<Waiting, WaitTag> waiting_;
};

class NodeNetwork final : public Network {
 public:
  explicit NodeNetwork(Incarnation& life) : life_(life) {}
  Task<Result<std::unique_ptr<Stream>>> connect(Scope& scope, Endpoint to) override;
  Task<Result<std::unique_ptr<Listener>>> listen(Scope& scope, Endpoint at) override;

 private:
  class Connect;
  Incarnation& life_;
};

}  // namespace afterimage::io::sim
