// SPDX-License-Identifier: Apache-2.0
#include "engine/replica/frame_checker.h"

#include <algorithm>
#include <utility>

#include "io/task_group.h"

namespace afterimage::replica {

struct FrameChecker::Batch {
  std::span<const format::FrameView* const> frames;
  const std::map<DiskId, format::BlockHasher>& hashers;
  std::vector<MutableBytes> targets;  // one a frame, or none at all: the content is not kept
  std::vector<Status> results;
  std::size_t lanes = 1;
};

namespace {

// The content of a frame: where it is wanted, else wherever it is cheapest.
Result<ByteView> unpacked(const format::FrameView& frame, format::FrameDecoder& decoder,
                          std::span<const MutableBytes> target, Bytes& scratch) {
  if (target.empty()) return format::content_of(frame, decoder, scratch);
  AFI_TRY_STATUS(format::decode_frame_into(frame, decoder, target.front()));
  return ByteView(target.front());
}

Status check_one(const format::FrameView& frame, const std::map<DiskId, format::BlockHasher>& hashers,
                 format::FrameDecoder& decoder, std::span<const MutableBytes> target, Bytes& scratch) {
  const auto hasher = hashers.find(frame.identity().disk);
  if (hasher == hashers.end()) return fail(ErrorCode::conflict, "a frame of a disk that the machine does not have");
  AFI_TRY(const ByteView content, unpacked(frame, decoder, target, scratch));
  return format::verify_blocks(frame, content, hasher->second);
}

}  // namespace

io::Task<void> FrameChecker::check_some(Batch& batch, std::size_t first) {
  format::FrameDecoder& decoder = decoders_[first];
  auto running = workers_.run("check frames", [&batch, &decoder, first] {
    Bytes scratch;
    for (std::size_t i = first; i < batch.frames.size(); i += batch.lanes) {
      std::span<const MutableBytes> target = batch.targets;
      if (!target.empty()) target = target.subspan(i, 1);
      batch.results[i] = check_one(*batch.frames[i], batch.hashers, decoder, target, scratch);
    }
  });
  co_await running;
}

io::Task<std::vector<Status>> FrameChecker::run(Batch batch) {
  batch.results.resize(batch.frames.size());
  batch.lanes = std::clamp<std::size_t>(batch.frames.size(), 1, std::max(1U, workers_.width()));
  while (decoders_.size() < batch.lanes) decoders_.emplace_back();
  io::TaskGroup group(reactor_);
  for (std::size_t lane = 0; lane < batch.lanes; ++lane) group.spawn(check_some(batch, lane));
  auto joining = group.join();
  co_await joining;
  co_return std::move(batch.results);
}

io::Task<std::vector<Status>> FrameChecker::check(std::span<const format::FrameView* const> frames,
                                                  const std::map<DiskId, format::BlockHasher>& hashers) {
  return run(Batch{.frames = frames, .hashers = hashers, .targets = {}, .results = {}});
}

io::Task<std::vector<Status>> FrameChecker::unpack(std::span<const format::FrameView* const> frames,
                                                   const std::map<DiskId, format::BlockHasher>& hashers,
                                                   BatchContent& content) {
  std::size_t bytes = 0;
  for (const format::FrameView* frame : frames) bytes += frame->header().raw_bytes;
  content.memory = std::make_unique_for_overwrite<std::byte[]>(bytes);
  MutableBytes rest(content.memory.get(), bytes);
  Batch batch{.frames = frames, .hashers = hashers, .targets = {}, .results = {}};
  for (const format::FrameView* frame : frames) {
    batch.targets.push_back(rest.first(frame->header().raw_bytes));
    rest = rest.subspan(frame->header().raw_bytes);
  }
  content.frames.assign(batch.targets.begin(), batch.targets.end());
  return run(std::move(batch));
}

}  // namespace afterimage::replica
