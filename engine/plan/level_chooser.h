// SPDX-License-Identifier: Apache-2.0
// LevelChooser: how hard to compress what is sent, by what the way to the replica carries. A fast link waits for the
// processor, so it gets little or no compression; a slow one is given fewer bytes.
//
//   carries at least     400 MB/s   200 MB/s   50 MB/s   less
//   level                   off        -5         1        3
//
// The level moves by evidence alone: after every evidence_bytes of stored frames, one step, and only where the rate
// lies a quarter beyond the border, so that a rate near a border does not make it swing. A transfer that is smaller
// than the evidence keeps its level: its cost is not worth a change. Pure. Externally serialised.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/format/frame.h"
#include "io/base/result.h"
#include "io/base/time.h"
#include "io/base/units.h"

namespace afterimage {

// What the operator wants: one level, or none given: chosen by the link.
using CompressionSetting = std::optional<format::Compression>;

// "auto", "off" or a level from -5 to 19 that is not 0.
[[nodiscard]] Result<CompressionSetting> parse_compression(std::string_view text);
[[nodiscard]] std::string text_of(const CompressionSetting& setting);
[[nodiscard]] std::string text_of(const format::Compression& compression);  // "off", "zstd 1"

class LevelChooser {
 public:
  static constexpr std::uint64_t evidence_bytes = std::uint64_t{128} * 1024 * 1024;

  explicit LevelChooser(CompressionSetting setting = {}) : setting_(setting) {}

  [[nodiscard]] format::Compression current() const;
  [[nodiscard]] std::string text() const;  // "zstd 3", "auto: zstd 1"
  // `stored` bytes were handed to the sink, which kept the sender waiting for `waited` in all.
  void sent(ByteCount stored, Duration waited);

 private:
  void judge();

  CompressionSetting setting_;
  int step_ = 2;  // of the table above
  ByteCount stored_;
  Duration waited_{};
};

}  // namespace afterimage
