// SPDX-License-Identifier: Apache-2.0
#include "transport/tls/tls_engine.h"

#include <algorithm>

#include "transport/tls/byte_bio.h"
#include "transport/tls/handshake_notes.h"
#include "transport/tls/openssl.h"
#include "transport/tls/tls_failure.h"

namespace afterimage::tls {
namespace {

constexpr std::size_t answer_bytes_max = 16 * 1024;  // to key updates of a peer to which nobody writes
constexpr std::size_t input_bytes_max = 256 * 1024;  // unread ciphertext; a caller that feeds more does not read

}  // namespace

struct TlsEngine::State {
  std::shared_ptr<const TlsContext> context;
  HandshakeNotes notes;
  ByteSource input;
  Bytes output;
  std::size_t answer_bytes = 0;  // that reading has added to the output since it was taken
  OpensslPtr<SSL> ssl;           // reads from the one and writes to the other
  std::optional<Error> failed;
  bool is_established = false;
  bool has_said_goodbye = false;

  [[nodiscard]] std::unexpected<Error> fail_with(Error error) {
    if (!failed.has_value()) failed = std::move(error);
    return std::unexpected<Error>(*failed);
  }
  [[nodiscard]] Status check_established() {
    if (failed.has_value()) return std::unexpected<Error>(*failed);
    if (!is_established) return fail(ErrorCode::internal, "use TLS before its handshake");
    return {};
  }
  [[nodiscard]] Status check_outcome();
};

// What no callback can refuse: checked once more when OpenSSL says that all is well.
Status TlsEngine::State::check_outcome() {
  constexpr const char* what = "TLS handshake";
  if (SSL_version(ssl.get()) != TLS1_3_VERSION)
    return fail(ErrorCode::protocol, what, "the peer does not speak TLS 1.3");
  const ContextOptions& options = context->options();
  const bool must_have_peer = options.side == Side::client || options.client_certificate == ClientCertificate::required;
  if (must_have_peer && !notes.peer.has_value())
    return fail(ErrorCode::authentication, what, "the peer showed no certificate");
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl.get(), &chosen, &size);
  const std::string_view alpn(reinterpret_cast<const char*>(chosen), size);
  if (alpn == options.alpn || (alpn.empty() && options.missing_alpn == MissingAlpn::accepted)) return {};
  return fail(ErrorCode::protocol, what,
              "the peer agreed to no protocol, and '" + options.alpn + "' is needed; is this the right port?");
}

