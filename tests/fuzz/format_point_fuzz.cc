// SPDX-License-Identifier: Apache-2.0
// Any bytes as a point record, a span record or a segment header. What parses is encoded again to the same bytes.
#include "engine/format/point_record.h"
#include "engine/format/segment_header.h"
#include "engine/format/span_record.h"
#include "tests/fuzz/format_mend.h"

using namespace afterimage;
using namespace afterimage::format;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input = fuzz::input_of(data, size);
  if (input.mends()) fuzz::mend_closing(input.bytes);
  if (const auto point = PointRecord::parse(input.bytes)) {
    fuzz::require(point->encode() == input.bytes);
    fuzz::require(point->disks.size() <= limits::disks_max && !point->digest().is_none());
  }
  if (const auto span = SpanRecord::parse(input.bytes)) fuzz::require(span->encode() == input.bytes);
  if (const auto header = SegmentHeader::parse(input.bytes)) {
    const Bytes again = header->encode();
    fuzz::require(std::equal(again.begin(), again.end(), input.bytes.begin()));
  }
  return 0;
}
