// SPDX-License-Identifier: Apache-2.0
#include "transport/tls/authority.h"

#include <algorithm>
#include <array>

#include <openssl/pem.h>
#include <openssl/rand.h>

#include "transport/tls/openssl.h"

namespace afterimage::tls {
namespace {

constexpr std::string_view host_uri_prefix = "afterimage:host:";
constexpr const char* authority_organization = "Afterimage authority";
constexpr const char* host_organization = "Afterimage host";

// O=organization, CN=name, serialNumber=id: unlike for two hosts even when people give them one name.
Result<OpensslPtr<X509_NAME>> make_name(const char* organization, const HostLabel& host) {
  OpensslPtr<X509_NAME> name(X509_NAME_new());
  const std::string id = host.id.text();
  const auto add = [&](const char* field, std::string_view text) {
    return X509_NAME_add_entry_by_txt(name.get(), field, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(text.data()),
                                      static_cast<int>(text.size()), -1, 0) == 1;
  };
  if (!name || !add("O", organization) || !add("CN", host.name) || !add("serialNumber", id))
    return fail_openssl("make a name");
  return name;
}

std::time_t seconds_of(WallTime time) { return static_cast<std::time_t>(time.nanoseconds / 1'000'000'000); }

struct Validity {
  WallTime from;
  WallTime until;
};

// Version 3, a random serial of 127 bits, the validity and the key. Names, extensions and the signature are still to
// come.
Result<OpensslPtr<X509>> begin_certificate(EVP_PKEY* key, Validity validity) {
  OpensslPtr<X509> certificate(X509_new());
  std::array<unsigned char, 16> serial{};
  if (!certificate || RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1)
    return fail_openssl("begin a certificate");
  serial[0] = static_cast<unsigned char>((serial[0] & 0x7fU) | 0x40U);
  const OpensslPtr<BIGNUM> number(BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
  if (!number || BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get())) == nullptr ||
      X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      ASN1_TIME_set(X509_getm_notBefore(certificate.get()), seconds_of(validity.from)) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate.get()), seconds_of(validity.until)) == nullptr ||
      X509_set_pubkey(certificate.get(), key) != 1) {
    return fail_openssl("begin a certificate");
  }
  return certificate;
}

Status add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const OpensslPtr<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) return fail_openssl("add an extension");
  return {};
}

Status check_label(const HostLabel& host) {
  if (host.id.is_none()) return fail(ErrorCode::invalid_argument, "name a host", "a host needs an id");
  return check_name("host", host.name);
}

const EVP_MD* signing_digest(const PrivateKey& key) {
  return EVP_PKEY_get_base_id(key.handle()) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
}

Result<Certificate> issue_for(const Authority& authority, EVP_PKEY* key, const IssueOptions& options) {
  AFI_TRY_STATUS(check_label(options.host));
  const Certificate& root = authority.certificate();
  if (root.not_after() <= options.now) {
    return fail(ErrorCode::refused, "issue a certificate",
                "this host's authority ended at " + to_rfc3339(root.not_after()) + "; make the host's identity anew");
  }
  const Validity validity{.from = options.now + -validity_backdate,
                          .until = std::min(options.now + options.life, root.not_after())};
  AFI_TRY(const OpensslPtr<X509> certificate, begin_certificate(key, validity));
  AFI_TRY(const OpensslPtr<X509_NAME> subject, make_name(host_organization, options.host));
  if (X509_set_subject_name(certificate.get(), subject.get()) != 1 ||
      X509_set_issuer_name(certificate.get(), X509_get_subject_name(root.handle())) != 1) {
    return fail_openssl("name a certificate");
  }
  AFI_TRY_STATUS(add_extension(certificate.get(), root.handle(), NID_basic_constraints, "critical,CA:FALSE"));
  AFI_TRY_STATUS(add_extension(certificate.get(), root.handle(), NID_key_usage, "critical,digitalSignature"));
  AFI_TRY_STATUS(add_extension(certificate.get(), root.handle(), NID_ext_key_usage, "serverAuth,clientAuth"));
  AFI_TRY_STATUS(
      add_extension(certificate.get(), root.handle(), NID_subject_alt_name, "URI:" + host_uri(options.host.id)));
  AFI_TRY_STATUS(add_extension(certificate.get(), root.handle(), NID_subject_key_identifier, "hash"));
  AFI_TRY_STATUS(add_extension(certificate.get(), root.handle(), NID_authority_key_identifier, "keyid:always"));
  if (X509_sign(certificate.get(), authority.key().handle(), signing_digest(authority.key())) == 0) {
    return fail_openssl("sign a certificate");
  }
  return Certificate::from_handle(certificate.get());
}

}  // namespace

std::string host_uri(const HostId& host) { return std::string(host_uri_prefix) + host.text(); }

Result<HostId> parse_host_uri(std::string_view uri) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (uri.starts_with(host_uri_prefix)) {
    const std::string_view digits = uri.substr(host_uri_prefix.size());
    if (digits.size() == 32 && std::ranges::all_of(digits, is_digit)) {
      AFI_TRY(const HostId host, HostId::parse(digits));
      if (!host.is_none()) return host;
    }
  }
  return fail(ErrorCode::authentication, "read a host URI",
              "its URI is not 'afterimage:host:' with 32 hexadecimal digits");
}

