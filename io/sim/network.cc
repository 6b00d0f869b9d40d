// SPDX-License-Identifier: Apache-2.0
#include "io/sim/network.h"

#include <cerrno>
#include <utility>

#include "io/scope.h"
#include "io/sim/incarnation.h"
#include "io/sim/node.h"
#include "io/sim/world_state.h"

namespace afterimage::io::sim {
namespace {

constexpr int connect_attempts_max = 7;  // after 1, 2, 4 ... 32 seconds more; then the kernel gives up

std::unexpected<Error> refused(int error, const Endpoint& to) {
  const char* why = error == ETIMEDOUT      ? " does not answer"
                    : error == EHOSTUNREACH ? " is not known"
                                            : " refuses the connection";
  return std::unexpected(system_error(error, "connect", to.text() + why));
}

}  // namespace

// --- Connecting.

class NodeNetwork::Connect final : public Completion<Result<std::unique_ptr<Stream>>>,
                                   private PendingOperation,
                                   private Event {
 public:
  Connect(Incarnation& life, Scope& scope, const Endpoint& to, const std::string& path)
      : Completion(scope, "connect"), PendingOperation(life, {.kind = OperationKind::connect, .path = path}), to_(to) {}
  void cancel() noexcept override {
    if (is_complete()) return;
    Event::withdraw();
    abandon();
    complete(fail(scope().interruption("connect")));
  }

 private:
  void start() override {
    if (begin()) wait(one_way());
  }
  [[nodiscard]] Duration one_way() {
    WorldState& world = life().world();
    Node* target = find_target();
    const Delay delay = target == nullptr ? world.options().network_delay
                                          : world.switchboard().link(life().node().id, target->id).delay;
    return world.rng().between(delay.min, delay.max);
  }
  void wait(Duration duration) { life().world().schedule(*this, duration); }
  [[nodiscard]] Node* find_target() {
    if (!to_.unix_path.empty() || to_.host == "localhost" || to_.host == "127.0.0.1" || to_.host == "::1") {
      return &life().node();
    }
    return life().world().find_node(to_.host);
  }

  void fire() override {
    if (life().is_dead()) return;
    if (made_) {
      end(std::move(made_));
      return;
    }
    if (injected_error() != 0) {
      end(refused(ECONNRESET, to_));
      return;
    }
    Node* target = find_target();
    if (target == nullptr) {
      end(refused(EHOSTUNREACH, to_));
      return;
    }
    Switchboard& switchboard = life().world().switchboard();
    const Link& link = switchboard.link(life().node().id, target->id);
    NodeListener* listener =
        switchboard.find_listener({.node = target->id, .port = to_.port, .unix_path = to_.unix_path});
    if (!target->has_power || link.partition == PartitionKind::silent || (listener != nullptr && listener->is_full())) {
      try_later();
    } else if (listener == nullptr || link.partition == PartitionKind::refused) {
      end(refused(ECONNREFUSED, to_));
    } else {
      meet(*target, *listener);
    }
  }
  void try_later() {
    if (++attempts_ == connect_attempts_max) {
      end(refused(ETIMEDOUT, to_));
    } else {
      wait(std::chrono::seconds(1LL << (attempts_ - 1)));
    }
  }
  void meet(Node& target, NodeListener& listener) {
    Switchboard& switchboard = life().world().switchboard();
    Node& here = life().node();
    const auto connection = switchboard.connect(here.id, target.id);
    std::optional<PeerCredentials> mine;
    std::optional<PeerCredentials> theirs;
    std::string from = here.name + ":" + std::to_string(switchboard.free_port(here.id));
    if (!to_.unix_path.empty()) {
      mine = theirs = PeerCredentials{.process = static_cast<std::int32_t>(1000 + life().number())};
      from = "unix:" + to_.unix_path;
    }
    made_ = std::make_unique<NodeStream>(life(), connection, 0, to_.text(), theirs);
    listener.offer({.connection = connection, .peer = from, .credentials = mine});
    wait(one_way());  // the answer has its way, too
  }
  void end(Result<std::unique_ptr<Stream>> value) {
    if (finish(0, !value.has_value())) complete(std::move(value));
  }

  const Endpoint& to_;
  int attempts_ = 0;
  std::unique_ptr<Stream> made_;
};

Task<Result<std::unique_ptr<Stream>>> NodeNetwork::connect(Scope& scope, Endpoint to) {
  const std::string path = to.text();
  Connect connecting(life_, scope, to, path);
  co_return co_await connecting;
}

// --- Listening.

Task<Result<std::unique_ptr<Listener>>> NodeNetwork::listen(Scope& scope, Endpoint at) {
  AFI_CO_STATUS(scope.check());
  if (life_.is_dead()) co_return fail(ErrorCode::unreachable, "listen on a host that is down");
  Switchboard& switchboard = life_.world().switchboard();
  const NodeId node = life_.node().id;
  if (at.unix_path.empty() && at.port == 0) at.port = switchboard.free_port(node);
  const Address address{.node = node, .port = at.port, .unix_path = at.unix_path};
  if (switchboard.find_listener(address) != nullptr) {
    co_return std::unexpected(system_error(EBUSY, "listen", "somebody listens on " + at.text() + " already"));
  }
  co_return std::make_unique<NodeListener>(life_, std::move(at), address);
}

NodeListener::NodeListener(Incarnation& life, Endpoint local, Address address)
    : life_(life), local_(std::move(local)), address_(std::move(address)) {
  AFI_CHECK(life_.world().switchboard().add_listener(address_, *this));
}

NodeListener::~NodeListener() {
  if (life_.is_dead()) return;
  life_.world().switchboard().remove_listener(address_);
  for (const Arrival& arrival : backlog_) arrival.connection->close(1);
}

class NodeListener::Accept final : public Completion<Result<std::unique_ptr<Stream>>>,
                                   private PendingOperation,
                                   public Waiting {
 public:
  Accept(NodeListener& listener, Scope& scope, const std::string& path)
      : Completion(scope, "accept"),
        PendingOperation(listener.life_, {.kind = OperationKind::accept, .path = path}),
        listener_(listener) {}
  void cancel() noexcept override {
    if (is_complete()) return;
    ListNode<WaitTag>::unlink();
    abandon();
    complete(fail(scope().interruption("accept")));
  }

 private:
  void start() override {
    if (!begin()) return;
    if (injected_error() != 0) {
      end(std::unexpected(system_error(ECONNABORTED, "accept", "the connection was aborted before it was accepted")));
      return;
    }
    listener_.waiting_.push_back(*this);
    look_again();
  }
  void look_again() override {
    if (listener_.backlog_.empty()) return;
    ListNode<WaitTag>::unlink();
    Arrival arrival = std::move(listener_.backlog_.front());
    listener_.backlog_.pop_front();
    end(std::make_unique<NodeStream>(life(), std::move(arrival.connection), 1, std::move(arrival.peer),
                                     arrival.credentials));
  }
  void end(Result<std::unique_ptr<Stream>> value) {
    if (finish(0, !value.has_value())) complete(std::move(value));
  }

  NodeListener& listener_;
};

void NodeListener::offer(Arrival arrival) {
  backlog_.push_back(std::move(arrival));
  if (Waiting* first = waiting_.front()) first->look_again();
}

Task<Result<std::unique_ptr<Stream>>> NodeListener::accept(Scope& scope) {
  const std::string path = local_.text();
  Accept accepting(*this, scope, path);
  co_return co_await accepting;
}

}  // namespace afterimage::io::sim
