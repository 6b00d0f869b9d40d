// SPDX-License-Identifier: Apache-2.0
#include "tests/transport/tls/forge.h"

#include <stdexcept>

#include <openssl/pem.h>

namespace afterimage::tls::forge {
namespace {

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text());
  return std::move(*result);
}

void must(bool good) {
  if (!good) throw std::runtime_error(take_openssl_errors());
}

std::time_t seconds_of(WallTime time) { return static_cast<std::time_t>(time.nanoseconds / 1'000'000'000); }

void add(X509* certificate, X509* issuer, int kind, const std::string& value) {
  if (value.empty()) return;
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const OpensslPtr<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  must(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

Certificate build(const Recipe& recipe, const PrivateKey& key, const PrivateKey& signer, X509* issuer,
                  const X509_NAME* subject) {
  static long serial = 1000;
  const OpensslPtr<X509> made(X509_new());
  X509* leaf = made.get();
  must(X509_set_version(leaf, X509_VERSION_3) == 1);
  must(ASN1_INTEGER_set(X509_get_serialNumber(leaf), ++serial) == 1);
  must(ASN1_TIME_set(X509_getm_notBefore(leaf), seconds_of(recipe.from)) != nullptr);
  must(ASN1_TIME_set(X509_getm_notAfter(leaf), seconds_of(recipe.until)) != nullptr);
  must(X509_set_pubkey(leaf, key.handle()) == 1);
  const OpensslPtr<X509_NAME> name(subject == nullptr ? X509_NAME_new() : X509_NAME_dup(subject));
  if (subject == nullptr) {
    const auto* text = reinterpret_cast<const unsigned char*>(recipe.common_name.data());
    must(X509_NAME_add_entry_by_txt(name.get(), "CN", MBSTRING_UTF8, text, static_cast<int>(recipe.common_name.size()),
                                    -1, 0) == 1);
  }
  must(X509_set_subject_name(leaf, name.get()) == 1);
  must(X509_set_issuer_name(leaf, issuer == nullptr ? name.get() : X509_get_subject_name(issuer)) == 1);
  X509* above = issuer == nullptr ? leaf : issuer;
  add(leaf, above, NID_basic_constraints, recipe.constraints);
  add(leaf, above, NID_key_usage, recipe.key_usage);
  add(leaf, above, NID_ext_key_usage, recipe.extended_key_usage);
  add(leaf, above, NID_subject_alt_name, recipe.alternative_names);
  add(leaf, above, NID_subject_key_identifier, "hash");
  add(leaf, above, NID_authority_key_identifier, "keyid:always");
  for (const auto& [kind, value] : recipe.others) add(leaf, above, kind, value);
  must(X509_sign(leaf, signer.handle(), recipe.digest) != 0);
  return must(Certificate::from_handle(leaf));
}

}  // namespace

HostId id_of(unsigned char number) {
  HostId id;
  id.bytes.fill(static_cast<std::byte>(number));
  return id;
}

PrivateKey make_key() { return must(PrivateKey::generate()); }

PrivateKey make_rsa_key(unsigned bits) {
  const OpensslPtr<EVP_PKEY> key(EVP_RSA_gen(bits));
  const OpensslPtr<BIO> out(BIO_new(BIO_s_mem()));
  must(key != nullptr && PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return must(PrivateKey::from_pem(std::string_view(data, static_cast<std::size_t>(size))));
}

Host make_host(unsigned char number, std::string name) {
  HostLabel label{.id = id_of(number), .name = std::move(name)};
  Authority authority = must(Authority::create(label, noon + -day));
  PrivateKey key = make_key();
  Certificate certificate = must(authority.issue(key, {.host = label, .now = noon + -day}));
  return {std::move(label), std::move(authority), std::move(key), std::move(certificate)};
}

Recipe good_recipe(const HostLabel& host) {
  return {.common_name = host.name, .alternative_names = "URI:" + host_uri(host.id)};
}

Certificate forge(const Recipe& recipe, const PrivateKey& key, const Issuer& issuer) {
  return build(recipe, key, issuer.key, issuer.certificate.handle(), nullptr);
}

Certificate forge_self_signed(const Recipe& recipe, const PrivateKey& key, const X509_NAME* subject) {
  return build(recipe, key, key, nullptr, subject);
}

TrustPolicy trusting(std::vector<TrustAnchor> anchors) {
  return {.anchors = std::move(anchors), .pin = {}, .revoked_hosts = {}, .revoked_serials = {}};
}

}  // namespace afterimage::tls::forge