Result<Authority> Authority::create(const HostLabel& host, WallTime now, Duration life) {
  AFI_TRY_STATUS(check_label(host));
  AFI_TRY(PrivateKey key, PrivateKey::generate());
  AFI_TRY(const OpensslPtr<X509> root,
          begin_certificate(key.handle(), {.from = now + -validity_backdate, .until = now + life}));
  AFI_TRY(const OpensslPtr<X509_NAME> name, make_name(authority_organization, host));
  if (X509_set_subject_name(root.get(), name.get()) != 1 || X509_set_issuer_name(root.get(), name.get()) != 1) {
    return fail_openssl("name a certificate");
  }
  AFI_TRY_STATUS(add_extension(root.get(), root.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  AFI_TRY_STATUS(add_extension(root.get(), root.get(), NID_key_usage, "critical,keyCertSign,cRLSign"));
  AFI_TRY_STATUS(add_extension(root.get(), root.get(), NID_subject_key_identifier, "hash"));
  AFI_TRY_STATUS(add_extension(root.get(), root.get(), NID_authority_key_identifier, "keyid:always"));
  if (X509_sign(root.get(), key.handle(), signing_digest(key)) == 0) return fail_openssl("sign a certificate");
  AFI_TRY(Certificate certificate, Certificate::from_handle(root.get()));
  return Authority(std::move(key), std::move(certificate));
}

Result<Authority> Authority::from(PrivateKey key, Certificate certificate) {
  if (!certificate.matches(key)) {
    return fail(ErrorCode::invalid_argument, "load the authority",
                "the authority's key and certificate do not belong together");
  }
  if (auto good = check_root(certificate, certificate.not_before()); !good) {
    return fail(ErrorCode::invalid_argument, "load the authority", std::move(good).error().detail);
  }
  return Authority(std::move(key), std::move(certificate));
}

Result<Certificate> Authority::issue(const PrivateKey& key, const IssueOptions& options) const {
  return issue_for(*this, key.handle(), options);
}

Result<Certificate> Authority::sign_request(std::string_view request_pem, const IssueOptions& options) const {
  constexpr const char* what = "read a certificate request";
  if (request_pem.size() > pem_bytes_max) return fail(ErrorCode::invalid_argument, what, "the request is over 32 KiB");
  const OpensslPtr<BIO> bio(BIO_new_mem_buf(request_pem.data(), static_cast<int>(request_pem.size())));
  if (!bio) return fail_openssl(what);
  const OpensslPtr<X509_REQ> request(PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!request) return fail(ErrorCode::invalid_argument, what, "it holds no certificate request in PEM");
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  AFI_TRY_STATUS(check_public_key(key));
  const bool is_signed = X509_REQ_verify(request.get(), key) == 1;
  ERR_clear_error();
  if (!is_signed) return fail(ErrorCode::authentication, what, "the request is not signed with the key that it names");
  return issue_for(*this, key, options);
}

Result<std::string> make_request(const PrivateKey& key, const HostLabel& host) {
  AFI_TRY_STATUS(check_label(host));
  AFI_TRY(const OpensslPtr<X509_NAME> name, make_name(host_organization, host));
  const OpensslPtr<X509_REQ> request(X509_REQ_new());
  const OpensslPtr<BIO> out(BIO_new(BIO_s_mem()));
  if (!request || !out || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_subject_name(request.get(), name.get()) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.handle()) != 1 ||
      X509_REQ_sign(request.get(), key.handle(), signing_digest(key)) == 0 ||
      PEM_write_bio_X509_REQ(out.get(), request.get()) != 1) {
    return fail_openssl("make a certificate request");
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

Status check_root(const Certificate& root, WallTime now) {
  const auto refuse = [&](const std::string& why) {
    return fail(ErrorCode::authentication, "check a root certificate",
                "the root certificate '" + root.subject() + "' is not accepted: " + why);
  };
  X509* handle = root.handle();
  if (auto good = check_public_key(X509_get0_pubkey(handle)); !good) return refuse(good.error().detail);
  if (X509_get_version(handle) != X509_VERSION_3) return refuse("it is not of version 3");
  if (X509_NAME_cmp(X509_get_subject_name(handle), X509_get_issuer_name(handle)) != 0) {
    return refuse("it is not self-signed; give the root itself, not a certificate below it");
  }
  const bool is_signed = X509_verify(handle, X509_get0_pubkey(handle)) == 1;
  ERR_clear_error();
  if (!is_signed) return refuse("its signature is wrong");
  if (X509_check_ca(handle) != 1) return refuse("it is no authority (CA:TRUE is missing)");
  const std::uint32_t usage = X509_get_key_usage(handle);
  if (usage == UINT32_MAX || (usage & KU_KEY_CERT_SIGN) == 0)
    return refuse("its key usage does not include signing certificates");
  if ((X509_get_extension_flags(handle) & EXFLAG_CRITICAL) != 0)
    return refuse("it has a critical extension that is not known here");
  if (now < root.not_before() || now >= root.not_after()) {
    return refuse("it is valid from " + to_rfc3339(root.not_before()) + " until " + to_rfc3339(root.not_after()) +
                  ", and this host's clock says " + to_rfc3339(now));
  }
  return {};
}

}  // namespace afterimage::tls
