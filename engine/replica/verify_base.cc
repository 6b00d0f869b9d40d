// SPDX-License-Identifier: Apache-2.0
// Bases against their hashes, and the first point's change roots against both.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "engine/format/extent_set.h"
#include "engine/replica/first_root.h"
#include "engine/replica/store_files.h"
#include "engine/replica/verifier.h"

namespace afterimage::replica {
namespace {

constexpr std::uint64_t window_blocks = 256;

}  // namespace

io::Task<Status> Verifier::compare_window(BaseDisk& disk, Extent window, std::vector<Extent>& wrong) {
  const format::BlockHasher& hasher = machine_->hashers().at(disk.id);
  Bytes content(static_cast<std::size_t>(bytes_of(window.count).value()));
  auto reading = image::read_blocks(scope_, *disk.image, window, content);
  const Status read = co_await reading;
  if (!read && read.error().code == ErrorCode::cancelled) co_return read;
  auto hashing = disk.sums->read_hashes(scope_, window);
  const auto hashes = co_await hashing;
  if (!hashes && hashes.error().code == ErrorCode::cancelled) co_return std::unexpected(hashes.error());
  std::vector<bool> differs(static_cast<std::size_t>(window.count.value()), !read || !hashes);
  if (read && hashes) {
    auto running = machine_->context().platform.workers.run("hash blocks", [&] {
      for (std::size_t i = 0; i < hashes->size(); ++i) {
        differs[i] = hasher.hash(ByteView(content).subspan(i * block_size, block_size)) != (*hashes)[i];
      }
    });
    co_await running;
  }
  for (std::size_t i = 0; i < differs.size(); ++i) {
    if (!differs[i]) continue;
    const BlockIndex block = window.first + BlockCount(std::uint64_t{i});
    if (!wrong.empty() && wrong.back().end() == block) {
      wrong.back().count += BlockCount(std::uint64_t{1});
    } else {
      wrong.push_back(Extent{.first = block, .count = BlockCount(std::uint64_t{1})});
    }
  }
  advance(content.size());
  co_return Status{};
}

io::Task<Status> Verifier::verify_base(BaseDisk& disk) {
  const DiskDescription* described = machine_->description().find_disk(disk.id);
  const std::string name = described == nullptr ? disk.id.text() : described->name;
  auto rereading = disk.sums->reread_from_device(scope_);
  const Status header = co_await rereading;
  const BlockIndex end(disk.sums->blocks().value());
  const Extent all{.first = {}, .count = disk.sums->blocks()};
  if (!header) {
    if (header.error().code == ErrorCode::cancelled) co_return header;
    // The hashes behind the header may be right: whatever is wrong with them is found there.
    report(DamagedPlace{.disk = disk.id,
                        .extent = all,
                        .first_point = points_.front().record.sequence,
                        .last_point = points_.back().record.sequence,
                        .what = fmt::format("{} of disk {}: {}", sums_file_name, name, header.error().text())});
  }
  AFI_CO_TRY_STATUS(disk.image->drop_cache(scope_, all));
  std::vector<Extent> wrong;
  for (BlockIndex at; at < end;) {
    AFI_CO_STATUS(scope_.check());
    AFI_CO_TRY(const std::optional<io::FileRange> data, disk.image->next_data(scope_, offset_of(at)));
    AFI_CO_TRY(const std::optional<Extent> sums, disk.sums->next_data(scope_, at));
    if (!data && !sums) break;
    BlockIndex next = end;
    if (data) next = std::min(next, block_at(data->offset));
    if (sums) next = std::min(next, sums->first);
    at = std::max(at, next);
    const Extent window{.first = at, .count = BlockCount(std::min(window_blocks, (end - at).value()))};
    AFI_CO_TRY_STATUS(compare_window(disk, window, wrong));
    at = window.end();
  }
  const std::string what =
      fmt::format("{} of disk {}: a block differs from its hash in {}", base_file_name, name, sums_file_name);
  auto reporting = report_extents(disk.id, std::move(wrong), std::nullopt, what);
  co_return co_await reporting;
}

// Block by block the base may agree with hashes that were changed with it; the first point knows better.
io::Task<Status> Verifier::verify_first_root() {
  const JournalPoint& first = points_.front();
  std::vector<OpenFrame> frames;
  for (const RunRef& ref : added_.front().runs) {
    AFI_CO_TRY(const std::shared_ptr<const format::IndexRun> run, table_->load(scope_, ref));
    std::vector<OpenFrame> of_run(run->frames().size());
    for (const format::RunDisk& disk : run->disks()) {
      for (const format::IndexEntry& entry : run->entries(disk.disk)) of_run[entry.frame].disk = disk.disk;
    }
    for (std::size_t i = 0; i < of_run.size(); ++i) {
      of_run[i].segment = ref.segment;
      of_run[i].offset = run->frames()[i].offset;
      of_run[i].bytes = static_cast<std::uint32_t>(run->frames()[i].encoded.value());
    }
    std::ranges::move(of_run, std::back_inserter(frames));
  }
  for (BaseDisk& disk : base_->disks()) {
    AFI_CO_TRY(const DiskRoot root,
               first_root(scope_, machine_->context().platform.workers, *disk.sums, *table_, frames));
    const format::PointDisk* in_record = first.record.find(disk.id);
    if (in_record != nullptr && root.root == in_record->change_root) continue;
    report(DamagedPlace{.disk = disk.id,
                        .extent = {},
                        .first_point = first.record.sequence,
                        .last_point = points_.back().record.sequence,
                        .what = "base and first frames together are not what the first point's change root says"});
  }
  co_return Status{};
}

io::Task<Status> Verifier::verify_bases() {
  if (points_.empty()) co_return Status{};
  for (BaseDisk& disk : base_->disks()) AFI_CO_TRY_STATUS(verify_base(disk));
  // Where something is named already the root would only name it again, less well.
  if (!outcome_.damage.empty() || points_.front().record.sequence != Sequence(std::uint64_t{1})) co_return Status{};
  auto proving = verify_first_root();
  const Status proven = co_await proving;
  if (proven || proven.error().code == ErrorCode::cancelled || proven.error().code == ErrorCode::timed_out)
    co_return proven;
  co_return Status{};  // a frame of the first cycle does not verify: the journal's turn to name it
}

}  // namespace afterimage::replica
