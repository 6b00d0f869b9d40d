// SPDX-License-Identifier: Apache-2.0
#include "engine/format/digest.h"

#include <openssl/evp.h>

#include "engine/format/xxh3.h"
#include "io/base/check.h"

namespace afterimage::format {

std::uint64_t check_of(ByteView bytes) { return xxh3_of(bytes); }

void Sha256::Free::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

// OpenSSL fails here only without memory or without SHA-256, neither of which a caller could answer.
Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  AFI_CHECK(context_ != nullptr);
  AFI_CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::update(ByteView bytes) { AFI_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1); }

Digest Sha256::finish() {
  Digest digest;
  unsigned int length = 0;
  AFI_CHECK(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.bytes.data()), &length) == 1);
  AFI_CHECK(length == digest.bytes.size());
  return digest;
}

Digest sha256_of(ByteView bytes) {
  Sha256 sha;
  sha.update(bytes);
  return sha.finish();
}

}  // namespace afterimage::format
