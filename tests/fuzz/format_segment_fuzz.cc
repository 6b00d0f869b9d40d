// SPDX-License-Identifier: Apache-2.0
// Any bytes as a segment, scanned with whatever the caller may expect of it. Bits of the first byte: 1 checks made
// right, 2 and 4 the tail's promise, 8 a high-water mark, 16 the machine is known.
#include <optional>

#include "engine/format/segment_scanner.h"
#include "tests/fuzz/format_mend.h"

using namespace afterimage;
using namespace afterimage::format;

namespace {

// Every place that looks like the beginning of a record gets the check it wants.
void mend_records(Bytes& bytes) {
  for (std::size_t at = 0; at + 64 <= bytes.size(); ++at) {
    if (bytes[at] != std::byte{0xAF}) continue;
    const MutableBytes rest = MutableBytes(bytes).subspan(at);
    if (wire::starts_with(rest, wire::frame_magic)) {
      fuzz::mend_frame(rest);
    } else if (wire::starts_with(rest, wire::segment_magic) || wire::starts_with(rest, wire::trailer_magic)) {
      fuzz::mend_closing(rest.first(64));
    } else {
      const std::uint32_t length = load<std::uint32_t>(rest.data() + 8);
      if (length <= rest.size()) fuzz::mend_closing(rest.first(length));
    }
  }
}

ScanExpectation expectation_of(std::uint8_t mode) {
  ScanExpectation expected;
  expected.tail = static_cast<TailPromise>(((mode >> 1U) & 3U) % 3);
  if ((mode & 8U) != 0) expected.durable = Sequence(std::uint64_t{1});
  if ((mode & 16U) != 0) {
    MachineId machine;
    for (std::size_t i = 0; i < machine.bytes.size(); ++i) machine.bytes[i] = static_cast<std::byte>(0x10 + i);
    expected.machine = machine;
  }
  return expected;
}

ScanOutcome scan(ByteView file, const ScanExpectation& expected) {
  SegmentScanner scanner(expected, ByteCount(std::uint64_t{file.size()}));
  ByteOffset next;
  while (const auto want = scanner.want()) {
    fuzz::require(want->bytes.value() > 0 && want->offset.value() + want->bytes.value() <= file.size());
    scanner.feed(file.subspan(want->offset.value(), want->bytes.value()));
    while (const auto record = scanner.next()) {
      fuzz::require(record->offset >= next && !record->bytes.empty());
      next = record->offset + ByteCount(std::uint64_t{record->bytes.size()});
    }
  }
  return scanner.outcome();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input = fuzz::input_of(data, size);
  if (input.mends()) mend_records(input.bytes);
  const ScanExpectation expected = expectation_of(input.mode);
  const ByteView file(input.bytes);
  const ScanOutcome outcome = scan(file, expected);
  fuzz::require(outcome.durable_end <= outcome.good_end && outcome.good_end.value() <= file.size());
  ByteOffset next;
  for (const Damage& damage : outcome.damage) {
    fuzz::require(damage.offset >= next && damage.end >= damage.offset && damage.end.value() <= file.size());
    next = damage.offset;
  }
  // What is kept after a cut scans clean, so that recovery done twice is recovery done once.
  if (outcome.end == RecordLabel::torn && outcome.header) {
    const ScanOutcome again = scan(file.first(outcome.good_end.value()), expected);
    fuzz::require(again.end == RecordLabel::end_of_data && again.good_end == outcome.good_end);
    fuzz::require(again.position.digest == outcome.position.digest);
  }
  return 0;
}
