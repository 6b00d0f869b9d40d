// SPDX-License-Identifier: Apache-2.0
#include "tests/tools/afterimaged/refusal_cases.h"

#include <utility>

#include "tests/transport/tls/forge.h"
#include "transport/replication/messages.h"
#include "transport/tls/openssl.h"

namespace afterimage::daemon::test {

using tls::forge::day;
using tls::forge::noon;
using tls::forge::Recipe;

namespace {

using Prepare = std::function<void(Attack&, const Part&, Hosts&)>;

const std::vector<Door> every_door = {Door::enrolled, Door::replication, Door::control, Door::dialled};
const std::vector<Door> raw_doors = {Door::replication, Door::control, Door::dialled};
const std::vector<Door> both_ports = {Door::replication, Door::control};

constexpr const char* bad_certificate = "bad certificate";

// A leaf that is right but for what `change` does to its recipe.
Prepare leaf(std::function<void(Recipe&, const Part&, Hosts&)> change) {
  return [change](Attack& attack, const Part& part, Hosts& hosts) {
    Recipe recipe = tls::forge::good_recipe(part.host);
    change(recipe, part, hosts);
    attack.key = part.key;
    attack.leaf = tls::forge::forge(recipe, part.key, tls::forge::issuer_of(part.root));
  };
}
Prepare good() {
  return leaf([](Recipe&, const Part&, Hosts&) {});
}

Prepare with(std::string Recipe::* field, std::string value) {
  return leaf([=](Recipe& recipe, const Part&, Hosts&) { recipe.*field = value; });
}
std::string another_host() { return "URI:" + tls::host_uri(tls::forge::id_of(7)); }

// With a key that our own stack would not even load.
Prepare weak_rsa(unsigned bits) {
  return [bits](Attack& attack, const Part& part, Hosts&) {
    const std::shared_ptr<EVP_PKEY> key(EVP_RSA_gen(bits), tls::OpensslFree{});
    const tls::Certificate strong =
        tls::forge::forge(tls::forge::good_recipe(part.host), part.key, tls::forge::issuer_of(part.root));
    const std::shared_ptr<X509> weak(X509_dup(strong.handle()), tls::OpensslFree{});
    AFI_CHECK(X509_set_pubkey(weak.get(), key.get()) == 1);
    AFI_CHECK(X509_sign(weak.get(), part.root.key().handle(), EVP_sha256()) != 0);
    attack.tweak = [key, weak](SSL_CTX* context) {
      SSL_CTX_set_security_level(context, 0);
      AFI_CHECK(SSL_CTX_use_certificate(context, weak.get()) == 1);
      AFI_CHECK(SSL_CTX_use_PrivateKey(context, key.get()) == 1);
    };
  };
}

Prepare by_stranger() {
  return [](Attack& attack, const Part& part, Hosts& hosts) {
    attack.key = part.key;
    attack.leaf =
        tls::forge::forge(tls::forge::good_recipe(part.host), part.key, tls::forge::issuer_of(hosts.stranger_root));
  };
}

Prepare self_signed() {
  return [](Attack& attack, const Part& part, Hosts&) {
    attack.key = part.key;
    attack.leaf = tls::forge::forge_self_signed(tls::forge::good_recipe(part.host), part.key);
  };
}

Prepare through_intermediate() {
  return [](Attack& attack, const Part& part, Hosts&) {
    const tls::PrivateKey middle_key = tls::forge::make_key();
    const tls::Certificate middle = tls::forge::forge({.common_name = "middle",
                                                       .constraints = "critical,CA:TRUE",
                                                       .key_usage = "critical,keyCertSign",
                                                       .extended_key_usage = ""},
                                                      middle_key, tls::forge::issuer_of(part.root));
    attack.key = part.key;
    attack.leaf = tls::forge::forge(tls::forge::good_recipe(part.host), part.key, {middle_key, middle});
    attack.chain = {middle};
  };
}

Prepare revoked() {
  return [](Attack& attack, const Part& part, Hosts& hosts) {
    good()(attack, part, hosts);
    TestHost& judge = part.host.id == hosts.primary.label.id ? hosts.replica : hosts.primary;
    AFI_CHECK(judge.trust->revoke(part.host.id).has_value());
  };
}

// When the server has sent its part and waits for the certificate.
Prepare revoked_in_between() {
  return [](Attack& attack, const Part& part, Hosts& hosts) {
    good()(attack, part, hosts);
    attack.before_last_flight = [&replica = hosts.replica, id = part.host.id] {
      AFI_CHECK(replica.trust->revoke(id).has_value());
    };
  };
}

Prepare with_chain(int count, const std::string& comment) {
  return [=](Attack& attack, const Part& part, Hosts& hosts) {
    good()(attack, part, hosts);
    for (int i = 0; i < count; ++i) {
      Recipe recipe{.common_name = "other"};
      recipe.others = {{NID_netscape_comment, comment}};
      attack.chain.push_back(tls::forge::forge(recipe, part.key, tls::forge::issuer_of(part.root)));
    }
  };
}

// TLS itself is wrong, the certificate is right.
Prepare tls_with(std::function<void(Attack&)> change) {
  return [change](Attack& attack, const Part& part, Hosts& hosts) {
    good()(attack, part, hosts);
    change(attack);
  };
}
Prepare bytes(std::string said) {
  return [said](Attack& attack, const Part&, Hosts&) { attack.bytes = said; };
}
Prepare at_most(int version) {
  return tls_with([version](Attack& attack) {
    attack.tweak = [version](SSL_CTX* context) {
      SSL_CTX_set_security_level(context, 0);
      SSL_CTX_set_min_proto_version(context, version);
      SSL_CTX_set_max_proto_version(context, version);
    };
  });
}
Prepare cut_after(std::size_t count) {
  return tls_with([count](Attack& attack) { attack.cut_after = count; });
}

// A first message that says it is 128 KiB and more, in records of 16 KiB.
std::string endless_hello() {
  std::string text;
  for (int record = 0; record < 16; ++record) {
    std::string body(16384, '\0');
    if (record == 0) body.replace(0, 4, std::string("\x01\x03\xff\xff", 4));
    text += std::string("\x16\x03\x01\x40\x00", 5) + body;
  }
  return text;
}

std::string http(const std::string& line, const std::string& body = {}) {
  return line + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}
// At the control port, with the primary's certificate or without one.
Prepare asks(std::string request) {
  return tls_with([request](Attack& attack) { attack.request = request; });
}
Prepare asks_without_certificate(std::string request) {
  return [request](Attack& attack, const Part&, Hosts&) { attack.request = request; };
}

std::vector<Case> issuer_cases() {
  constexpr ErrorCode wrong = ErrorCode::authentication;
  return {
      {"OfAnotherAuthority", every_door, by_stranger(), wrong, "authority that this host does not trust",
       bad_certificate},
      {"SelfSigned", every_door, self_signed(), wrong, "it is self-signed", bad_certificate},
      {"ThroughAnIntermediate", raw_doors, through_intermediate(), wrong, "intermediate authority", bad_certificate},
      {"Revoked",
       {Door::enrolled, Door::replication, Door::control},
       revoked(),
       wrong,
       "has been revoked on this host",
       bad_certificate},
      {"RevokedHere", {Door::dialled}, revoked(), wrong, "has been revoked on this host", ""},
      {"RevokedDuringTheHandshake", both_ports, revoked_in_between(), wrong, "has been revoked on this host", "(end)"},
      {"ManyCertificates", raw_doors, with_chain(8, "small"), wrong, "too many certificates", bad_certificate},
      {"OfAHostThatTheAuthorityMayNotSpeakFor", every_door, with(&Recipe::alternative_names, another_host()), wrong,
       "may speak for host", bad_certificate},
  };
}

std::vector<Case> time_cases() {
  constexpr ErrorCode wrong = ErrorCode::authentication;
  return {
      {"Expired", every_door, leaf([](Recipe& recipe, const Part&, Hosts&) {
         recipe.from = noon + -9 * day;
         recipe.until = noon + -day;
       }),
       wrong, "has expired", bad_certificate},
      {"NotYetValid", every_door, leaf([](Recipe& recipe, const Part&, Hosts&) { recipe.from = noon + day; }), wrong,
       "not valid yet", bad_certificate},
  };
}

std::vector<Case> shape_cases() {
  constexpr ErrorCode wrong = ErrorCode::authentication;
  return {
      {"WithoutAlternativeName", every_door, with(&Recipe::alternative_names, ""), wrong, "names no host",
       bad_certificate},
      {"WithADnsNameOnly", every_door, with(&Recipe::alternative_names, "DNS:chi.example"), wrong, "names no host",
       bad_certificate},
      {"WithABrokenHostUri", every_door, with(&Recipe::alternative_names, "URI:afterimage:host:XYZ"), wrong,
       "32 hexadecimal digits", bad_certificate},
      {"OfTwoHosts", every_door,
       leaf([](Recipe& recipe, const Part&, Hosts&) { recipe.alternative_names += "," + another_host(); }), wrong,
       "more than one host", bad_certificate},
      {"WithoutKeyUsage", every_door, with(&Recipe::key_usage, ""), wrong, "no key usage", bad_certificate},
      {"OfAnotherKeyUsage", every_door, with(&Recipe::key_usage, "critical,keyAgreement"), wrong,
       "does not include digitalSignature", bad_certificate},
      {"OfAnAuthoritysKeyUsage", every_door, with(&Recipe::key_usage, "critical,digitalSignature,keyCertSign"), wrong,
       "of an authority", bad_certificate},
      {"WithoutExtendedKeyUsage", every_door, with(&Recipe::extended_key_usage, ""), wrong, "no extended key usage",
       bad_certificate},
      {"ForMail", every_door, with(&Recipe::extended_key_usage, "emailProtection"), wrong,
       "extended key usage does not include", bad_certificate},
      {"ForServersOnly",
       {Door::enrolled, Door::control},
       with(&Recipe::extended_key_usage, "serverAuth"),
       wrong,
       "does not include clientAuth",
       bad_certificate},
      {"ForClientsOnly",
       {Door::dialled},
       with(&Recipe::extended_key_usage, "clientAuth"),
       wrong,
       "does not include serverAuth",
       bad_certificate},
      {"ThatIsAnAuthority", every_door, with(&Recipe::constraints, "critical,CA:TRUE"), wrong, "not of a host",
       bad_certificate},
      {"WithAnUnknownCriticalExtension", every_door,
       leaf([](Recipe& recipe, const Part&, Hosts&) { recipe.others = {{NID_netscape_comment, "critical,x"}}; }), wrong,
       "critical extension that is not known", bad_certificate},
  };
}

std::vector<Case> strength_cases() {
  constexpr ErrorCode wrong = ErrorCode::authentication;
  return {
      {"WithRsa1024", raw_doors, weak_rsa(1024), wrong, "RSA key has 1024 bits", bad_certificate},
      {"WithRsa2048", raw_doors, weak_rsa(2048), wrong, "RSA key has 2048 bits", bad_certificate},
      {"SignedWithSha1", raw_doors, leaf([](Recipe& recipe, const Part&, Hosts&) { recipe.digest = EVP_sha1(); }),
       wrong, "signature is too weak", bad_certificate},
  };
}

}  // namespace

std::vector<Case> certificate_cases() {
  std::vector<Case> all;
  for (const auto& part : {issuer_cases(), time_cases(), shape_cases(), strength_cases()})
    all.insert(all.end(), part.begin(), part.end());
  all.push_back({"None",
                 {Door::replication},
                 [](Attack&, const Part&, Hosts&) {},
                 ErrorCode::authentication,
                 "showed no certificate",
                 "certificate required"});
  return all;
}

std::vector<Case> protocol_cases() {
  constexpr ErrorCode wrong = ErrorCode::protocol;
  constexpr ErrorCode gone = ErrorCode::unreachable;
  constexpr Duration brief = std::chrono::milliseconds(300);
  const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  return {
      {"Tls12", raw_doors, at_most(TLS1_2_VERSION), wrong, "TLS 1.3", "protocol"},
      {"Tls11", raw_doors, at_most(TLS1_1_VERSION), wrong, "TLS 1.3", "protocol"},
      {"AnotherProtocol",
       {Door::replication, Door::control},
       tls_with([](Attack& attack) { attack.alpn = "h2"; }),
       wrong,
       "the peer speaks 'h2'",
       "no application protocol"},
      {"NoProtocol",
       {Door::replication},
       tls_with([](Attack& attack) { attack.alpn = ""; }),
       wrong,
       "no named protocol",
       "no application protocol"},
      {"NoProtocolInTheAnswer", {Door::dialled}, good(), wrong, "agreed to no protocol", ""},
      {"ReplicationOnTheControlPort",
       {Door::control},
       tls_with([](Attack& attack) { attack.alpn = tls::replication_alpn; }),
       wrong,
       "'http/1.1' is spoken here",
       "no application protocol"},
      {"ControlOnTheReplicationPort",
       {Door::replication},
       tls_with([](Attack& attack) { attack.alpn = tls::control_alpn; }),
       wrong,
       "'afterimage/1' is spoken here",
       "no application protocol"},
      {"PlainHttp", both_ports, bytes(get), wrong, "not TLS", "(end)"},
      {"PlainHttpInTheAnswer", {Door::dialled}, bytes("HTTP/1.1 400 Bad Request\r\n\r\n"), wrong, "not TLS", "(end)"},
      {"Ssh", raw_doors, bytes("SSH-2.0-OpenSSH_9.2p1\r\n"), wrong, "not TLS", "(end)"},
      {"Zeros", raw_doors, bytes(std::string(600, '\0')), wrong, "not TLS", "(end)"},
      {"Garbage", raw_doors, bytes(std::string(100'000, 'x')), wrong, "not TLS", "(end)"},
      {"AnEndlessFirstMessage", both_ports, bytes(endless_hello()), wrong, "excessive message size", "(end)"},
      {"AnOversizedChain", raw_doors, with_chain(4, std::string(12'000, 'a')), wrong, "excessive message size", ""},
      {"CutBeforeAWord", both_ports, cut_after(0), gone, "before it said a word", "(end)"},
      {"CutInTheFirstMessage", both_ports, cut_after(100), gone, "during the TLS handshake", "(end)"},
      {"CutAfterTheFirstMessage", {Door::replication}, cut_after(340), gone, "", "(end)"},
      {"CutInTheAnswer", {Door::dialled}, cut_after(200), gone, "", "(end)"},
      {"SilentForTooLong", both_ports, bytes(""), ErrorCode::timed_out, "was not finished within", "(end)", {}, brief},
      {"SilentAfterAByte",
       both_ports,
       bytes("\x16"),
       ErrorCode::timed_out,
       "was not finished within",
       "(end)",
       {},
       brief},
      {"SilentInTheAnswer",
       {Door::dialled},
       bytes("\x16"),
       ErrorCode::unreachable,
       "was not finished within",
       "(end)",
       {},
       brief},
  };
}

std::vector<Case> permission_cases() {
  const auto gate_says = [](ErrorCode code, std::string words) -> Prepare {
    return [=](Attack&, const Part&, Hosts& hosts) { hosts.replica.gate.verdict = fail(code, "admit", words); };
  };
  const std::vector<Door> session = {Door::enrolled};
  return {
      {"AStoreThatIsNotPermitted", session,
       gate_says(ErrorCode::permission_denied, "host 'alpha' may not use store 'fast'"), ErrorCode::permission_denied,
       "may not use store", "may not use store"},
      {"AQuotaThatIsUsedUp", session, gate_says(ErrorCode::no_space, "the quota of host 'alpha' is used up"),
       ErrorCode::no_space, "quota of host 'alpha' is used up", "quota of host 'alpha' is used up"},
      {"AMachineOfAnotherPrimary", session,
       [](Attack&, const Part&, Hosts& hosts) {
         hosts.replica.gate.machine_verdict =
             fail(ErrorCode::permission_denied, "open a machine", "machine 'web1' belongs to another primary");
       },
       ErrorCode::permission_denied, "belongs to another primary", "belongs to another primary"},
      {"RevokedBetweenHandshakeAndOpen", session, [](Attack&, const Part&, Hosts&) {}, ErrorCode::authentication,
       "has been revoked on this host", "revoked",
       [](Hosts& hosts) { AFI_CHECK(hosts.replica.revoke("alpha").has_value()); }},
      {"RevokedByThePrimaryBeforeOpen", session, [](Attack&, const Part&, Hosts&) {}, ErrorCode::authentication, "",
       "has been revoked on this host", [](Hosts& hosts) { AFI_CHECK(hosts.primary.revoke("chi").has_value()); }},
  };
}

std::vector<Case> lane_cases() {
  const auto joins = [](std::uint8_t lane) {
    const Bytes bytes = replication::encode(replication::message::Join{.session = {{std::byte{1}}}, .lane = lane});
    return asks(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  };
  const std::vector<Door> port = {Door::replication};
  return {
      {"ALaneOfNoSession", port, joins(1), ErrorCode::not_found, "goes on without a further lane: this primary has no",
       "this primary has no session"},
      {"ALaneThatThereIsNot", port, joins(8), ErrorCode::protocol, "a lane out of bounds", "a lane out of bounds"},
  };
}

std::vector<Case> request_cases() {
  constexpr ErrorCode unknown = ErrorCode::authentication;
  constexpr ErrorCode denied = ErrorCode::permission_denied;
  const std::vector<Door> port = {Door::control};
  return {
      {"StatusWithoutACertificate", port, asks_without_certificate(http("GET /v1/status")), unknown,
       "refused with status 401", "without a certificate this port only takes an enrolment"},
      {"VersionWithoutACertificate", port, asks_without_certificate(http("GET /v1/version")), unknown,
       "refused with status 401", "only takes an enrolment"},
      {"CommandWithoutACertificate", port, asks_without_certificate(http("POST /v1/machines/web1/sync", "{}")), unknown,
       "refused with status 401", "only takes an enrolment"},
      {"StatusOfAPeer", port, asks(http("GET /v1/status")), denied, "refused with status 403", "not from peers"},
      {"PeersOfAPeer", port, asks(http("GET /v1/peers")), denied, "refused with status 403", "not from peers"},
      {"AKeyForAPeer", port, asks(http("POST /v1/enrol/keys", "{}")), denied, "refused with status 403",
       "not from peers"},
      {"RevocationByAPeer", port, asks(http("POST /v1/peers/chi/revoke", "{}")), denied, "refused with status 403",
       "not from peers"},
      {"EnrolmentWithoutSense", port, asks_without_certificate(http("POST /v1/enrol", "{\"a\":1}")),
       ErrorCode::invalid_argument, "was answered with status 400", "HTTP/1.1 400"},
      {"AnOversizedRequest", port,
       asks_without_certificate("POST /v1/enrol HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n"),
       ErrorCode::limit_exceeded, "", "HTTP/1.1 413"},
      {"AnOversizedHeader", port,
       asks_without_certificate("GET /v1/version HTTP/1.1\r\nHost: x\r\nA: " + std::string(20'000, 'a') + "\r\n\r\n"),
       ErrorCode::limit_exceeded, "", "HTTP/1.1 431"},
  };
}

}  // namespace afterimage::daemon::test
