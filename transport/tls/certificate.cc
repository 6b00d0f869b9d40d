// SPDX-License-Identifier: Apache-2.0
#include "transport/tls/certificate.h"

#include <algorithm>
#include <array>

#include <openssl/pem.h>

#include "transport/tls/openssl.h"

namespace afterimage::tls {
namespace {

// A key file with a passphrase must fail, not ask on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

OpensslPtr<BIO> bio_over(std::string_view text) {
  return OpensslPtr<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string text_in(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

Result<Digest> fingerprint_of(const X509_PUBKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(key, &der);
  if (size <= 0) return fail_openssl("encode a public key");
  const Digest digest = sha256(ByteView(reinterpret_cast<const std::byte*>(der), static_cast<std::size_t>(size)));
  OPENSSL_free(der);
  return digest;
}

std::string serial_of(const X509* certificate) {
  const OpensslPtr<BIGNUM> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (!number) {
    ERR_clear_error();
    return {};
  }
  char* hex = BN_bn2hex(number.get());
  std::string text = hex == nullptr ? "" : hex;
  OPENSSL_free(hex);
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
  return text;
}

// A label; anything that is no valid name is no label.
std::string common_name_of(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) {
    ERR_clear_error();
    return {};
  }
  std::string name(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return check_name("host", name) ? name : std::string();
}

Result<std::vector<std::string>> uris_of(const X509* certificate) {
  int critical = -1;
  const OpensslPtr<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nullptr)));
  std::vector<std::string> uris;
  if (!names) {
    ERR_clear_error();
    if (critical == -1) return uris;  // not there
    return fail(ErrorCode::invalid_argument, "read the alternative names of a certificate",
                "a certificate has alternative names that cannot be read, or has them twice");
  }
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                     static_cast<std::size_t>(ASN1_STRING_length(uri)));
    const bool is_printable = std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
    if (!is_printable) {
      return fail(ErrorCode::invalid_argument, "read the alternative names of a certificate",
                  "a certificate has a URI with characters that no URI has");
    }
    uris.push_back(std::move(text));
  }
  return uris;
}

const EVP_MD* digest_for(EVP_PKEY* key) {
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
}

const unsigned char* raw(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

}  // namespace

Status check_public_key(evp_pkey_st* key) {
  constexpr const char* what = "check a public key";
  if (key == nullptr) return fail(ErrorCode::authentication, what, "its public key cannot be read");
  const int kind = EVP_PKEY_get_base_id(key);
  if (kind == EVP_PKEY_ED25519) return {};
  if (kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits >= 3072 && bits <= 8192) return {};
    return fail(ErrorCode::authentication, what,
                "its RSA key has " + std::to_string(bits) + " bits, and 3072 to 8192 are accepted");
  }
  if (kind == EVP_PKEY_EC) {
    std::array<char, 64> group{};
    std::size_t size = 0;
    const bool is_named = EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1;
    ERR_clear_error();
    const std::string_view name(group.data(), is_named ? size : 0);
    if (name == "prime256v1" || name == "secp384r1") return {};
    return fail(ErrorCode::authentication, what, "its key is on a curve other than P-256 and P-384");
  }
  return fail(ErrorCode::authentication, what, "its key is of a kind other than P-256, P-384, Ed25519 and RSA");
}

Result<PrivateKey> PrivateKey::adopt(std::shared_ptr<evp_pkey_st> key) {
  X509_PUBKEY* spki = nullptr;
  if (X509_PUBKEY_set(&spki, key.get()) != 1) return fail_openssl("encode a public key");
  auto fingerprint = fingerprint_of(spki);
  X509_PUBKEY_free(spki);
  if (!fingerprint) return std::unexpected(std::move(fingerprint).error());
  return PrivateKey(std::move(key), *fingerprint);
}

Result<PrivateKey> PrivateKey::generate() {
  std::shared_ptr<evp_pkey_st> key(EVP_EC_gen("P-256"), OpensslFree{});
  if (!key) return fail_openssl("make a key");
  return adopt(std::move(key));
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  constexpr const char* what = "read a private key";
  if (pem.size() > pem_bytes_max) return fail(ErrorCode::invalid_argument, what, "the private key is over 32 KiB");
  const auto bio = bio_over(pem);
  if (!bio) return fail_openssl(what);
  std::shared_ptr<evp_pkey_st> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr), OpensslFree{});
  ERR_clear_error();
  if (!key) return fail(ErrorCode::invalid_argument, what, "it holds no private key in PEM without a passphrase");
  if (auto good = check_public_key(key.get()); !good) {
    return fail(ErrorCode::invalid_argument, what, "the private key is not accepted: " + good.error().detail);
  }
  return adopt(std::move(key));
}

