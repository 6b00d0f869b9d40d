// SPDX-License-Identifier: Apache-2.0
// The fixed pieces of journal that the golden files, the seeds of the fuzz targets and the worked example of
// docs/journal-format.md are made of. They depend on nothing but this program, so each is the same in every build.
#pragma once

#include <string>
#include <vector>

#include "io/base/bytes.h"

namespace afterimage::format::samples {

struct Sample {
  std::string name;  // of the file
  Bytes bytes;
};

// Byte-identical whoever makes them: nothing in them is compressed.
[[nodiscard]] std::vector<Sample> golden();
// A frame that zstd made; another version of zstd may make another that says the same.
[[nodiscard]] Bytes compressed_frame();
// Inputs of the fuzz target fuzz_format_<part>: each begins with a byte of mode.
[[nodiscard]] std::vector<Sample> seeds(const std::string& part);

// The worked example: a sealed segment of one frame and one point, part by part.
struct Part {
  std::string title;
  std::size_t offset;
  Bytes bytes;
};
[[nodiscard]] std::vector<Part> worked_example();
// The same as the document shows it: titles, offsets, sixteen bytes a line, repeated lines as "*".
[[nodiscard]] std::string worked_example_text();

}  // namespace afterimage::format::samples
