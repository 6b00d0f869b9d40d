// SPDX-License-Identifier: Apache-2.0
#include "engine/medium/medium_reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/format/digest.h"
#include "engine/format/segment_scanner.h"
#include "engine/medium/medium_sink.h"
#include "io/base/limits.h"
#include "io/durable_file.h"

namespace afterimage::medium {
namespace {

constexpr std::size_t read_bytes = 1 * limits::MiB;
constexpr std::size_t faults_named_max = 8;

}  // namespace

io::Task<Result<std::unique_ptr<MediumReader>>> MediumReader::open(io::Scope& scope,
                                                                   std::unique_ptr<io::Directory> folder) {
  std::unique_ptr<MediumReader> reader(new MediumReader(std::move(folder)));
  auto reading = io::read_file(scope, *reader->folder_, manifest_file_name, SeedManifest::encoded_bytes_max);
  const Result<Bytes> bytes = co_await reading;
  if (!bytes && bytes.error().code == ErrorCode::not_found) {
    auto looking = reader->folder_->open_file(scope, progress_file_name, io::OpenMode::read);
    const bool unfinished = (co_await looking).has_value();
    if (unfinished) {
      co_return fail(ErrorCode::refused, "import a seed",
                     reader->folder_->path() +
                         " holds an export that was not finished; run 'afterimage export' again on the primary");
    }
    co_return fail(ErrorCode::not_found, "import a seed", "there is no seed in " + reader->folder_->path());
  }
  if (!bytes) co_return std::unexpected(bytes.error());
  Result<SeedManifest> manifest = SeedManifest::parse(*bytes);
  if (!manifest) {
    manifest.error().detail = "the manifest in " + reader->folder_->path() + " is damaged: " + manifest.error().text() +
                              "; carry the seed over again";
    co_return std::unexpected(manifest.error());
  }
  reader->manifest_ = std::move(*manifest);
  co_return reader;
}

ByteCount MediumReader::size() const {
  ByteCount sum;
  for (const SeedSegment& segment : manifest_.segments) sum += segment.size;
  return sum;
}

io::Task<Status> MediumReader::check_segment(io::Scope& scope, const SeedSegment& segment, std::uint64_t& done,
                                             Progress* progress) {
  AFI_CO_TRY(const std::unique_ptr<io::File> file,
             folder_->open_file(scope, segment_file_name(segment.number), io::OpenMode::read));
  AFI_CO_TRY(const io::FileFacts facts, file->facts(scope));
  if (facts.size != segment.size) co_return fail(ErrorCode::damaged, "has another length");
  format::Sha256 sha;
  Bytes buffer(read_bytes);
  for (ByteOffset at; at.value() < segment.size.value();) {
    AFI_CO_TRY(const std::size_t count, file->read_at(scope, at, buffer));
    if (count == 0) co_return fail(ErrorCode::damaged, "has another length");
    sha.update(ByteView(buffer).first(count));
    at += ByteCount(std::uint64_t{count});
    done += count;
    if (progress != nullptr) progress->advance("checking", done, size().value() * 2);
  }
  if (sha.finish() != segment.sha256) co_return fail(ErrorCode::damaged, "does not match its SHA-256");
  co_return Status{};
}

io::Task<Status> MediumReader::check(io::Scope& scope, Progress* progress) {
  std::string faults;
  std::size_t count = 0;
  std::uint64_t done = 0;
  for (const SeedSegment& segment : manifest_.segments) {
    auto checking = check_segment(scope, segment, done, progress);
    const Status checked = co_await checking;
    if (checked) continue;
    if (scope.is_interrupted()) co_return checked;
    if (++count <= faults_named_max) {
      faults += (faults.empty() ? "" : "; ") + segment_file_name(segment.number) + ": " + checked.error().text();
    }
  }
  if (count == 0) co_return Status{};
  co_return fail(ErrorCode::damaged, "check a seed",
                 std::to_string(count) + " of " + std::to_string(manifest_.segments.size()) +
                     " segments of the seed in " + folder_->path() + " are missing or damaged (" + faults +
                     "); nothing was imported, carry these files over again");
}

struct MediumReader::Feeding {
  PointSink& sink;
  Progress* progress = nullptr;
  Epoch seeding;  // the epoch of the first frame
  Epoch closing;  // the point's
  bool closing_begun = false;
  std::uint32_t skip_below = 0;  // frames of the epoch that the replica holds
  std::uint64_t done = 0;
  std::uint64_t total = 0;
};

io::Task<Status> MediumReader::feed_frame(io::Scope& scope, ByteView frame, Feeding& feeding) {
  AFI_CO_RESULT(const format::FrameView view, format::FrameView::parse(frame));
  if (view.identity().birth == feeding.closing && !feeding.closing_begun) {
    const BeginEpoch begin{.kind = EpochKind::cycle, .epoch = feeding.closing, .parent = {}};
    AFI_CO_TRY(const Need need, feeding.sink.begin(scope, begin));
    feeding.skip_below = need.first_frame;
    feeding.closing_begun = true;
  } else if (view.identity().birth != feeding.closing && feeding.seeding == Epoch{}) {
    feeding.seeding = view.identity().birth;
    const BeginEpoch begin{.kind = EpochKind::seeding, .epoch = feeding.seeding, .parent = {}};
    AFI_CO_TRY(const Need need, feeding.sink.begin(scope, begin));
    feeding.skip_below = need.first_frame;
  }
  if (view.identity().number >= feeding.skip_below)
    AFI_CO_TRY_STATUS(feeding.sink.append(scope, Bytes(frame.begin(), frame.end())));
  feeding.done += frame.size();
  if (feeding.progress != nullptr) feeding.progress->advance("importing", feeding.done, feeding.total);
  co_return Status{};
}

io::Task<Status> MediumReader::feed_segment(io::Scope& scope, const SeedSegment& segment, Feeding& feeding) {
  AFI_CO_TRY(const std::unique_ptr<io::File> file,
             folder_->open_file(scope, segment_file_name(segment.number), io::OpenMode::read));
  format::ScanExpectation expected;
  expected.machine = manifest_.description.id;
  expected.lineage = manifest_.description.lineage;
  expected.number = segment.number;
  expected.tail = format::TailPromise::durable;
  format::SegmentScanner scanner(expected, segment.size);
  Bytes buffer;
  while (const std::optional<format::SegmentScanner::Want> want = scanner.want()) {
    buffer.resize(want->bytes.value());
    AFI_CO_TRY(const std::size_t count, file->read_at(scope, want->offset, buffer));
    scanner.feed(ByteView(buffer).first(count));
    while (const std::optional<format::ScanRecord> record = scanner.next()) {
      if (record->frame) AFI_CO_TRY_STATUS(feed_frame(scope, record->bytes, feeding));
    }
  }
  if (scanner.outcome().end != format::RecordLabel::sealed || !scanner.outcome().damage.empty()) {
    co_return fail(ErrorCode::damaged, "import a seed",
                   segment_file_name(segment.number) + " is no whole segment of this seed");
  }
  co_return Status{};
}

io::Task<Result<Receipt>> MediumReader::feed(io::Scope& scope, PointSink& sink, Progress* progress) {
  AFI_CO_TRY(const Welcome welcome, sink.open(scope, manifest_.description, SeedBy::medium));
  if (!welcome.head.is_none()) {
    co_return fail(ErrorCode::already_exists, "import a seed",
                   manifest_.description.name + " has been seeded already: its newest point is " +
                       std::to_string(welcome.head.sequence.value()));
  }
  Feeding feeding{.sink = sink, .progress = progress, .seeding = {}, .closing = manifest_.point.epoch};
  feeding.done = size().value();
  feeding.total = size().value() * 2;
  for (const SeedSegment& segment : manifest_.segments) AFI_CO_TRY_STATUS(feed_segment(scope, segment, feeding));
  if (!feeding.closing_begun) {
    const BeginEpoch begin{.kind = EpochKind::cycle, .epoch = feeding.closing, .parent = {}};
    AFI_CO_TRY(const Need need, sink.begin(scope, begin));
    (void)need;  // an empty cycle needs nothing
  }
  auto committing = sink.commit(scope, manifest_.point);
  co_return co_await committing;
}

}  // namespace afterimage::medium
