// SPDX-License-Identifier: Apache-2.0
#include "transport/tls/openssl.h"

#include <algorithm>
#include <ctime>
#include <limits>

#include <openssl/sha.h>

namespace afterimage::tls {
namespace {

constexpr std::size_t name_text_bytes_max = 256;  // of a hostile subject in a log line

}  // namespace

std::string take_openssl_errors() {
  std::string text;
  while (const unsigned long error = ERR_get_error()) {
    char line[256];
    ERR_error_string_n(error, line, sizeof line);
    if (text.size() > 1024) continue;
    if (!text.empty()) text += "; ";
    text += line;
  }
  return text;
}

std::unexpected<Error> fail_openssl(const char* what) {
  std::string reason = take_openssl_errors();
  return fail(ErrorCode::internal, what,
              std::string(what) + ": OpenSSL failed: " + (reason.empty() ? "no reason" : reason));
}

Digest sha256(ByteView bytes) {
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.bytes.data()));
  return digest;
}

std::string name_text(const X509_NAME* name) {
  const OpensslPtr<BIO> out(BIO_new(BIO_s_mem()));
  if (!out ||
      X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB)) < 0) {
    ERR_clear_error();
    return "(unreadable name)";
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  if (size <= 0) return "(no name)";
  const auto whole = static_cast<std::size_t>(size);
  std::string text(data, std::min(whole, name_text_bytes_max));
  if (whole > name_text_bytes_max) text += "...";
  return text;
}

Result<WallTime> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::invalid_argument, "read a time of a certificate", "a certificate has a time that is none");
  }
  constexpr std::int64_t seconds_max = std::numeric_limits<std::int64_t>::max() / 1'000'000'000;
  const std::int64_t seconds = std::clamp<std::int64_t>(timegm(&parts), 0, seconds_max);
  return WallTime{seconds * 1'000'000'000};
}

}  // namespace afterimage::tls
