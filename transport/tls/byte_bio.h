// SPDX-License-Identifier: Apache-2.0
// The two ends of a TLS connection as OpenSSL sees them: what has come, and what is to go. Unlike OpenSSL's own memory
// BIO they copy each byte once and keep their memory.
#pragma once

#include <cstddef>

#include "io/base/bytes.h"
#include "transport/tls/openssl.h"

namespace afterimage::tls {

// Ciphertext that has come and was not read yet.
class ByteSource {
 public:
  // Room for bytes that are to come, behind those unread; fed() counts what came into it. Nothing else in between.
  [[nodiscard]] MutableBytes room(std::size_t size);
  void fed(std::size_t count) { end_ += count; }
  // Nothing more comes: once all is read, OpenSSL is told so.
  void end() { is_ended_ = true; }
  [[nodiscard]] std::size_t unread() const { return end_ - at_; }
  [[nodiscard]] bool is_ended() const { return is_ended_; }
  // Copies at most out.size() bytes; the count.
  std::size_t read(MutableBytes out);

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  bool is_ended_ = false;
};

// BIOs over them, which they outlive. Null if there is no memory.
[[nodiscard]] OpensslPtr<BIO> bio_of(ByteSource& source);
[[nodiscard]] OpensslPtr<BIO> bio_of(Bytes& output);  // appends

}  // namespace afterimage::tls
