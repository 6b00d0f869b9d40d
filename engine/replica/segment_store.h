// SPDX-License-Identifier: Apache-2.0
// SegmentStore: where the sealed segments of one machine's journal lie. Small, so that an object store can stand behind
// it: put if absent, ranged get, size, remove; no rename, append or listing in the path of data. Deadlines are the
// scope's. Thread: the reactor's; calls may overlap in time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/base/bytes.h"
#include "io/base/result.h"
#include "io/base/units.h"
#include "io/scope.h"
#include "io/task.h"

namespace afterimage::replica {

class SegmentStore {
 public:
  virtual ~SegmentStore() = default;

  // Takes the staging file, whole and synced, as segment `number`; the staging name is gone then. Durable when it
  // returns. already_exists if there is one (the staging file stays).
  [[nodiscard]] virtual io::Task<Status> put(io::Scope& scope, SegmentNumber number, std::string staging) = 0;
  // Reads at `offset` until `out` is full or the segment ends; the count read. not_found, io_failed.
  [[nodiscard]] virtual io::Task<Result<std::size_t>> read(io::Scope& scope, SegmentNumber number, ByteOffset offset,
                                                           MutableBytes out) = 0;
  [[nodiscard]] virtual io::Task<Result<ByteCount>> size(io::Scope& scope, SegmentNumber number) = 0;
  // Durable when it returns; fine if it is not there.
  [[nodiscard]] virtual io::Task<Status> remove(io::Scope& scope, SegmentNumber number) = 0;
  // Following reads come from the device where that is possible.
  [[nodiscard]] virtual io::Task<Status> drop_cache(io::Scope& scope, SegmentNumber number) = 0;
  // Ascending. For recovery and verification only.
  [[nodiscard]] virtual io::Task<Result<std::vector<SegmentNumber>>> list(io::Scope& scope) = 0;
};

}  // namespace afterimage::replica
