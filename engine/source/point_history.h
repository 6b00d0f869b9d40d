// SPDX-License-Identifier: Apache-2.0
// PointHistory: the points of a machine as its primary saw them acknowledged, one entry behind the other in the file
// `points`. It is for people: the record decides what is believed. An entry is durable before the record that
// acknowledges its point, so after a cut the newest may stand twice, or once too often; reading drops what is not whole
// and what stands twice.
//
// Entry: u32 length of the record, the encoded record (with its receive time), u64 stored bytes, u64 check of all
// before it.
#pragma once

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
// Whole entries, ascending by sequence, each once (the last one written).
[[nodiscard]] std::vector<HistoricPoint> parse_history(ByteView bytes);

// Durable when it returns.
[[nodiscard]] io::Task<Status> append_history(io::Scope& scope, io::Directory& folder, HistoricPoint point);
[[nodiscard]] io::Task<Result<std::vector<HistoricPoint>>> load_history(io::Scope& scope, io::Directory& folder);

}  // namespace afterimage::source