TlsEngine::TlsEngine(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsEngine::TlsEngine(TlsEngine&&) noexcept = default;
TlsEngine& TlsEngine::operator=(TlsEngine&&) noexcept = default;
TlsEngine::~TlsEngine() = default;

Result<TlsEngine> TlsEngine::create(std::shared_ptr<const TlsContext> context, const ConnectionOptions& options) {
  ERR_clear_error();
  auto state = std::make_unique<State>();
  state->context = std::move(context);
  state->notes.context = &state->context->options();
  state->notes.expected = options.expected;
  state->notes.now = options.now;
  state->ssl.reset(SSL_new(state->context->handle()));
  OpensslPtr<BIO> input = bio_of(state->input);
  OpensslPtr<BIO> output = bio_of(state->output);
  if (!state->ssl || !input || !output || SSL_set_app_data(state->ssl.get(), &state->notes) != 1) {
    return fail_openssl("begin TLS");
  }
  SSL_set_bio(state->ssl.get(), input.release(), output.release());
  if (state->context->options().side == Side::client) {
    SSL_set_connect_state(state->ssl.get());
  } else {
    SSL_set_accept_state(state->ssl.get());
  }
  return TlsEngine(std::move(state));
}

Result<MutableBytes> TlsEngine::room(std::size_t size) {
  if (state_->input.unread() + size > input_bytes_max) {
    return fail(ErrorCode::internal, "feed TLS faster than it is read");
  }
  return state_->input.room(size);
}

void TlsEngine::fed(std::size_t count) { state_->input.fed(count); }

Status TlsEngine::feed(ByteView ciphertext) {
  AFI_TRY(const MutableBytes free, room(ciphertext.size()));
  std::ranges::copy(ciphertext, free.begin());
  fed(ciphertext.size());
  return {};
}

void TlsEngine::feed_end() { state_->input.end(); }

bool TlsEngine::has_output() const { return !state_->output.empty(); }

Bytes TlsEngine::take_output(Bytes spare) {
  spare.clear();
  state_->answer_bytes = 0;
  return std::exchange(state_->output, std::move(spare));
}

Result<Handshake> TlsEngine::handshake() {
  if (state_->failed.has_value()) return std::unexpected<Error>(*state_->failed);
  if (state_->is_established) return Handshake::done;
  ERR_clear_error();
  const int result = SSL_do_handshake(state_->ssl.get());
  if (result == 1) {
    if (auto good = state_->check_outcome(); !good) return state_->fail_with(std::move(good).error());
    state_->is_established = true;
    return Handshake::done;
  }
  const int reason = SSL_get_error(state_->ssl.get(), result);
  if (reason == SSL_ERROR_WANT_READ) return Handshake::needs_input;
  return state_->fail_with(failure_of(state_->notes, reason, Phase::handshake));
}

Result<ReadOutcome> TlsEngine::read(MutableBytes out) {
  AFI_TRY_STATUS(state_->check_established());
  if (out.empty()) return ReadOutcome{.kind = ReadOutcome::Kind::bytes, .count = 0};
  ERR_clear_error();
  std::size_t count = 0;
  const std::size_t before = state_->output.size();
  const int result = SSL_read_ex(state_->ssl.get(), out.data(), out.size(), &count);
  state_->answer_bytes += state_->output.size() - before;
  if (state_->answer_bytes > answer_bytes_max) {
    return state_->fail_with(Error{
        .code = ErrorCode::protocol, .what = "read from TLS", .detail = "the peer asks for new keys again and again"});
  }
  if (result == 1) return ReadOutcome{.kind = ReadOutcome::Kind::bytes, .count = count};
  const int reason = SSL_get_error(state_->ssl.get(), result);
  if (reason == SSL_ERROR_WANT_READ) return ReadOutcome{.kind = ReadOutcome::Kind::needs_input, .count = 0};
  if (reason == SSL_ERROR_ZERO_RETURN) return ReadOutcome{.kind = ReadOutcome::Kind::end, .count = 0};
  return state_->fail_with(failure_of(state_->notes, reason, Phase::established));
}

Status TlsEngine::write(ByteView plaintext) {
  AFI_TRY_STATUS(state_->check_established());
  if (state_->has_said_goodbye) return fail(ErrorCode::internal, "write to TLS after its goodbye");
  while (!plaintext.empty()) {
    ERR_clear_error();
    std::size_t count = 0;
    const int result =
        SSL_write_ex(state_->ssl.get(), plaintext.data(), std::min(plaintext.size(), engine_step_bytes), &count);
    if (result != 1) {
      return state_->fail_with(failure_of(state_->notes, SSL_get_error(state_->ssl.get(), result), Phase::established));
    }
    plaintext = plaintext.subspan(count);
  }
  return {};
}

Status TlsEngine::close_write() {
  AFI_TRY_STATUS(state_->check_established());
  if (state_->has_said_goodbye) return {};
  state_->has_said_goodbye = true;
  ERR_clear_error();
  const int result = SSL_shutdown(state_->ssl.get());
  if (result >= 0) return {};
  return state_->fail_with(failure_of(state_->notes, SSL_get_error(state_->ssl.get(), result), Phase::established));
}

const std::optional<PeerIdentity>& TlsEngine::peer() const { return state_->notes.peer; }

const std::vector<Certificate>& TlsEngine::peer_chain() const { return state_->notes.chain; }

Result<Digest> TlsEngine::export_key(std::string_view label) const {
  AFI_TRY_STATUS(state_->check_established());
  Digest key;
  if (SSL_export_keying_material(state_->ssl.get(), reinterpret_cast<unsigned char*>(key.bytes.data()),
                                 key.bytes.size(), label.data(), label.size(), nullptr, 0, 0) != 1) {
    return fail_openssl("export a key of TLS");
  }
  return key;
}

}  // namespace afterimage::tls
