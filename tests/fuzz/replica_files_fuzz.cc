// SPDX-License-Identifier: Apache-2.0
// The small files of a store and the header of a hash file: whatever the bytes, a value or an error; and what parses
// encodes to the same bytes again. Most inputs die at the check, so each is also tried with its check mended.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "engine/format/digest.h"
#include "engine/image/hash_file.h"
#include "engine/replica/store_files.h"

namespace {

using namespace afterimage;

template <typename File>
void try_file(ByteView bytes) {
  const auto parsed = File::parse(bytes);
  if (!parsed) return;
  const Bytes again = parsed->encode();
  if (!std::equal(again.begin(), again.end(), bytes.begin(), bytes.end())) std::abort();
}

void try_all(ByteView bytes) {
  try_file<replica::StoreMarker>(bytes);
  try_file<replica::MachineFile>(bytes);
  try_file<replica::SeedingProgress>(bytes);
  if (bytes.size() == image::HashFileHeader::encoded_bytes) try_file<image::HashFileHeader>(bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes = std::as_bytes(std::span(data, size));
  try_all(bytes);
  if (size < 8) return 0;
  Bytes mended(bytes.begin(), bytes.end());
  store(mended.data() + size - 8, format::check_of(ByteView(mended).first(size - 8)));
  try_all(mended);
  Bytes header(image::HashFileHeader::encoded_bytes);
  std::memcpy(header.data(), data, std::min<std::size_t>(size, 504));
  store(header.data() + 504, format::check_of(ByteView(header).first(504)));
  try_all(header);
  return 0;
}
