// SPDX-License-Identifier: Apache-2.0
// TLS over real sockets: both ends in one process, on one reactor.
#include "transport/tls/tls_stream.h"

#include <array>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "io/posix/platform.h"
#include "io/reactor.h"
#include "io/task_group.h"
#include "tests/transport/tls/expect.h"
#include "tests/transport/tls/forge.h"
#include "tests/transport/tls/wire.h"
#include "transport/tls/enrolment.h"

namespace afterimage::tls {
namespace {

using forge::noon;

std::shared_ptr<const TlsContext> context_of(ContextOptions options) {
  auto context = TlsContext::create(std::move(options));
  AFI_CHECK(context.has_value());
  return std::move(*context);
}

using StreamResult = Result<std::unique_ptr<TlsStream>>;

class Sockets : public testing::Test {
 protected:
  Sockets() {
    auto made = io::posix::PosixPlatform::create({.disk_threads = 1, .workers_max = 1});
    AFI_CHECK(made.has_value());
    posix = std::move(*made);
    scope = std::make_unique<io::Scope>(posix->reactor());
  }

  template <typename T>
  T run(io::Task<T> task) {
    return io::block_on(posix->reactor(), std::move(task));
  }
  // Two connected plain streams.
  void connect() {
    auto status = run(connect_both());
    AFI_CHECK(status.has_value());
  }
  io::Task<Status> connect_both() {
    auto platform = posix->platform();
    AFI_CO_TRY(const std::unique_ptr<io::Listener> listener,
               platform.network.listen(*scope, {.host = "127.0.0.1", .port = 0}));
    AFI_CO_TRY(near, platform.network.connect(*scope, listener->local()));
    AFI_CO_TRY(far, listener->accept(*scope));
    co_return Status{};
  }
  // The handshake of both ends at once; their verdicts in client and server.
  void shake(ContextOptions client_side, ContextOptions server_side, HostId expected = {}) {
    connect();
    run(shake_both(context_of(std::move(client_side)), context_of(std::move(server_side)), expected));
  }
  static io::Task<void> establish_into(io::Scope& with, StreamResult& out, std::unique_ptr<io::Stream> raw,
                                       std::shared_ptr<const TlsContext> context, EstablishOptions options) {
    auto establishing = TlsStream::establish(with, std::move(raw), std::move(context), options);
    out = co_await establishing;
  }
  io::Task<void> shake_both(std::shared_ptr<const TlsContext> client_side,
                            std::shared_ptr<const TlsContext> server_side, HostId expected) {
    io::TaskGroup group(posix->reactor());
    group.spawn(establish_into(*scope, server, std::move(far), server_side, {.expected = {}, .now = noon}));
    group.spawn(establish_into(*scope, client, std::move(near), client_side, {.expected = expected, .now = noon}));
    auto joining = group.join();
    co_await joining;
  }
  // A client that speaks as soon as it believes it is in, and hears the server's verdict on its first read.
  static io::Task<void> speak_and_hear(io::Scope& with, std::unique_ptr<io::Stream> raw,
                                       std::shared_ptr<const TlsContext> context, Bytes words, Status& heard) {
    auto establishing = TlsStream::establish(with, std::move(raw), std::move(context), {.expected = {}, .now = noon});
    auto stream = co_await establishing;
    if (!stream) {
      heard = std::unexpected(stream.error());
      co_return;
    }
    auto writing = (*stream)->write(with, words);
    static_cast<void>(co_await writing);
    std::array<std::byte, 8> buffer{};
    auto reading = (*stream)->read_some(with, buffer);
    auto count = co_await reading;
    if (!count) heard = std::unexpected(count.error());
  }
  Status hear_refusal(Bytes words) {
    connect();
    Status heard;
    io::TaskGroup group(posix->reactor());
    group.spawn(establish_into(*scope, server, std::move(far), context_of(at_server), {.expected = {}, .now = noon}));
    group.spawn(speak_and_hear(*scope, std::move(near), context_of(at_client), std::move(words), heard));
    run(group.join());
    return heard;
  }
  // One read, as text.
  Result<std::string> read_text(io::Stream& stream) {
    std::array<std::byte, 256> buffer{};
    const auto count = run(stream.read_some(*scope, buffer));
    if (!count) return std::unexpected(count.error());
    return std::string(text_of(ByteView(buffer).first(*count)));
  }

