// SPDX-License-Identifier: Apache-2.0
#include "transport/tls/pki_files.h"

#include <string>
#include <utility>

#include "io/durable_file.h"

namespace afterimage::tls {
namespace {

constexpr const char* authority_key_file = "authority.key";
constexpr const char* authority_certificate_file = "authority.crt";
constexpr const char* host_key_file = "host.key";
constexpr const char* host_certificate_file = "host.crt";
constexpr const char* next_certificate_file = "host.crt.next";
constexpr std::uint32_t others_bits = 077;

std::unexpected<Error> refuse(const io::Directory& pki, const std::string& file, const std::string& why) {
  return fail(ErrorCode::refused, "read this host's identity", pki.path() + "/" + file + " " + why);
}

io::Task<Result<std::string>> read_text(io::Scope& scope, io::Directory& pki, std::string file) {
  auto reading = io::read_file(scope, pki, file, pem_bytes_max);
  auto content = co_await reading;
  if (content) co_return std::string(text_of(*content));
  if (content.error().code == ErrorCode::not_found) {
    co_return refuse(pki, file, "is missing; put it back from a backup, or make the identity anew and enrol again");
  }
  co_return std::unexpected(std::move(content).error());
}

// A key that others may read is no secret any more: better no start than a false sense of it.
io::Task<Result<std::string>> read_secret(io::Scope& scope, io::Directory& pki, std::string file) {
  auto opening = pki.open_file(scope, file, io::OpenMode::read);
  auto opened = co_await opening;
  if (opened) {
    AFI_CO_TRY(const io::FileFacts facts, (*opened)->facts(scope));
    if ((facts.mode & others_bits) != 0) {
      co_return refuse(pki, file,
                       "can be read or written by others; run 'chmod 600' on it, and renew it if others had it");
    }
  }
  auto reading = read_text(scope, pki, std::move(file));
  auto text = co_await reading;
  co_return std::move(text);
}

io::Task<Status> write_text(io::Scope& scope, io::Directory& pki, std::string file, const std::string& text) {
  AFI_CO_TRY_STATUS(io::replace_file(scope, pki, std::move(file), view_of(text)));
  co_return Status{};
}

io::Task<Result<bool>> has_file(io::Scope& scope, io::Directory& pki, std::string file) {
  auto opening = pki.open_file(scope, std::move(file), io::OpenMode::read);
  auto opened = co_await opening;
  if (opened) co_return true;
  if (opened.error().code == ErrorCode::not_found) co_return false;
  co_return std::unexpected(std::move(opened).error());
}

bool belong_together(const std::string& key_pem, const std::string& certificate_pem) {
  const auto key = PrivateKey::from_pem(key_pem);
  const auto certificate = Certificate::from_pem(certificate_pem);
  return key && certificate && certificate->matches(*key);
}

// The certificate that goes with `key_pem`: host.crt, or the one that a cut renewal left.
io::Task<Result<std::string>> settle_certificate(io::Scope& scope, io::Directory& pki, const std::string& key_pem) {
  AFI_CO_TRY(const bool has_next, has_file(scope, pki, next_certificate_file));
  AFI_CO_TRY(std::string certificate, read_text(scope, pki, host_certificate_file));
  if (!has_next) co_return std::move(certificate);
  if (!belong_together(key_pem, certificate)) {
    AFI_CO_TRY(std::string next, read_text(scope, pki, next_certificate_file));
    if (!belong_together(key_pem, next)) co_return std::move(certificate);  // load_identity says what is wrong
    AFI_CO_TRY_STATUS(write_text(scope, pki, host_certificate_file, next));
    certificate = std::move(next);
  }
  AFI_CO_TRY_STATUS(io::remove_if_there(scope, pki, next_certificate_file));
  co_return std::move(certificate);
}

}  // namespace

io::Task<Status> write_pki(io::Scope& scope, io::Directory& pki, PkiTexts texts) {
  AFI_CO_TRY(const bool is_there, has_file(scope, pki, host_certificate_file));
  if (is_there) {
    co_return fail(ErrorCode::already_exists, "write this host's identity",
                   pki.path() + " holds an identity already; choose another folder, or remove this one first");
  }
  AFI_CO_TRY_STATUS(write_text(scope, pki, authority_key_file, texts.authority_key));
  AFI_CO_TRY_STATUS(write_text(scope, pki, authority_certificate_file, texts.authority_certificate));
  AFI_CO_TRY_STATUS(write_text(scope, pki, host_key_file, texts.host_key));
  AFI_CO_TRY_STATUS(write_text(scope, pki, host_certificate_file, texts.host_certificate));
  co_return Status{};
}

io::Task<Result<Identity>> read_identity(io::Scope& scope, io::Directory& pki) {
  AFI_CO_TRY(const std::string key, read_secret(scope, pki, host_key_file));
  AFI_CO_TRY(const std::string root, read_text(scope, pki, authority_certificate_file));
  AFI_CO_TRY(const std::string certificate, settle_certificate(scope, pki, key));
  co_return load_identity(key, certificate, root);
}

io::Task<Result<bool>> has_authority_key(io::Scope& scope, io::Directory& pki) {
  return has_file(scope, pki, authority_key_file);
}

io::Task<Result<Authority>> read_authority(io::Scope& scope, io::Directory& pki) {
  AFI_CO_TRY(const std::string key_pem, read_secret(scope, pki, authority_key_file));
  AFI_CO_TRY(const std::string certificate_pem, read_text(scope, pki, authority_certificate_file));
  auto key = PrivateKey::from_pem(key_pem);
  if (!key) co_return refuse(pki, authority_key_file, "is no key: " + key.error().detail);
  auto certificate = Certificate::from_pem(certificate_pem);
  if (!certificate)
    co_return refuse(pki, authority_certificate_file, "is no certificate: " + certificate.error().detail);
  auto authority = Authority::from(std::move(*key), std::move(*certificate));
  if (!authority) co_return refuse(pki, authority_key_file, "cannot be used: " + authority.error().detail);
  co_return std::move(authority);
}

io::Task<Status> write_renewal(io::Scope& scope, io::Directory& pki, Renewal renewal) {
  AFI_CO_TRY_STATUS(write_text(scope, pki, next_certificate_file, renewal.host_certificate));
  AFI_CO_TRY_STATUS(write_text(scope, pki, host_key_file, renewal.host_key));
  AFI_CO_TRY_STATUS(write_text(scope, pki, host_certificate_file, renewal.host_certificate));
  AFI_CO_TRY_STATUS(io::remove_if_there(scope, pki, next_certificate_file));
  co_return Status{};
}

}  // namespace afterimage::tls
