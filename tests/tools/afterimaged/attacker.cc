// SPDX-License-Identifier: Apache-2.0
#include "tests/tools/afterimaged/attacker.h"

#include <algorithm>
#include <array>
#include <utility>

namespace afterimage::daemon::test {

using tls::forge::RawPeer;

namespace {

constexpr Duration patience = std::chrono::seconds(20);
constexpr std::size_t answer_bytes_max = 64 * 1024;

class Attacker {
 public:
  Attacker(std::unique_ptr<io::Stream> stream, const Attack& attack, RawPeer::Role role)
      : stream_(std::move(stream)), attack_(attack), peer_(role), role_(role) {
    if (attack.leaf) peer_.use(*attack.leaf, *attack.key);
    for (const tls::Certificate& other : attack.chain) SSL_CTX_add1_chain_cert(peer_.context(), other.handle());
    if (role == RawPeer::Role::client && !attack.alpn.value_or("").empty()) peer_.offer(*attack.alpn);
    attack.tweak(peer_.context());
  }
  [[nodiscard]] io::Task<std::string> say_bytes(io::Scope& scope);
  [[nodiscard]] io::Task<std::string> speak_tls(io::Scope& scope);

 private:
  enum class Moved { on, ended };
  [[nodiscard]] io::Task<Moved> send(io::Scope& scope);
  [[nodiscard]] io::Task<Moved> receive(io::Scope& scope);
  [[nodiscard]] bool step();

  std::unique_ptr<io::Stream> stream_;
  const Attack& attack_;
  RawPeer peer_;
  RawPeer::Role role_;
  std::size_t sent_ = 0;
  int flights_ = 0;
  bool is_shaken_ = false;
  bool has_asked_ = false;
  std::string answer_, reason_;
};

io::Task<std::string> Attacker::say_bytes(io::Scope& scope) {
  auto writing = stream_->write(scope, view_of(*attack_.bytes));
  static_cast<void>(co_await writing);
  std::array<std::byte, 4096> buffer{};
  for (std::size_t got = 0; got < answer_bytes_max;) {
    auto reading = stream_->read_some(scope, buffer);
    const auto count = co_await reading;
    if (!count || *count == 0) break;
    got += *count;
  }
  co_return "(end)";
}

// As far as OpenSSL gets with what it has. False: it has failed, or all is said.
bool Attacker::step() {
  ERR_clear_error();
  SSL* ssl = peer_.ssl();
  int result = is_shaken_ ? 1 : SSL_do_handshake(ssl);
  if (result == 1) {
    is_shaken_ = true;
    if (!std::exchange(has_asked_, true) && !attack_.request.empty())
      SSL_write(ssl, attack_.request.data(), static_cast<int>(attack_.request.size()));
    std::array<char, 4096> buffer{};
    while ((result = SSL_read(ssl, buffer.data(), buffer.size())) > 0)
      answer_.append(buffer.data(), static_cast<std::size_t>(result));
  }
  const int why = SSL_get_error(ssl, result);
  if (why == SSL_ERROR_WANT_READ) return answer_.size() < answer_bytes_max;
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  reason_ = reason == nullptr ? "" : reason;
  ERR_clear_error();
  return false;
}

io::Task<Attacker::Moved> Attacker::send(io::Scope& scope) {
  const Bytes bytes = peer_.take_output();
  if (bytes.empty()) co_return Moved::on;
  if (role_ == RawPeer::Role::client && ++flights_ == 2) attack_.before_last_flight();
  const std::size_t count = std::min(bytes.size(), attack_.cut_after - sent_);
  auto writing = stream_->write(scope, ByteView(bytes).first(count));
  const Status written = co_await writing;
  sent_ += count;
  co_return written&& sent_ < attack_.cut_after ? Moved::on : Moved::ended;
}

io::Task<Attacker::Moved> Attacker::receive(io::Scope& scope) {
  std::array<std::byte, 16384> buffer{};
  auto reading = stream_->read_some(scope, buffer);
  const auto count = co_await reading;
  if (!count || *count == 0) co_return Moved::ended;
  peer_.give(ByteView(buffer).first(*count));
  co_return Moved::on;
}

io::Task<std::string> Attacker::speak_tls(io::Scope& scope) {
  for (;;) {
    const bool goes_on = step();
    auto sending = send(scope);
    const Moved sent = co_await sending;
    if (!goes_on || sent == Moved::ended) break;
    auto receiving = receive(scope);
    const Moved received = co_await receiving;
    if (received == Moved::ended) break;
  }
  if (!reason_.empty()) co_return reason_;
  co_return answer_.empty() ? "(end)" : answer_;
}

}  // namespace

io::Task<std::string> play(io::Scope& scope, std::unique_ptr<io::Stream> stream, const Attack& attack,
                           RawPeer::Role role) {
  io::Scope bounded(scope, patience);
  Attacker attacker(std::move(stream), attack, role);
  auto playing = attack.bytes ? attacker.say_bytes(bounded) : attacker.speak_tls(bounded);
  co_return co_await playing;
}

}  // namespace afterimage::daemon::test
