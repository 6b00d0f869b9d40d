// SPDX-License-Identifier: Apache-2.0
#include "transport/tls/tls_stream.h"

#include <algorithm>
#include <utility>

namespace afterimage::tls {
namespace {

constexpr std::size_t incoming_bytes_min = TlsStream::incoming_bytes_min;
constexpr std::size_t incoming_bytes_max = 64 * 1024;
constexpr std::size_t output_bytes_high = 64 * 1024;  // ciphertext that is sent before more is made
constexpr Duration leave_timeout = std::chrono::seconds(1);
constexpr std::size_t leave_bytes_max = 64 * 1024;

Error with_peer(Error error, const std::string& peer, Duration timeout) {
  if (error.code == ErrorCode::timed_out && error.detail.empty()) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout).count();
    error.detail = "the TLS handshake was not finished within " + std::to_string(seconds) + " seconds";
  }
  error.detail = peer + ": " + error.text();
  return error;
}

// A server makes nothing of TLS before a client has said something: who only holds a connection costs a socket.
io::Task<Result<Bytes>> first_bytes(io::Scope& scope, io::Stream& raw) {
  Bytes bytes(incoming_bytes_min);
  AFI_CO_TRY(const std::size_t count, raw.read_some(scope, MutableBytes(bytes)));
  if (count == 0) {
    co_return fail(ErrorCode::unreachable, "TLS",
                   "the peer closed the connection during the TLS handshake, before it said a word");
  }
  bytes.resize(count);
  co_return bytes;
}

}  // namespace

TlsStream::TlsStream(std::unique_ptr<io::Stream> raw, TlsEngine engine)
    : raw_(std::move(raw)), engine_(std::move(engine)) {}

io::Task<Result<std::unique_ptr<TlsStream>>> TlsStream::establish(io::Scope& scope, std::unique_ptr<io::Stream> raw,
                                                                  std::shared_ptr<const TlsContext> context,
                                                                  EstablishOptions options) {
  io::Scope phase(scope, options.timeout);
  Bytes first;
  if (context->options().side == Side::server) {
    auto waiting = first_bytes(phase, *raw);
    auto came = co_await waiting;
    if (!came) co_return std::unexpected(with_peer(std::move(came).error(), raw->peer(), options.timeout));
    first = std::move(*came);
  }
  AFI_CO_RESULT(TlsEngine engine,
                TlsEngine::create(std::move(context), {.expected = options.expected, .now = options.now}));
  AFI_CO_STATUS(engine.feed(first));
  std::unique_ptr<TlsStream> stream(new TlsStream(std::move(raw), std::move(engine)));
  auto shaking = stream->shake_hands(phase);
  auto shaken = co_await shaking;
  if (shaken) co_return std::move(stream);
  Error error = with_peer(std::move(shaken).error(), stream->peer(), options.timeout);
  auto leaving = stream->take_leave(phase);
  co_await leaving;
  stream->close();
  co_return std::unexpected(std::move(error));
}

io::Task<Status> TlsStream::shake_hands(io::Scope& scope) {
  for (;;) {
    const auto step = engine_.handshake();
    if (!step) co_return std::unexpected(step.error());  // the alert is sent by take_leave
    AFI_CO_TRY_STATUS(send_output(scope));
    if (*step == Handshake::done) co_return Status{};
    AFI_CO_TRY_STATUS(receive(scope));
  }
}

// One read of ciphertext, or the end of it, into the engine.
io::Task<Status> TlsStream::receive(io::Scope& scope) {
  AFI_CO_RESULT(const MutableBytes room, engine_.room(incoming_bytes_));
  AFI_CO_TRY(const std::size_t count, raw_->read_some(scope, room));
  if (count == 0) {
    engine_.feed_end();
    co_return Status{};
  }
  engine_.fed(count);
  // A full read tells that more is waiting.
  if (count == incoming_bytes_ && count < incoming_bytes_max) incoming_bytes_ = count * 4;
  co_return Status{};
}

