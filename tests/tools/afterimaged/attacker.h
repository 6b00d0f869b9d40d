// SPDX-License-Identifier: Apache-2.0
// Somebody at the other end of a connection who keeps to no rule that ours keep: OpenSSL with any setting, or bytes.
#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "io/network.h"
#include "tests/transport/tls/wire.h"
#include "transport/tls/certificate.h"

namespace afterimage::daemon::test {

struct Attack {
  std::optional<tls::Certificate> leaf;
  std::optional<tls::PrivateKey> key;
  std::vector<tls::Certificate> chain = {};
  std::optional<std::string> alpn = {};  // what the door speaks, if it is not set; empty: none
  std::function<void(SSL_CTX*)> tweak = [](SSL_CTX*) {};
  std::size_t cut_after =
      std::numeric_limits<std::size_t>::max();       // bytes that are sent, then the connection is closed
  std::optional<std::string> bytes = {};             // instead of any TLS
  std::string request = {};                          // after the handshake
  std::function<void()> before_last_flight = [] {};  // a client: the server waits for our certificate
};

// Plays one attack until the other side ends the connection. What the attacker has seen: the reason that OpenSSL names
// (an alert, by name), or the answer to its request, or "(end)".
[[nodiscard]] io::Task<std::string> play(io::Scope& scope, std::unique_ptr<io::Stream> stream, const Attack& attack,
                                         tls::forge::RawPeer::Role role);

}  // namespace afterimage::daemon::test
