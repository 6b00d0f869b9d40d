// SPDX-License-Identifier: Apache-2.0
// The small certificate authority of a host. Each host has its own root (P-256, self-signed, ten years) that signs only
// this host's certificates, so that peers trust one root each and no host can speak for another.
//
// A host certificate: subject O=Afterimage host, CN=the host's name (a label, never believed), subject alternative name
// URI afterimage:host:<32 hexadecimal digits> (the identity), CA:FALSE, digitalSignature, serverAuth and clientAuth (a
// host dials and answers). Validity begins an hour early: clocks differ.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "io/base/identity.h"
#include "io/base/result.h"
#include "io/base/time.h"
#include "transport/tls/certificate.h"

namespace afterimage::tls {

inline constexpr Duration authority_life = std::chrono::hours(24 * 3652);
inline constexpr Duration host_certificate_life = std::chrono::hours(24 * 90);
inline constexpr Duration validity_backdate = std::chrono::hours(1);

// "afterimage:host:<32 hexadecimal digits>", and back (lower case only; authentication if it is none).
[[nodiscard]] std::string host_uri(const HostId& host);
[[nodiscard]] Result<HostId> parse_host_uri(std::string_view uri);

struct HostLabel {
  HostId id;
  std::string name;  // checked by check_name
};

struct IssueOptions {
  HostLabel host;
  WallTime now;
  Duration life = host_certificate_life;  // cut to the end of the authority's own
};

class Authority {
 public:
  [[nodiscard]] static Result<Authority> create(const HostLabel& host, WallTime now, Duration life = authority_life);
  // invalid_argument if they do not belong together or the certificate is no usable root (see check_root).
  [[nodiscard]] static Result<Authority> from(PrivateKey key, Certificate certificate);

  [[nodiscard]] const Certificate& certificate() const { return certificate_; }
  [[nodiscard]] const PrivateKey& key() const { return key_; }

  // A host certificate for the public half of `key`.
  [[nodiscard]] Result<Certificate> issue(const PrivateKey& key, const IssueOptions& options) const;
  // The same for a request (PKCS#10, PEM, bounded): its signature is checked; only its public key is used, never its
  // names.
  [[nodiscard]] Result<Certificate> sign_request(std::string_view request_pem, const IssueOptions& options) const;

 private:
  Authority(PrivateKey key, Certificate certificate) : key_(std::move(key)), certificate_(std::move(certificate)) {}

  PrivateKey key_;
  Certificate certificate_;
};

// A certificate request (PKCS#10, PEM) for `key`; the private half stays here.
[[nodiscard]] Result<std::string> make_request(const PrivateKey& key, const HostLabel& host);

// Is this a root we may trust: version 3, self-signed and its own signature right, CA:TRUE, may sign certificates,
// P-256, P-384, Ed25519 or RSA of at least 3072 bits, valid at `now`? authentication, with the rule that it breaks.
[[nodiscard]] Status check_root(const Certificate& root, WallTime now);

}  // namespace afterimage::tls
