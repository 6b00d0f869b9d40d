// SPDX-License-Identifier: Apache-2.0
// What OpenSSL hands out, owned; and its error queue as text. Only .cc files of this folder and its tests include this.
#pragma once

#include <memory>
#include <string>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "io/base/bytes.h"
#include "io/base/identity.h"
#include "io/base/result.h"
#include "io/base/time.h"

namespace afterimage::tls {

struct OpensslFree {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(X509_REQ* p) const { X509_REQ_free(p); }
  void operator()(X509_NAME* p) const { X509_NAME_free(p); }
  void operator()(X509_STORE* p) const { X509_STORE_free(p); }
  void operator()(X509_STORE_CTX* p) const { X509_STORE_CTX_free(p); }
  void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
  void operator()(SSL* p) const { SSL_free(p); }
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(GENERAL_NAMES* p) const { GENERAL_NAMES_free(p); }
  void operator()(BIGNUM* p) const { BN_free(p); }
  void operator()(ASN1_TIME* p) const { ASN1_TIME_free(p); }
};
template <typename T>
using OpensslPtr = std::unique_ptr<T, OpensslFree>;

// Empties this thread's error queue into one line; "" if it was empty.
[[nodiscard]] std::string take_openssl_errors();

// An error of OpenSSL that no input explains (no memory, no randomness, a bug). Empties the queue.
[[nodiscard]] std::unexpected<Error> fail_openssl(const char* what);

[[nodiscard]] Digest sha256(ByteView bytes);
[[nodiscard]] std::string name_text(const X509_NAME* name);     // RFC 2253, UTF-8, no control characters
[[nodiscard]] Result<WallTime> time_of(const ASN1_TIME* time);  // clamped to what a WallTime can hold

}  // namespace afterimage::tls
