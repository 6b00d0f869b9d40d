// SPDX-License-Identifier: Apache-2.0
#include "engine/replica/frame_checker.h"

#include <algorithm>
#include <optional>

#include "io/task_group.h"

namespace afterimage::replica {

struct FrameChecker::Batch {
  std::span<const format::FrameView* const> frames;
  const std::map<DiskId, format::BlockHasher>& hashers;
  Keep keep;
  std::vector<FrameContent>& contents;
  std::vector<Status> results;
  std::size_t lanes = 1;
};

namespace {

Status check_one(const format::FrameView& frame, const std::map<DiskId, format::BlockHasher>& hashers,
                 format::FrameDecoder& decoder, FrameContent& content) {
  const auto hasher = hashers.find(frame.identity().disk);
  if (hasher == hashers.end()) return fail(ErrorCode::conflict, "a frame of a disk that the machine does not have");
  AFI_TRY(content.view, format::content_of(frame, decoder, content.memory));
  return format::verify_blocks(frame, content.view, hasher->second);
}

}  // namespace

io::Task<void> FrameChecker::check_some(Batch& batch, std::size_t first) {
  format::FrameDecoder& decoder = decoders_[first];
  auto running = workers_.run([&batch, &decoder, first] {
    FrameContent scratch;
    for (std::size_t i = first; i < batch.frames.size(); i += batch.lanes) {
      FrameContent& content = batch.keep == Keep::content ? batch.contents[i] : scratch;
      batch.results[i] = check_one(*batch.frames[i], batch.hashers, decoder, content);
    }
  });
  co_await running;
}

io::Task<std::vector<Status>> FrameChecker::check(std::span<const format::FrameView* const> frames,
                                                  const std::map<DiskId, format::BlockHasher>& hashers, Keep keep,
                                                  std::vector<FrameContent>& contents) {
  Batch batch{.frames = frames, .hashers = hashers, .keep = keep, .contents = contents, .results = {}};
  batch.results.resize(frames.size());
  batch.lanes = std::clamp<std::size_t>(frames.size(), 1, std::max(1U, workers_.width()));
  contents.resize(keep == Keep::content ? frames.size() : 0);
  while (decoders_.size() < batch.lanes) decoders_.emplace_back();
  io::TaskGroup group(reactor_);
  for (std::size_t lane = 0; lane < batch.lanes; ++lane) group.spawn(check_some(batch, lane));
  auto joining = group.join();
  co_await joining;
  co_return std::move(batch.results);
}

}  // namespace afterimage::replica