  std::unique_ptr<io::posix::PosixPlatform> posix;
  std::unique_ptr<io::Scope> scope;
  std::unique_ptr<io::Stream> near, far;
  StreamResult client = fail(ErrorCode::internal, "not tried");
  StreamResult server = fail(ErrorCode::internal, "not tried");
  forge::Host replica = forge::make_host(1, "replica");
  forge::Host primary = forge::make_host(2, "primary");
  ContextOptions at_server = forge::server_options(replica, primary);
  ContextOptions at_client = forge::client_options(primary, replica);
};

// Writes `data` and says goodbye.
io::Task<void> write_all(io::Scope& scope, io::Stream& stream, const Bytes& data, Status& out) {
  auto writing = stream.write(scope, data);
  out = co_await writing;
  if (!out) co_return;
  auto ending = stream.shutdown_write(scope);
  out = co_await ending;
}

// Reads until the goodbye.
io::Task<void> read_all(io::Scope& scope, io::Stream& stream, Bytes& data, Status& out) {
  Bytes part(5000);
  for (;;) {
    auto reading = stream.read_some(scope, part);
    const auto count = co_await reading;
    if (!count) {
      out = std::unexpected(count.error());
      co_return;
    }
    if (*count == 0) co_return;
    data.insert(data.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(*count));
  }
}

Bytes pattern(std::size_t size, unsigned step) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * step >> 3);
  return bytes;
}

TEST_F(Sockets, TwoHostsTalk) {
  shake(at_client, at_server, replica.label.id);
  ASSERT_GOOD(client);
  ASSERT_GOOD(server);
  EXPECT_EQ((*client)->identity()->id, replica.label.id);
  EXPECT_EQ((*server)->identity()->id, primary.label.id);
  ASSERT_GOOD(run((*client)->write(*scope, view_of("hello"))));
  EXPECT_EQ(read_text(**server), "hello");
  ASSERT_GOOD(run((*server)->write(*scope, view_of("welcome"))));
  EXPECT_EQ(read_text(**client), "welcome");
}

TEST_F(Sockets, MuchDataFlowsBothWaysAtOnceAndEndsCleanly) {
  shake(at_client, at_server);
  ASSERT_GOOD(client);
  ASSERT_GOOD(server);
  const Bytes up = pattern(5'000'001, 7);
  const Bytes down = pattern(3'333'333, 11);
  Bytes got_up, got_down;
  std::array<Status, 4> outcomes;
  io::TaskGroup group(posix->reactor());
  group.spawn(write_all(*scope, **client, up, outcomes[0]));
  group.spawn(write_all(*scope, **server, down, outcomes[1]));
  group.spawn(read_all(*scope, **server, got_up, outcomes[2]));
  group.spawn(read_all(*scope, **client, got_down, outcomes[3]));
  run(group.join());
  for (const Status& outcome : outcomes) ASSERT_GOOD(outcome);
  EXPECT_TRUE(got_up == up);
  EXPECT_TRUE(got_down == down);
}

