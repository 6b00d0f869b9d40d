// SPDX-License-Identifier: Apache-2.0
// Socket: a non-blocking descriptor under epoll, edge-triggered, with at most one task that waits to read and one that
// waits to write. A call is tried first; only when it would block does its task wait, so that no wake-up is lost.
// Frames hold it by shared_ptr: a stream may die while a task that it served is still to be resumed.
// Thread: the reactor's.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "io/posix/event_reactor.h"
#include "io/scope.h"

namespace afterimage::io::posix {

class Socket final : public Watch {
 public:
  // Takes a descriptor that is non-blocking; `peer` names the other end in messages.
  [[nodiscard]] static Result<std::shared_ptr<Socket>> adopt(EventReactor& reactor, UniqueFd fd, std::string peer);
  ~Socket() override;

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] EventReactor& reactor() const { return reactor_; }
  [[nodiscard]] const std::string& peer() const { return peer_; }
  [[nodiscard]] bool is_closed() const { return !fd_.is_open(); }

  // Closes the descriptor; waiting tasks end with `unreachable`.
  void close();

  // Waits until something has happened in this direction since the last wait; spurious returns are possible. Also the
  // scope's interruption, or `unreachable` when closed.
  enum class Direction : unsigned char { read, write };
  class Readiness;

  void on_events(std::uint32_t events) override;

 private:
  Socket(EventReactor& reactor, UniqueFd fd, std::string peer)
      : reactor_(reactor), fd_(std::move(fd)), peer_(std::move(peer)) {}
  [[nodiscard]] Readiness*& slot(Direction direction) { return direction == Direction::read ? reader_ : writer_; }

  EventReactor& reactor_;
  UniqueFd fd_;
  std::string peer_;
  Readiness* reader_ = nullptr;
  Readiness* writer_ = nullptr;
};

// Awaited once, by name, in a frame that holds the socket.
class Socket::Readiness final : public Completion<Status> {
 public:
  Readiness(Scope& scope, Socket& socket, Direction direction, const char* operation_name)
      : Completion(scope, operation_name), socket_(socket), direction_(direction) {}
  ~Readiness() override { leave(); }
  void cancel() noexcept override;

 private:
  friend class Socket;
  void start() override;
  void leave() noexcept;
  Socket& socket_;
  Direction direction_;
};

}  // namespace afterimage::io::posix
