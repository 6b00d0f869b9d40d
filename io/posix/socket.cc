// SPDX-License-Identifier: Apache-2.0
#include "io/posix/socket.h"

#include <utility>

#include "io/base/check.h"
#include "io/posix/connection.h"

namespace afterimage::io::posix {

Result<std::shared_ptr<Socket>> Socket::adopt(EventReactor& reactor, UniqueFd fd, std::string peer) {
  std::shared_ptr<Socket> socket(new Socket(reactor, std::move(fd), std::move(peer)));
  const Status watched = reactor.watch(socket->fd(), EPOLLIN | EPOLLOUT | EPOLLRDHUP, *socket);
  if (!watched) {
    socket->fd_.reset();  // before close() would unwatch it
    return std::unexpected(watched.error());
  }
  return socket;
}

Socket::~Socket() { close(); }

void Socket::close() {
  if (is_closed()) return;
  reactor_.unwatch(fd_.get(), *this);
  fd_.reset();
  for (const Direction direction : {Direction::read, Direction::write}) {
    Readiness* waiting = std::exchange(slot(direction), nullptr);
    if (waiting != nullptr) waiting->complete(fail_closed(peer_));
  }
}

void Socket::on_events(std::uint32_t events) {
  constexpr std::uint32_t broken = EPOLLERR | EPOLLHUP;
  if ((events & (EPOLLIN | EPOLLRDHUP | broken)) != 0 && reader_ != nullptr) {
    std::exchange(reader_, nullptr)->complete(Status{});
  }
  if ((events & (EPOLLOUT | broken)) != 0 && writer_ != nullptr) std::exchange(writer_, nullptr)->complete(Status{});
}

void Socket::Readiness::start() {
  if (socket_.is_closed()) {
    complete(fail_closed(socket_.peer()));
    return;
  }
  Readiness*& slot = socket_.slot(direction_);
  AFI_CHECK(slot == nullptr);  // one task a direction
  slot = this;
}

void Socket::Readiness::cancel() noexcept {
  leave();
  complete(fail(scope().interruption(name)));
}

void Socket::Readiness::leave() noexcept {
  Readiness*& slot = socket_.slot(direction_);
  if (slot == this) slot = nullptr;
}

}  // namespace afterimage::io::posix
