// SPDX-License-Identifier: Apache-2.0
// The small files of a primary and of a medium, and what an operator writes for a point or a compression: whatever the
// bytes, a value or an error; what parses encodes to the same bytes again. Each input is also tried with its check
// mended.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/format/digest.h"
#include "engine/plan/level_chooser.h"
#include "engine/plan/point_selector.h"
#include "engine/plan/primary_record.h"
#include "engine/plan/seed_manifest.h"

namespace {

using namespace afterimage;

template <typename Record>
void try_record(ByteView bytes) {
  const auto parsed = Record::parse(bytes);
  if (!parsed) return;
  const Bytes again = parsed->encode();
  if (!std::equal(again.begin(), again.end(), bytes.begin(), bytes.end())) std::abort();
}

void try_all(ByteView bytes) {
  try_record<MachineDescription>(bytes);
  try_record<PrimaryRecord>(bytes);
  try_record<SeedManifest>(bytes);
  try_record<ExportProgress>(bytes);
}

void try_words(std::string_view text) {
  const DatedPoint points[] = {{.sequence = Sequence(std::uint64_t{1}), .time = WallTime{1}},
                               {.sequence = Sequence(std::uint64_t{2}), .time = WallTime{1'700'000'000'000'000'000}}};
  const auto selected = select_point(points, text, WallTime{1'700'000'000'000'000'001});
  if (selected && selected->value() != 1 && selected->value() != 2) std::abort();
  const auto setting = parse_compression(text);
  if (setting && !parse_compression(text_of(*setting))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes = std::as_bytes(std::span(data, size));
  try_words({reinterpret_cast<const char*>(data), size});
  try_all(bytes);
  if (size < 8) return 0;
  Bytes mended(bytes.begin(), bytes.end());
  store(mended.data() + size - 8, format::check_of(ByteView(mended).first(size - 8)));
  try_all(mended);
  return 0;
}