Result<std::string> PrivateKey::to_pem() const {
  const OpensslPtr<BIO> out(BIO_new(BIO_s_mem()));
  if (!out || PEM_write_bio_PKCS8PrivateKey(out.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return fail_openssl("encode a private key");
  }
  std::string text = text_in(out.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  if (size > 0) OPENSSL_cleanse(data, static_cast<std::size_t>(size));
  return text;
}

Result<Bytes> PrivateKey::sign(ByteView message) const {
  const OpensslPtr<EVP_MD_CTX> context(EVP_MD_CTX_new());
  std::size_t size = 0;
  if (!context || EVP_DigestSignInit(context.get(), nullptr, digest_for(key_.get()), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, raw(message), message.size()) != 1) {
    return fail_openssl("sign");
  }
  Bytes signature(size);
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, raw(message),
                     message.size()) != 1) {
    return fail_openssl("sign");
  }
  signature.resize(size);
  return signature;
}

Result<Certificate> Certificate::adopt(std::shared_ptr<x509_st> handle) {
  constexpr const char* what = "read a certificate";
  // Fills OpenSSL's cache of extensions now, so that the object is only read afterwards.
  if (X509_check_purpose(handle.get(), -1, 0) != 1 || (X509_get_extension_flags(handle.get()) & EXFLAG_INVALID) != 0) {
    ERR_clear_error();
    return fail(ErrorCode::invalid_argument, what, "a certificate has extensions that cannot be read");
  }
  unsigned char* der = nullptr;
  const int size = i2d_X509(handle.get(), &der);
  if (size <= 0) return fail_openssl(what);
  auto facts = std::make_shared<Facts>();
  const auto* first = reinterpret_cast<const std::byte*>(der);
  facts->der.assign(first, first + size);
  OPENSSL_free(der);
  if (facts->der.size() > certificate_bytes_max)
    return fail(ErrorCode::invalid_argument, what, "a certificate is over 16 KiB");
  AFI_TRY(facts->fingerprint, fingerprint_of(X509_get_X509_PUBKEY(handle.get())));
  AFI_TRY(facts->not_before, time_of(X509_get0_notBefore(handle.get())));
  AFI_TRY(facts->not_after, time_of(X509_get0_notAfter(handle.get())));
  AFI_TRY(facts->uris, uris_of(handle.get()));
  facts->subject = name_text(X509_get_subject_name(handle.get()));
  facts->issuer = name_text(X509_get_issuer_name(handle.get()));
  facts->serial = serial_of(handle.get());
  facts->name = common_name_of(handle.get());
  facts->handle = std::move(handle);
  return Certificate(std::move(facts));
}

Result<Certificate> Certificate::from_pem(std::string_view pem) {
  constexpr const char* what = "read a certificate";
  if (pem.size() > pem_bytes_max) return fail(ErrorCode::invalid_argument, what, "the certificate is over 32 KiB");
  const auto bio = bio_over(pem);
  if (!bio) return fail_openssl(what);
  std::shared_ptr<x509_st> handle(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr), OpensslFree{});
  ERR_clear_error();
  if (!handle) return fail(ErrorCode::invalid_argument, what, "it holds no certificate in PEM");
  const OpensslPtr<X509> second(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (second) return fail(ErrorCode::invalid_argument, what, "it holds more than one certificate; give one");
  return adopt(std::move(handle));
}

Result<Certificate> Certificate::from_der(ByteView der) {
  constexpr const char* what = "read a certificate";
  if (der.size() > certificate_bytes_max)
    return fail(ErrorCode::invalid_argument, what, "a certificate is over 16 KiB");
  const unsigned char* at = raw(der);
  std::shared_ptr<x509_st> handle(d2i_X509(nullptr, &at, static_cast<long>(der.size())), OpensslFree{});
  ERR_clear_error();
  if (!handle || at != raw(der) + der.size()) {
    return fail(ErrorCode::invalid_argument, what, "these bytes are not one certificate");
  }
  return adopt(std::move(handle));
}

Result<Certificate> Certificate::from_handle(x509_st* handle) {
  if (X509_up_ref(handle) != 1) return fail_openssl("share a certificate");
  return adopt(std::shared_ptr<x509_st>(handle, OpensslFree{}));
}

Result<std::string> Certificate::to_pem() const {
  const OpensslPtr<BIO> out(BIO_new(BIO_s_mem()));
  if (!out || PEM_write_bio_X509(out.get(), handle()) != 1) return fail_openssl("encode a certificate");
  return text_in(out.get());
}

Status Certificate::verify_signature(ByteView message, ByteView signature) const {
  EVP_PKEY* key = X509_get0_pubkey(handle());
  const OpensslPtr<EVP_MD_CTX> context(EVP_MD_CTX_new());
  const bool is_right =
      key != nullptr && context && EVP_DigestVerifyInit(context.get(), nullptr, digest_for(key), nullptr, key) == 1 &&
      EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(message), message.size()) == 1;
  ERR_clear_error();
  if (is_right) return {};
  return fail(ErrorCode::authentication, "verify a signature",
              "the signature was not made with the key of " + subject());
}

int days_until(WallTime end, WallTime now) {
  constexpr std::int64_t day = 24LL * 3600 * 1'000'000'000;
  const std::int64_t days = end >= now ? (end - now).count() / day : -1 - (now - end).count() / day;
  return static_cast<int>(days);
}

bool renewal_due(const Certificate& certificate, WallTime now) {
  const Duration life = certificate.not_after() - certificate.not_before();
  return now - certificate.not_before() >= life / 3 * 2;
}

}  // namespace afterimage::tls
