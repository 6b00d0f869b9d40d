// SPDX-License-Identifier: Apache-2.0
// FrameChecker: proves the content of frames that came from a peer: decompresses them, bounded by their declared
// length, and compares every block with its hash. Beside each other on the workers. Thread: the reactor's, one check()
// at a time.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "engine/format/block_hash.h"
#include "engine/format/frame.h"
#include "io/platform.h"
#include "io/scope.h"
#include "io/task.h"

namespace afterimage::replica {

// A frame that waits to be stored. The view points into the bytes, which do not move with the struct.
struct PendingFrame {
  Bytes bytes;
  format::FrameView view;
};

// The raw content of a batch of frames, one behind the other, so that what follows on the disk is one write.
struct BatchContent {
  std::unique_ptr<std::byte[]> memory;
  std::vector<ByteView> frames;  // each points into `memory`
};

class FrameChecker {
 public:
  FrameChecker(io::Reactor& reactor, io::Workers& workers) : reactor_(reactor), workers_(workers) {}

  // Whether each frame verifies, in their order: damaged; conflict: a frame of a disk that has no hasher.
  [[nodiscard]] io::Task<std::vector<Status>> check(std::span<const format::FrameView* const> frames,
                                                    const std::map<DiskId, format::BlockHasher>& hashers);
  // The same, and `content` gets their raw content; of a frame that does not verify, anything.
  [[nodiscard]] io::Task<std::vector<Status>> unpack(std::span<const format::FrameView* const> frames,
                                                     const std::map<DiskId, format::BlockHasher>& hashers,
                                                     BatchContent& content);

 private:
  struct Batch;
  [[nodiscard]] io::Task<std::vector<Status>> run(Batch batch);
  [[nodiscard]] io::Task<void> check_some(Batch& batch, std::size_t first);

  io::Reactor& reactor_;
  io::Workers& workers_;
  std::vector<format::FrameDecoder> decoders_;  // one for each that may run at once
};

}  // namespace afterimage::replica