TEST_F(Sockets, PartsArriveInOrderWhateverTheirSizes) {
  shake(at_client, at_server);
  ASSERT_GOOD(client);
  ASSERT_GOOD(server);
  const Bytes large = pattern(70'001, 5);
  const Bytes exact = pattern(engine_step_bytes, 3);
  const Bytes small = pattern(24, 1);
  const std::array<ByteView, 7> parts{small, {}, large, small, exact, {}, small};
  Bytes sent;
  for (const ByteView part : parts) sent.insert(sent.end(), part.begin(), part.end());
  Bytes got;
  Status outcome;
  io::TaskGroup group(posix->reactor());
  group.spawn(read_all(*scope, **server, got, outcome));
  ASSERT_GOOD(run((*client)->write_parts(*scope, parts)));
  ASSERT_GOOD(run((*client)->write_parts(*scope, {})));
  ASSERT_GOOD(run((*client)->shutdown_write(*scope)));
  run(group.join());
  ASSERT_GOOD(outcome);
  EXPECT_TRUE(got == sent);
}

TEST_F(Sockets, OneDirectionMayEndBeforeTheOther) {
  shake(at_client, at_server);
  ASSERT_GOOD(client);
  ASSERT_GOOD(server);
  ASSERT_GOOD(run((*client)->shutdown_write(*scope)));
  EXPECT_EQ(read_text(**server), "");
  ASSERT_GOOD(run((*server)->write(*scope, view_of("still here"))));
  EXPECT_EQ(read_text(**client), "still here");
}

TEST_F(Sockets, ACutIsNotAnEnd) {
  shake(at_client, at_server);
  ASSERT_GOOD(client);
  ASSERT_GOOD(server);
  (*client)->close();
  EXPECT_REFUSED(read_text(**server), ErrorCode::unreachable, "");
}

// A stream that sees to it that it is written by one task at a time.
class OneWriter final : public io::Stream {
 public:
  explicit OneWriter(std::unique_ptr<io::Stream> inner) : inner_(std::move(inner)) {}
  [[nodiscard]] io::Task<Result<std::size_t>> read_some(io::Scope& scope, MutableBytes out) override {
    return inner_->read_some(scope, out);
  }
  [[nodiscard]] io::Task<Status> write(io::Scope& scope, ByteView data) override {
    EXPECT_FALSE(is_writing) << "two tasks write at once";
    is_writing = true;
    ++writes;
    auto writing = inner_->write(scope, data);
    Status written = co_await writing;
    is_writing = false;
    co_return written;
  }
  [[nodiscard]] io::Task<Status> shutdown_write(io::Scope& scope) override { return inner_->shutdown_write(scope); }
  void close() override { inner_->close(); }
  [[nodiscard]] std::string peer() const override { return inner_->peer(); }
  [[nodiscard]] std::optional<io::PeerCredentials> credentials() const override { return inner_->credentials(); }

  bool is_writing = false;
  std::uint64_t writes = 0;

 private:
  std::unique_ptr<io::Stream> inner_;
};

// Once the writer is held up, the other end is cut off without a goodbye; then the reader hears of it.
io::Task<void> cut_while_writing(io::Scope& scope, TlsStream& stream, OneWriter& near, OneWriter& far, Status& heard) {
  io::TaskGroup group(scope.reactor());
  Status written;
  const Bytes much = pattern(64U << 20U, 5);
  group.spawn(write_all(scope, stream, much, written));
  // Held up: the same write is under way look after look.
  for (std::uint64_t looks = 0, seen = 0; looks < 20; looks = near.is_writing && near.writes == seen ? looks + 1 : 0) {
    seen = near.writes;
    auto sleeping = io::sleep_for(scope, std::chrono::milliseconds(1));
    AFI_CHECK((co_await sleeping).has_value());
  }
  auto cutting = far.shutdown_write(scope);
  heard = co_await cutting;
  Bytes data;
  auto reading = read_all(scope, stream, data, heard);
  co_await reading;
  stream.close();
  auto joining = group.join();
  co_await joining;
  EXPECT_FALSE(written.has_value());
}

TEST_F(Sockets, ACutIsToldToNobodyWhileAWriterIsHeldUp) {
  connect();
  auto near_end = std::make_unique<OneWriter>(std::move(near));
  auto far_end = std::make_unique<OneWriter>(std::move(far));
  OneWriter& here = *near_end;
  OneWriter& there = *far_end;
  near = std::move(near_end);
  far = std::move(far_end);
  run(shake_both(context_of(at_client), context_of(at_server), {}));
  ASSERT_GOOD(client);
  ASSERT_GOOD(server);
  Status heard;
  run(cut_while_writing(*scope, **client, here, there, heard));
  EXPECT_REFUSED(heard, ErrorCode::unreachable, "");
}

TEST_F(Sockets, ARefusalIsPreciseHereAndGeneralThere) {
  at_server.trust.revoked_hosts.insert(primary.label.id);
  EXPECT_REFUSED(hear_refusal({}), ErrorCode::authentication, "refused the certificate of this host");
  EXPECT_REFUSED(server, ErrorCode::authentication, "has been revoked");
  EXPECT_REFUSED(server, ErrorCode::authentication, "127.0.0.1");
}

TEST_F(Sockets, TheAlertIsHeardByAClientThatWentOnSending) {
  at_client.identity.reset();
  EXPECT_REFUSED(hear_refusal(pattern(40'000, 3)), ErrorCode::authentication, "requires a certificate");
  EXPECT_REFUSED(server, ErrorCode::authentication, "showed no certificate");
}

TEST_F(Sockets, AClientRefusesTheWrongHostAndTheServerHearsOfIt) {
  shake(at_client, at_server, forge::id_of(9));
  EXPECT_REFUSED(client, ErrorCode::authentication, "was expected at this address");
  EXPECT_REFUSED(server, ErrorCode::authentication, "refused the certificate of this host");
}

TEST_F(Sockets, PlaintextIsRefused) {
  connect();
  ASSERT_GOOD(run(near->write(*scope, view_of("GET / HTTP/1.1\r\n\r\n"))));
  ASSERT_GOOD(run(near->shutdown_write(*scope)));
  const auto verdict =
      run(TlsStream::establish(*scope, std::move(far), context_of(at_server), {.expected = {}, .now = noon}));
  EXPECT_REFUSED(verdict, ErrorCode::protocol, "not TLS");
}

TEST_F(Sockets, Tls12IsRefused) {
  connect();
  forge::RawPeer old(forge::RawPeer::Role::client);
  old.use(primary.certificate, primary.key);
  old.offer(replication_alpn);
  SSL_CTX_set_max_proto_version(old.context(), TLS1_2_VERSION);
  ASSERT_GOOD(run(near->write(*scope, old.hello())));
  ASSERT_GOOD(run(near->shutdown_write(*scope)));
  const auto verdict =
      run(TlsStream::establish(*scope, std::move(far), context_of(at_server), {.expected = {}, .now = noon}));
  EXPECT_REFUSED(verdict, ErrorCode::protocol, "TLS 1.3");
}

TEST_F(Sockets, APeerThatSaysNothingIsNotWaitedForForever) {
  connect();
  const EstablishOptions options{.expected = {}, .now = noon, .timeout = std::chrono::milliseconds(20)};
  const auto verdict = run(TlsStream::establish(*scope, std::move(far), context_of(at_server), options));
  EXPECT_REFUSED(verdict, ErrorCode::timed_out, "handshake was not finished");
}

TEST_F(Sockets, APeerThatLeavesInTheHandshakeIsUnreachable) {
  connect();
  ASSERT_GOOD(run(near->shutdown_write(*scope)));
  const auto verdict =
      run(TlsStream::establish(*scope, std::move(far), context_of(at_server), {.expected = {}, .now = noon}));
  EXPECT_REFUSED(verdict, ErrorCode::unreachable, "during the TLS handshake");
}

TEST_F(Sockets, ACancelledScopeEndsTheHandshake) {
  connect();
  scope->cancel();
  const auto verdict =
      run(TlsStream::establish(*scope, std::move(far), context_of(at_server), {.expected = {}, .now = noon}));
  EXPECT_REFUSED(verdict, ErrorCode::cancelled, "");
}

TEST_F(Sockets, AHostJoinsOverTheControlPort) {
  const JoinSecret secret = *JoinSecret::generate();
  const KeyRecord record{.secret_digest = secret.digest(), .expires = noon + forge::day, .used_by = {}};
  at_server.alpn = at_client.alpn = control_alpn;
  at_server.client_certificate = ClientCertificate::optional;
  at_server.trust = {};
  at_client.identity.reset();
  at_client.trust = {};
  at_client.trust.pin = AuthorityPin{.host = replica.label.id, .fingerprint = replica.authority.key().fingerprint()};
  shake(at_client, at_server);
  ASSERT_GOOD(client);
  ASSERT_GOOD(server);
  EXPECT_FALSE((*server)->identity().has_value());
  const auto channel = (*client)->export_key(enrolment_exporter_label);
  ASSERT_GOOD(channel);
  const auto request = make_enrolment_request(*channel, secret, primary.label, primary.authority);
  ASSERT_GOOD(request);
  const auto there = (*server)->export_key(enrolment_exporter_label);
  ASSERT_GOOD(there);
  const auto enrolment = decide_enrolment(*request, record, *there, replica.label.id, noon);
  ASSERT_GOOD(enrolment);
  EXPECT_EQ(enrolment->anchor.host, primary.label.id);
}

}  // namespace
}  // namespace afterimage::tls
