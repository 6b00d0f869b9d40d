// SPDX-License-Identifier: Apache-2.0
#include "engine/replica/segment_table.h"

#include <utility>

#include <fmt/format.h>

#include "io/base/limits.h"

namespace afterimage::replica {

RunRef pinned_run(SegmentNumber segment, std::shared_ptr<const format::IndexRun> run) {
  const format::RunPlace place{
      .offset = {}, .encoded = {}, .epoch = run->epoch(), .from = run->from(), .sequence = run->sequence()};
  return RunRef{.segment = segment, .place = place, .pinned = std::move(run)};
}

void SegmentTable::set(SegmentNumber number, std::shared_ptr<io::File> staged, std::vector<RunRef> runs) {
  segments_.insert_or_assign(number, Segment{.staged = std::move(staged), .runs = std::move(runs)});
}

void SegmentTable::set_sealed(SegmentNumber number) {
  const auto found = segments_.find(number);
  if (found != segments_.end()) found->second.staged = nullptr;
}

void SegmentTable::add_run(SegmentNumber number, RunRef run) {
  const auto found = segments_.find(number);
  AFI_CHECK(found != segments_.end());
  found->second.runs.push_back(std::move(run));
}

void SegmentTable::cut_from(SegmentNumber number) { segments_.erase(segments_.lower_bound(number), segments_.end()); }

SegmentTable::Segments SegmentTable::from(SegmentNumber number) const {
  return Segments(segments_.lower_bound(number), segments_.end());
}

void SegmentTable::put_back(SegmentNumber number, Segments segments) {
  cut_from(number);
  segments_.merge(segments);
}

std::vector<SegmentNumber> SegmentTable::numbers() const {
  std::vector<SegmentNumber> numbers;
  numbers.reserve(segments_.size());
  for (const auto& [number, segment] : segments_) numbers.push_back(number);
  return numbers;
}

bool SegmentTable::is_staged(SegmentNumber number) const {
  const auto found = segments_.find(number);
  return found != segments_.end() && found->second.staged != nullptr;
}

std::vector<RunRef> SegmentTable::runs_up_to(Sequence sequence) const {
  std::vector<RunRef> runs;
  std::size_t closed = 0;  // what follows the last closed run belongs to a later point
  for (const auto& [number, segment] : segments_) {
    for (const RunRef& run : segment.runs) {
      if (run.place.sequence > sequence) break;
      runs.push_back(run);
      if (run.place.sequence != Sequence{}) closed = runs.size();
    }
    if (closed != 0 && runs[closed - 1].place.sequence == sequence) break;
  }
  runs.resize(closed);
  return runs;
}

const std::vector<RunRef>& SegmentTable::runs_of(SegmentNumber number) const {
  static const std::vector<RunRef> none;
  const auto found = segments_.find(number);
  return found == segments_.end() ? none : found->second.runs;
}

io::Task<Result<std::size_t>> SegmentTable::read_some(io::Scope& scope, SegmentNumber number, ByteOffset offset,
                                                      MutableBytes out) {
  const auto found = segments_.find(number);
  if (found == segments_.end()) {
    co_return fail(ErrorCode::not_found, "read a segment",
                   fmt::format("segment {} of the journal is missing", number.value()));
  }
  if (const std::shared_ptr<io::File> staged = found->second.staged; staged != nullptr) {
    auto reading = staged->read_at(scope, offset, out);
    co_return co_await reading;
  }
  auto reading = store_->read(scope, number, offset, out);
  co_return co_await reading;
}

io::Task<Status> SegmentTable::read(io::Scope& scope, SegmentNumber number, ByteOffset offset, MutableBytes out) {
  AFI_CO_TRY(const std::size_t count, read_some(scope, number, offset, out));
  if (count == out.size()) co_return Status{};
  co_return fail(ErrorCode::damaged, "read a segment",
                 fmt::format("segment {} of the journal ends at byte {}, before what its index names", number.value(),
                             offset.value() + count));
}

io::Task<Result<ByteCount>> SegmentTable::size(io::Scope& scope, SegmentNumber number) {
  const auto found = segments_.find(number);
  if (found != segments_.end() && found->second.staged != nullptr) {
    const std::shared_ptr<io::File> staged = found->second.staged;
    AFI_CO_TRY(const io::FileFacts facts, staged->facts(scope));
    co_return facts.size;
  }
  auto asking = store_->size(scope, number);
  co_return co_await asking;
}

io::Task<Status> SegmentTable::drop_cache(io::Scope& scope, SegmentNumber number) {
  const auto found = segments_.find(number);
  if (found != segments_.end() && found->second.staged != nullptr) {
    const std::shared_ptr<io::File> staged = found->second.staged;
    AFI_CO_TRY(const io::FileFacts facts, staged->facts(scope));
    auto dropping =
        staged->drop_cache(scope, io::FileRange{.offset = ByteOffset(std::uint64_t{0}), .size = facts.size});
    co_return co_await dropping;
  }
  auto dropping = store_->drop_cache(scope, number);
  co_return co_await dropping;
}

io::Task<Result<std::shared_ptr<const format::IndexRun>>> SegmentTable::load(io::Scope& scope, RunRef run) {
  if (run.pinned != nullptr) co_return run.pinned;
  const RunCache::Key key{.owner = owner_, .segment = run.segment, .offset = run.place.offset};
  if (auto known = cache_.find(key); known != nullptr) co_return known;
  if (run.place.encoded.value() > limits::index_run_bytes_max)
    co_return fail(ErrorCode::limit_exceeded, "an index run is too long");
  Bytes bytes(static_cast<std::size_t>(run.place.encoded.value()));
  AFI_CO_TRY_STATUS(read(scope, run.segment, run.place.offset, bytes));
  auto parsed = format::IndexRun::parse(bytes);
  if (!parsed) {
    Error error = std::move(parsed).error();
    error.detail =
        fmt::format("the index of segment {} of the journal is damaged: {}", run.segment.value(), error.text());
    co_return fail(std::move(error));
  }
  auto loaded = std::make_shared<const format::IndexRun>(std::move(*parsed));
  cache_.add(key, loaded);
  co_return loaded;
}

}  // namespace afterimage::replica
