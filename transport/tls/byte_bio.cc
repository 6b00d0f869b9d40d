// SPDX-License-Identifier: Apache-2.0
#include "transport/tls/byte_bio.h"

#include <algorithm>
#include <cstring>

namespace afterimage::tls {
namespace {

int read_bytes(BIO* bio, char* out, std::size_t size, std::size_t* count) {
  auto& source = *static_cast<ByteSource*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *count = source.read({reinterpret_cast<std::byte*>(out), size});
  if (*count > 0) return 1;
  if (!source.is_ended()) BIO_set_retry_read(bio);
  return 0;
}

int write_bytes(BIO* bio, const char* bytes, std::size_t size, std::size_t* count) {
  auto& output = *static_cast<Bytes*>(BIO_get_data(bio));
  const auto* first = reinterpret_cast<const std::byte*>(bytes);
  output.insert(output.end(), first, first + size);
  *count = size;
  return 1;
}

long control_source(BIO* bio, int command, long, void*) {
  const auto& source = *static_cast<ByteSource*>(BIO_get_data(bio));
  if (command == BIO_CTRL_EOF) return source.is_ended() && source.unread() == 0 ? 1 : 0;
  return 0;
}

long control_output(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

struct FreeMethod {
  void operator()(BIO_METHOD* method) const noexcept { BIO_meth_free(method); }
};
using Method = std::unique_ptr<BIO_METHOD, FreeMethod>;

Method make_source_method() {
  Method made(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "bytes that came"));
  if (made) {
    BIO_meth_set_read_ex(made.get(), read_bytes);
    BIO_meth_set_ctrl(made.get(), control_source);
  }
  return made;
}

Method make_output_method() {
  Method made(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "bytes to go"));
  if (made) {
    BIO_meth_set_write_ex(made.get(), write_bytes);
    BIO_meth_set_ctrl(made.get(), control_output);
  }
  return made;
}

OpensslPtr<BIO> bio_with(const Method& method, void* data) {
  OpensslPtr<BIO> bio(method ? BIO_new(method.get()) : nullptr);
  if (!bio) return bio;
  BIO_set_data(bio.get(), data);
  BIO_set_init(bio.get(), 1);
  return bio;
}

}  // namespace

MutableBytes ByteSource::room(std::size_t size) {
  if (at_ == end_) at_ = end_ = 0;
  if (bytes_.size() < end_ + size) bytes_.resize(end_ + size);
  return MutableBytes(bytes_).subspan(end_, size);
}

std::size_t ByteSource::read(MutableBytes out) {
  const std::size_t count = std::min(out.size(), unread());
  if (count > 0) std::memcpy(out.data(), bytes_.data() + at_, count);
  at_ += count;
  return count;
}

OpensslPtr<BIO> bio_of(ByteSource& source) {
  static const Method method = make_source_method();
  return bio_with(method, &source);
}

OpensslPtr<BIO> bio_of(Bytes& output) {
  static const Method method = make_output_method();
  return bio_with(method, &output);
}

}  // namespace afterimage::tls
