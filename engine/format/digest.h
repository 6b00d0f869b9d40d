// SPDX-License-Identifier: Apache-2.0
// The two checks of the journal. SHA-256 where a chain of trust hangs on it (points, change roots, block secrets);
// XXH3-64 where only an accident has to be found (headers, stored bytes, indexes).
#pragma once

#include <cstdint>
#include <memory>

#include "io/base/bytes.h"
#include "io/base/identity.h"

struct evp_md_ctx_st;

namespace afterimage::format {

// XXH3-64 without a secret: finds accidents, proves nothing about intent.
[[nodiscard]] std::uint64_t check_of(ByteView bytes);

// Streaming SHA-256. Externally serialised; movable.
class Sha256 {
 public:
  Sha256();
  void update(ByteView bytes);
  // Ends the stream; the object must not be used afterwards.
  [[nodiscard]] Digest finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

[[nodiscard]] Digest sha256_of(ByteView bytes);

}  // namespace afterimage::format
