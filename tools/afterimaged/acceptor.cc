// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/acceptor.h"

#include <utility>

namespace afterimage::daemon {
namespace {

constexpr Duration pause_after_failure = std::chrono::seconds(1);

}  // namespace

Acceptor::Acceptor(io::Reactor& reactor, std::string name, ConnectionHandler& handler, Log& log)
    : name_(std::move(name)), handler_(handler), log_(log), accepting_(reactor), serving_(reactor), tasks_(reactor) {}

void Acceptor::start(std::unique_ptr<io::Listener> listener) {
  listener_ = std::move(listener);
  tasks_.spawn(accept_all());
}

io::Task<void> Acceptor::accept_all() {
  std::string said;
  while (!accepting_.is_interrupted()) {
    auto accepting = listener_->accept(accepting_);
    auto stream = co_await accepting;
    if (stream) {
      said.clear();
      tasks_.spawn(handler_.serve(serving_, std::move(*stream)));
      continue;
    }
    if (accepting_.is_interrupted()) break;
    // Each new trouble is said once, not each second.
    const std::string text = stream.error().text();
    if (text != said) log_.error("cannot take a connection on " + name_ + ": " + text + "; trying on");
    said = text;
    auto pausing = io::sleep_for(accepting_, pause_after_failure);
    const Status paused = co_await pausing;
    if (!paused) break;
  }
}

io::Task<void> Acceptor::stop() {
  accepting_.cancel();
  serving_.cancel();
  auto joining = tasks_.join();
  co_await joining;
  listener_.reset();
}

}  // namespace afterimage::daemon
