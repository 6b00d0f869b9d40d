// SPDX-License-Identifier: Apache-2.0
// MediumReader: a seed that has arrived. It is checked whole before a byte of it is believed: manifest, then every
// segment's length and SHA-256; only then are its frames handed to the replica, which checks each again and the whole
// by the change roots of its point.
#pragma once

#include <memory>

#include "engine/plan/seed_manifest.h"
#include "engine/port/point_sink.h"
#include "engine/port/progress.h"
#include "io/disk.h"

namespace afterimage::medium {

class MediumReader {
 public:
  // Errors: not_found (no seed in the folder), refused (an export that was not finished), damaged.
  [[nodiscard]] static io::Task<Result<std::unique_ptr<MediumReader>>> open(io::Scope& scope,
                                                                            std::unique_ptr<io::Directory> folder);

  [[nodiscard]] const SeedManifest& manifest() const { return manifest_; }
  [[nodiscard]] ByteCount size() const;  // of all segments
  // `damaged` names every segment that is missing, short or does not match.
  [[nodiscard]] io::Task<Status> check(io::Scope& scope, Progress* progress);
  // Hands everything to the replica. Requires: check() was fine.
  [[nodiscard]] io::Task<Result<Receipt>> feed(io::Scope& scope, PointSink& sink, Progress* progress);

 private:
  struct Feeding;
  explicit MediumReader(std::unique_ptr<io::Directory> folder) : folder_(std::move(folder)) {}
  [[nodiscard]] io::Task<Status> check_segment(io::Scope& scope, const SeedSegment& segment, std::uint64_t& done,
                                               Progress* progress);
  [[nodiscard]] io::Task<Status> feed_segment(io::Scope& scope, const SeedSegment& segment, Feeding& feeding);
  [[nodiscard]] io::Task<Status> feed_frame(io::Scope& scope, ByteView frame, Feeding& feeding);

  std::unique_ptr<io::Directory> folder_;
  SeedManifest manifest_;
};

}  // namespace afterimage::medium
