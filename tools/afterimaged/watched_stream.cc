// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/watched_stream.h"

#include <utility>

#include "io/base/check.h"

namespace afterimage::daemon {
namespace {

const tls::PeerIdentity& identity_of(const tls::TlsStream& stream) {
  AFI_CHECK(stream.identity().has_value());
  return *stream.identity();
}

}  // namespace

WatchedStream::WatchedStream(std::unique_ptr<tls::TlsStream> stream, LiveSessions& sessions)
    : LiveSession(identity_of(*stream)), stream_(std::move(stream)) {
  sessions.add(*this);
}

io::Task<Result<std::size_t>> WatchedStream::read_some(io::Scope& scope, MutableBytes out) {
  if (ended_) co_return fail(*ended_);
  auto reading = stream_->read_some(scope, out);
  auto count = co_await reading;
  if (ended_) co_return fail(*ended_);
  co_return count;
}

io::Task<Status> WatchedStream::write(io::Scope& scope, ByteView data) {
  if (ended_) co_return fail(*ended_);
  auto writing = stream_->write(scope, data);
  Status status = co_await writing;
  if (ended_) co_return fail(*ended_);
  co_return status;
}

io::Task<Status> WatchedStream::shutdown_write(io::Scope& scope) {
  if (ended_) co_return fail(*ended_);
  auto ending = stream_->shutdown_write(scope);
  co_return co_await ending;
}

void WatchedStream::end(const Error& reason) {
  if (!ended_) ended_ = reason;
  stream_->close();
}

}  // namespace afterimage::daemon
