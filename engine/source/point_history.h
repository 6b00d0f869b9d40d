// SPDX-License-Identifier: Apache-2.0
// PointHistory: the points of a machine as its primary saw them acknowledged, one entry behind the other in the file
// `points`. It is for people: the record decides what is believed. An entry is durable before the record that
// acknowledges its point, so after a cut the newest may stand twice, or once too often; reading drops what is not whole
// and what stands twice. It only ever grows, by some 300 bytes a point, so that nothing reads it whole but who lists
// it.
//
// Entry: u32 length of the record, the encoded record (with its receive time), u64 stored bytes, u64 check of all
// before it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/format/point_record.h"
#include "io/disk.h"

namespace afterimage::source {

struct HistoricPoint {
  format::PointRecord record;
  ByteCount stored;
  bool operator==(const HistoricPoint&) const = default;
};

inline constexpr const char* history_file_name = "points";

[[nodiscard]] Bytes encode_history_entry(const HistoricPoint& point);

// Of one machine. Externally serialised.
class PointHistory {
 public:
  // How many points there are, and the newest: as of the last look() or append().
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] const std::optional<HistoricPoint>& newest() const { return newest_; }

  // Goes through the file once. Errors: those of reading; then nothing is known.
  [[nodiscard]] io::Task<Status> look(io::Scope& scope, io::Directory& folder);
  // Durable when it returns. Goes through the file first if nobody has.
  [[nodiscard]] io::Task<Status> append(io::Scope& scope, io::Directory& folder, HistoricPoint point);
  // Whole entries, ascending by sequence, each once (the last one written).
  [[nodiscard]] static io::Task<Result<std::vector<HistoricPoint>>> load(io::Scope& scope, io::Directory& folder);

 private:
  void take(HistoricPoint point);

  std::optional<ByteOffset> end_;  // behind the last whole entry; none: nobody has looked
  std::uint64_t count_ = 0;
  std::optional<HistoricPoint> newest_;
};

}  // namespace afterimage::source
