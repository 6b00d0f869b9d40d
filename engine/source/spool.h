// SPDX-License-Identifier: Apache-2.0
// Spool: the frames of one captured epoch, one after the other in a local file, so that a freeze ends before the
// network does and a cut resumes from here. It is not synced: a frame carries its own checks, and a spool that does not
// read back whole is captured anew.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "engine/source/capture.h"
#include "io/disk.h"

namespace afterimage::source {

class SpoolWriter final : public FrameSink {
 public:
  // Empties the file. About `gather_bytes` are written together.
  [[nodiscard]] static io::Task<Result<std::unique_ptr<SpoolWriter>>> create(io::Scope& scope, io::Directory& folder,
                                                                             std::size_t gather_bytes);
  [[nodiscard]] io::Task<Status> take(io::Scope& scope, Bytes frame) override;
  [[nodiscard]] io::Task<Status> flush(io::Scope& scope);

 private:
  SpoolWriter(std::unique_ptr<io::File> file, std::size_t gather_bytes)
      : file_(std::move(file)), gather_bytes_(gather_bytes) {}
  std::unique_ptr<io::File> file_;
  std::size_t gather_bytes_;
  ByteOffset end_;
  Bytes gathered_;  // at most gather_bytes and a frame, written together
};

class SpoolReader {
 public:
  [[nodiscard]] static io::Task<Result<std::unique_ptr<SpoolReader>>> open(io::Scope& scope, io::Directory& folder);
  // The next frame, checked in itself and to be number `next_number()` of `epoch`; nothing at the end. Errors: damaged.
  [[nodiscard]] io::Task<Result<std::optional<Bytes>>> next(io::Scope& scope, Epoch epoch);
  [[nodiscard]] std::uint32_t next_number() const { return next_number_; }
  [[nodiscard]] ByteCount size() const { return size_; }

 private:
  SpoolReader(std::unique_ptr<io::File> file, ByteCount size) : file_(std::move(file)), size_(size) {}
  std::unique_ptr<io::File> file_;
  ByteCount size_;
  ByteOffset at_;
  std::uint32_t next_number_ = 0;
};

// Reads the spool through once: true if it holds exactly `frames` frames of `epoch`, each whole.
[[nodiscard]] io::Task<bool> spool_is_whole(io::Scope& scope, io::Directory& folder, Epoch epoch, std::uint32_t frames);

}  // namespace afterimage::source
