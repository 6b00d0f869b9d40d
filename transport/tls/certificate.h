// SPDX-License-Identifier: Apache-2.0
// A private key and a certificate as values. OpenSSL's types stay behind them, so that whoever stores or shows them
// compiles without its headers. Being a Certificate says only that the bytes parse: trust.h says whom to believe.
//
// All parsing is bounded (one object, at most pem_bytes_max). Values are immutable and may be shared by threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/base/bytes.h"
#include "io/base/identity.h"
#include "io/base/result.h"
#include "io/base/time.h"

struct evp_pkey_st;
struct x509_st;

namespace afterimage::tls {

inline constexpr std::size_t pem_bytes_max = 32 * 1024;          // text of one key or certificate
inline constexpr std::size_t certificate_bytes_max = 16 * 1024;  // DER of one certificate

// A private key. Never printed, never part of an error.
class PrivateKey {
 public:
  [[nodiscard]] static Result<PrivateKey> generate();  // P-256
  // PKCS#8 or traditional PEM without passphrase. invalid_argument if it is none, or of a kind or strength not
  // accepted.
  [[nodiscard]] static Result<PrivateKey> from_pem(std::string_view pem);

  [[nodiscard]] Result<std::string> to_pem() const;                         // PKCS#8, secret
  [[nodiscard]] const Digest& fingerprint() const { return fingerprint_; }  // SHA-256 of the SubjectPublicKeyInfo
  // A signature over SHA-256 of `message` (Ed25519: over the message); see Certificate::verify_signature.
  [[nodiscard]] Result<Bytes> sign(ByteView message) const;
  [[nodiscard]] evp_pkey_st* handle() const { return key_.get(); }

 private:
  PrivateKey(std::shared_ptr<evp_pkey_st> key, Digest fingerprint) : key_(std::move(key)), fingerprint_(fingerprint) {}
  [[nodiscard]] static Result<PrivateKey> adopt(std::shared_ptr<evp_pkey_st> key);

  std::shared_ptr<evp_pkey_st> key_;
  Digest fingerprint_;
};

class Certificate {
 public:
  // Exactly one certificate in PEM, text around it ignored. invalid_argument otherwise.
  [[nodiscard]] static Result<Certificate> from_pem(std::string_view pem);
  // Exactly one certificate in DER, nothing after it.
  [[nodiscard]] static Result<Certificate> from_der(ByteView der);
  // Shares the object (its reference count is raised).
  [[nodiscard]] static Result<Certificate> from_handle(x509_st* handle);

  [[nodiscard]] Result<std::string> to_pem() const;
  [[nodiscard]] ByteView der() const { return facts_->der; }
  [[nodiscard]] const Digest& fingerprint() const {
    return facts_->fingerprint;
  }  // SHA-256 of the SubjectPublicKeyInfo
  [[nodiscard]] const std::string& subject() const { return facts_->subject; }  // for people
  [[nodiscard]] const std::string& issuer() const { return facts_->issuer; }    // for people
  [[nodiscard]] const std::string& serial() const { return facts_->serial; }    // lower-case hexadecimal
  [[nodiscard]] WallTime not_before() const { return facts_->not_before; }
  [[nodiscard]] WallTime not_after() const { return facts_->not_after; }
  // Every URI among the subject alternative names, in order; one with a NUL or a control character is an error of
  // parsing.
  [[nodiscard]] const std::vector<std::string>& uris() const { return facts_->uris; }
  // The common name, a label for people only; empty where it is missing or no valid name (check_name).
  [[nodiscard]] const std::string& name() const { return facts_->name; }
  [[nodiscard]] bool matches(const PrivateKey& key) const { return fingerprint() == key.fingerprint(); }
  // Whether `signature` over `message` was made by this certificate's key. authentication if not.
  [[nodiscard]] Status verify_signature(ByteView message, ByteView signature) const;
  [[nodiscard]] x509_st* handle() const { return facts_->handle.get(); }

  friend bool operator==(const Certificate& a, const Certificate& b) { return a.facts_->der == b.facts_->der; }

 private:
  struct Facts {
    std::shared_ptr<x509_st> handle;
    Bytes der;
    Digest fingerprint;
    std::string subject, issuer, serial, name;
    WallTime not_before, not_after;
    std::vector<std::string> uris;
  };
  explicit Certificate(std::shared_ptr<const Facts> facts) : facts_(std::move(facts)) {}
  [[nodiscard]] static Result<Certificate> adopt(std::shared_ptr<x509_st> handle);

  std::shared_ptr<const Facts> facts_;
};

// Is a public key of a kind and strength we accept: P-256, P-384, Ed25519, RSA of 3072 to 8192 bits? authentication if
// not.
[[nodiscard]] Status check_public_key(evp_pkey_st* key);

// Whole days until `end`, rounded down; negative when it is over.
[[nodiscard]] int days_until(WallTime end, WallTime now);
// Two thirds of its life are over.
[[nodiscard]] bool renewal_due(const Certificate& certificate, WallTime now);

}  // namespace afterimage::tls
