// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <utility>

#include "io/scope.h"
#include "io/sim/incarnation.h"
#include "io/sim/network.h"
#include "io/sim/node.h"
#include "io/sim/world_state.h"

namespace afterimage::io::sim {
namespace {

std::unexpected<Error> broken(const std::string& peer, const char* what) {
  return std::unexpected(system_error(ECONNRESET, what, "the connection to " + peer + " broke"));
}

}  // namespace

NodeStream::NodeStream(Incarnation& life, std::shared_ptr<Connection> connection, int end, std::string peer,
                       std::optional<PeerCredentials> credentials)
    : life_(life), connection_(std::move(connection)), end_(end), peer_(std::move(peer)), credentials_(credentials) {}

void NodeStream::close() {
  if (!life_.is_dead()) connection_->close(end_);
}

class NodeStream::Receive final : public Completion<Result<std::size_t>>,
                                  private PendingOperation,
                                  private StreamWaiter {
 public:
  Receive(NodeStream& stream, Scope& scope, MutableBytes out)
      : Completion(scope, "receive"),
        PendingOperation(stream.life_, {.kind = OperationKind::receive,
                                        .path = stream.peer_,
                                        .offset = stream.connection_->taken(stream.end_),
                                        .bytes = out.size()}),
        connection_(stream.connection_),
        end_(stream.end_),
        peer_(stream.peer_),
        out_(out) {}
  ~Receive() override {
    if (waiting_) connection_->set_reader(end_, nullptr);
  }
  void cancel() noexcept override {
    if (is_complete()) return;
    stop_waiting();
    abandon();
    complete(fail(scope().interruption("receive")));
  }

 private:
  void start() override {
    if (!begin()) return;
    if (injected_error() != 0) {
      connection_->cut(CutKind::reset, end_);
    } else {
      waiting_ = true;
      connection_->set_reader(end_, this);
    }
    look_again();
  }
  void look_again() override {
    if (connection_->state(end_) != EndState::open) {
      end(broken(peer_, "receive"));
    } else if (connection_->has_ended(end_) || out_.empty()) {
      end(std::size_t{0});
    } else if (const std::size_t readable = connection_->readable(end_); readable != 0) {
      // Now and then less than there is: a reader must not count on more than one byte.
      std::size_t count = std::min(readable, out_.size());
      Rng& rng = life().world().rng();
      if (count > 1 && rng.one_in(8)) count = 1 + static_cast<std::size_t>(rng.below(count - 1));
      stop_waiting();
      end(connection_->take(end_, out_.first(count)));
    }
  }
  void end(Result<std::size_t> value) {
    stop_waiting();
    if (finish(value ? *value : 0, !value.has_value())) complete(std::move(value));
  }
  void stop_waiting() {
    if (std::exchange(waiting_, false)) connection_->set_reader(end_, nullptr);
  }

  std::shared_ptr<Connection> connection_;
  int end_;
  std::string peer_;
  MutableBytes out_;
  bool waiting_ = false;
};

class NodeStream::Send final : public Completion<Status>, private PendingOperation, private StreamWaiter {
 public:
  Send(NodeStream& stream, Scope& scope, ByteView data)
      : Completion(scope, "send"),
        PendingOperation(stream.life_, {.kind = OperationKind::send,
                                        .path = stream.peer_,
                                        .offset = stream.connection_->sent(stream.end_),
                                        .bytes = data.size(),
                                        .check = trace_hash_of(data)}),
        connection_(stream.connection_),
        end_(stream.end_),
        peer_(stream.peer_),
        rest_(data) {}
  ~Send() override { stop_waiting(); }
  void cancel() noexcept override {
    if (is_complete()) return;
    stop_waiting();
    abandon();
    complete(fail(scope().interruption("send")));
  }
  void happen_in_crash() override {
    // What fits is with the kernel; whether it leaves the host, the connection decides.
    if (connection_->state(end_) == EndState::open) send_what_fits();
  }

 private:
  void start() override {
    if (!begin()) return;
    if (injected_error() != 0) {
      connection_->cut(CutKind::reset, end_);
    } else {
      waiting_ = true;
      connection_->set_writer(end_, this);
    }
    look_again();
  }
  void look_again() override {
    if (connection_->state(end_) != EndState::open) {
      end(broken(peer_, "send"));
      return;
    }
    send_what_fits();
    if (rest_.empty()) end(Status{});
  }
  void send_what_fits() {
    const std::size_t count = std::min(connection_->room(end_), rest_.size());
    if (count == 0) return;
    connection_->send(end_, rest_.first(count));
    rest_ = rest_.subspan(count);
  }
  void end(Status value) {
    stop_waiting();
    if (finish(facts().bytes - rest_.size(), !value.has_value())) complete(std::move(value));
  }
  void stop_waiting() {
    if (std::exchange(waiting_, false)) connection_->set_writer(end_, nullptr);
  }

  std::shared_ptr<Connection> connection_;
  int end_;
  std::string peer_;
  ByteView rest_;
  bool waiting_ = false;
};

Task<Result<std::size_t>> NodeStream::read_some(Scope& scope, MutableBytes out) {
  Receive receive(*this, scope, out);
  co_return co_await receive;
}

Task<Status> NodeStream::write(Scope& scope, ByteView data) {
  Send send(*this, scope, data);
  co_return co_await send;
}

namespace {

// Ends our direction; it takes no time.
class Shutdown final : public Completion<Status>, private PendingOperation {
 public:
  Shutdown(Incarnation& life, Scope& scope, Connection& connection, int end, const std::string& peer)
      : Completion(scope, "shutdown"),
        PendingOperation(life, {.kind = OperationKind::shutdown, .path = peer}),
        connection_(connection),
        end_(end),
        peer_(peer) {}
  void cancel() noexcept override {
    if (!is_complete()) complete(fail(scope().interruption("shutdown")));
  }

 private:
  void start() override {
    if (!begin()) return;
    if (injected_error() != 0) connection_.cut(CutKind::reset, end_);
    Status value;
    if (connection_.state(end_) == EndState::open) {
      connection_.finish(end_);
    } else {
      value = broken(peer_, "shutdown");
    }
    if (finish(0, !value.has_value())) complete(std::move(value));
  }

  Connection& connection_;
  int end_;
  const std::string& peer_;
};

}  // namespace

Task<Status> NodeStream::shutdown_write(Scope& scope) {
  Shutdown shutdown(life_, scope, *connection_, end_, peer_);
  co_return co_await shutdown;
}

}  // namespace afterimage::io::sim
