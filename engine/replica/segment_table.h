// SPDX-License-Identifier: Apache-2.0
// SegmentTable: the segments of one journal as a reader sees them: where their bytes are (sealed in the store, or
// staged in a file of this host) and which index runs they have, in the order of the journal. Thread: the reactor's;
// reads may overlap in time, also with the writer's changes: a reader goes by segment number.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "engine/format/index_run.h"
#include "engine/format/segment_footer.h"
#include "engine/replica/run_cache.h"
#include "engine/replica/segment_store.h"
#include "io/disk.h"

namespace afterimage::replica {

// One run: where it is said, and, where the segment has no (good) index, the run itself.
struct RunRef {
  SegmentNumber segment;
  format::RunPlace place;
  std::shared_ptr<const format::IndexRun> pinned = nullptr;
};

// A run without a place in a file.
[[nodiscard]] RunRef pinned_run(SegmentNumber segment, std::shared_ptr<const format::IndexRun> run);

class SegmentTable {
 public:
  SegmentTable(std::unique_ptr<SegmentStore> store, RunCache& cache)
      : store_(std::move(store)), cache_(cache), owner_(cache.make_owner()) {}

  [[nodiscard]] SegmentStore& store() { return *store_; }

  // A segment comes in, or takes the place of what was known under its number. `staged` is null for a sealed one.
  void set(SegmentNumber number, std::shared_ptr<io::File> staged, std::vector<RunRef> runs);
  // A staged segment was sealed into the store.
  void set_sealed(SegmentNumber number);
  void add_run(SegmentNumber number, RunRef run);
  // Forgets this segment and all behind it.
  void cut_from(SegmentNumber number);

  [[nodiscard]] bool empty() const { return segments_.empty(); }
  [[nodiscard]] std::vector<SegmentNumber> numbers() const;
  [[nodiscard]] bool is_staged(SegmentNumber number) const;
  // Every run up to the one that the point `sequence` closes, oldest first.
  [[nodiscard]] std::vector<RunRef> runs_up_to(Sequence sequence) const;
  [[nodiscard]] const std::vector<RunRef>& runs_of(SegmentNumber number) const;

  // Reads until `out` is full or the segment ends; the count read. not_found: no such segment.
  [[nodiscard]] io::Task<Result<std::size_t>> read_some(io::Scope& scope, SegmentNumber number, ByteOffset offset,
                                                        MutableBytes out);
  // The same, all of `out` or `damaged`.
  [[nodiscard]] io::Task<Status> read(io::Scope& scope, SegmentNumber number, ByteOffset offset, MutableBytes out);
  [[nodiscard]] io::Task<Result<ByteCount>> size(io::Scope& scope, SegmentNumber number);
  [[nodiscard]] io::Task<Status> drop_cache(io::Scope& scope, SegmentNumber number);
  // The run itself, through the cache. Errors: damaged.
  [[nodiscard]] io::Task<Result<std::shared_ptr<const format::IndexRun>>> load(io::Scope& scope, RunRef run);

  struct Segment {
    std::shared_ptr<io::File> staged;
    std::vector<RunRef> runs;
  };
  using Segments = std::map<SegmentNumber, Segment>;
  // What is known of this segment and all behind it; put_back() makes it what is known again.
  [[nodiscard]] Segments from(SegmentNumber number) const;
  void put_back(SegmentNumber number, Segments segments);

 private:
  std::unique_ptr<SegmentStore> store_;
  RunCache& cache_;
  std::uint64_t owner_;
  Segments segments_;
};

}  // namespace afterimage::replica