io::Task<Status> TlsStream::send_output(io::Scope& scope) {
  if (is_sending_) co_return fail(ErrorCode::unreachable, "write to a TLS stream", "the connection is broken");
  while (engine_.has_output()) {
    Bytes output = engine_.take_output(std::exchange(spare_, {}));
    is_sending_ = true;  // and stays so when this frame is destroyed in the middle: what was sent ends anywhere
    AFI_CO_TRY_STATUS(raw_->write(scope, ByteView(output)));
    is_sending_ = false;
    spare_ = std::move(output);
  }
  co_return Status{};
}

io::Task<Result<std::size_t>> TlsStream::read_some(io::Scope& scope, MutableBytes out) {
  for (;;) {
    const auto outcome = engine_.read(out);
    if (!outcome) {
      auto alerting = send_alert(scope);
      co_await alerting;
      co_return std::unexpected(outcome.error());
    }
    if (outcome->kind == ReadOutcome::Kind::bytes) co_return outcome->count;
    if (outcome->kind == ReadOutcome::Kind::end) co_return std::size_t{0};
    AFI_CO_TRY_STATUS(receive(scope));
  }
}

io::Task<Status> TlsStream::encrypt(io::Scope& scope, ByteView data) {
  while (!data.empty()) {
    const ByteView step = data.first(std::min(data.size(), output_bytes_high));
    AFI_CO_STATUS(engine_.write(step));
    AFI_CO_TRY_STATUS(send_output(scope));
    data = data.subspan(step.size());
  }
  co_return Status{};
}

io::Task<Status> TlsStream::write(io::Scope& scope, ByteView data) { return encrypt(scope, data); }

io::Task<Status> TlsStream::write_parts(io::Scope& scope, std::span<const ByteView> parts) {
  for (ByteView part : parts) {
    while (!part.empty()) {
      if (gathered_.empty() && part.size() >= engine_step_bytes) {
        const ByteView whole = part.first(part.size() / engine_step_bytes * engine_step_bytes);
        AFI_CO_TRY_STATUS(encrypt(scope, whole));
        part = part.subspan(whole.size());
        continue;
      }
      const std::size_t count = std::min(part.size(), engine_step_bytes - gathered_.size());
      gathered_.insert(gathered_.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(count));
      part = part.subspan(count);
      if (gathered_.size() < engine_step_bytes) continue;
      const Bytes record = std::exchange(gathered_, {});
      AFI_CO_TRY_STATUS(encrypt(scope, record));
    }
  }
  const Bytes rest = std::exchange(gathered_, {});
  AFI_CO_TRY_STATUS(encrypt(scope, rest));
  co_return Status{};
}

io::Task<Status> TlsStream::shutdown_write(io::Scope& scope) {
  AFI_CO_STATUS(engine_.close_write());
  AFI_CO_TRY_STATUS(send_output(scope));
  AFI_CO_TRY_STATUS(raw_->shutdown_write(scope));
  co_return Status{};
}

void TlsStream::close() { raw_->close(); }

std::string TlsStream::peer() const { return raw_->peer(); }

// After a failed read: what the peer is to hear of it. A writer that is held up goes first, and takes the alert along
// if it gets on; any other fails: in the engine, or because the alert is being sent.
io::Task<void> TlsStream::send_alert(io::Scope& scope) {
  if (is_sending_ || !engine_.has_output()) co_return;
  io::Scope brief(scope, leave_timeout);
  auto sending = send_output(brief);
  static_cast<void>(co_await sending);
}

// After a failed handshake: the alert, our end, and then what the peer still sends, so that the kernel does not answer
// unread bytes with a reset that would overtake the alert.
io::Task<void> TlsStream::take_leave(io::Scope& scope) {
  io::Scope brief(scope, leave_timeout);
  auto alerting = send_output(brief);
  auto alerted = co_await alerting;
  if (!alerted) co_return;
  auto ending = raw_->shutdown_write(brief);
  auto ended = co_await ending;
  if (!ended) co_return;
  Bytes ignored(incoming_bytes_min);
  for (std::size_t drained = 0; drained < leave_bytes_max;) {
    auto reading = raw_->read_some(brief, MutableBytes(ignored));
    auto count = co_await reading;
    if (!count || *count == 0) co_return;
    drained += *count;
  }
}

}  // namespace afterimage::tls
