// SPDX-License-Identifier: Apache-2.0
#include "engine/source/primary_files.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/format/digest.h"
#include "engine/source/point_history.h"
#include "io/base/limits.h"
#include "io/durable_file.h"

namespace afterimage::source {
namespace {

const std::string seeding_name = "seeding";
const std::string spool_name = "spool";
const std::string hashes_prefix = "hashes-";
constexpr std::uint32_t seeding_magic = 0x44534641;  // "AFSD"

std::string hashes_name(Epoch epoch, std::size_t disk) {
  Bytes number(sizeof(std::uint64_t));
  for (std::size_t i = 0; i < number.size(); ++i) {
    number[i] = static_cast<std::byte>(epoch.value() >> (56U - 8U * static_cast<unsigned>(i)));
  }
  return hashes_prefix + to_hex(number) + "-" + std::to_string(disk);
}

}  // namespace

// Magic, epoch, disk index, block, check: 4 + 8 + 4 + 8 + 8.
Bytes SeedingProgress::encode() const {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.write(seeding_magic);
  writer.write(epoch.value());
  writer.write(position.disk_index);
  writer.write(position.block.value());
  writer.write(format::check_of(bytes));
  return bytes;
}

Result<SeedingProgress> SeedingProgress::parse(ByteView bytes) {
  if (bytes.size() != encoded_bytes || load<std::uint32_t>(bytes.data()) != seeding_magic ||
      load<std::uint64_t>(bytes.data() + encoded_bytes - 8) != format::check_of(bytes.first(encoded_bytes - 8))) {
    return fail(ErrorCode::damaged, "a seeding's progress that does not match its check");
  }
  const std::byte* at = bytes.data();
  return SeedingProgress{.epoch = Epoch(afterimage::load<std::uint64_t>(at + 4)),
                         .position = {.disk_index = afterimage::load<std::uint32_t>(at + 12),
                                      .block = BlockIndex(afterimage::load<std::uint64_t>(at + 16))}};
}

io::Task<Status> PrimaryFiles::open_again(io::Scope& scope, io::Disk& disk) {
  AFI_CO_TRY(folder_, disk.open_directory(scope, folder_->path()));
  co_return Status{};
}

io::Task<Result<PrimaryRecord>> PrimaryFiles::load(io::Scope& scope) {
  AFI_CO_TRY(const Bytes bytes, io::read_file(scope, *folder_, record_file_name, PrimaryRecord::encoded_bytes_max));
  co_return PrimaryRecord::parse(bytes);
}

io::Task<Status> PrimaryFiles::save(io::Scope& scope, const PrimaryRecord& record) {
  const Bytes bytes = record.encode();
  auto replacing = io::replace_file(scope, *folder_, record_file_name, bytes);
  co_return co_await replacing;
}

io::Task<Result<HashFileSet>> PrimaryFiles::create_hashes(io::Scope& scope, Epoch epoch,
                                                          const MachineDescription& machine,
                                                          const std::vector<ByteCount>& sizes) {
  HashFileSet files;
  for (std::size_t i = 0; i < machine.disks.size(); ++i) {
    AFI_CO_TRY(std::unique_ptr<io::File> file,
               folder_->open_file(scope, hashes_name(epoch, i), io::OpenMode::open_or_create));
    AFI_CO_TRY_STATUS(file->resize(scope, ByteCount{}));
    AFI_CO_TRY(std::unique_ptr<image::HashFile> hashes,
               image::HashFile::create(scope, std::move(file), machine.disks[i].id, sizes[i]));
    files.push_back(std::move(hashes));
  }
  co_return files;
}

io::Task<Result<HashFileSet>> PrimaryFiles::open_hashes(io::Scope& scope, Epoch epoch,
                                                        const MachineDescription& machine) {
  HashFileSet files;
  for (std::size_t i = 0; i < machine.disks.size(); ++i) {
    AFI_CO_TRY(std::unique_ptr<io::File> file, folder_->open_file(scope, hashes_name(epoch, i), io::OpenMode::write));
    AFI_CO_TRY(std::unique_ptr<image::HashFile> hashes, image::HashFile::open(scope, std::move(file)));
    if (hashes->disk() != machine.disks[i].id) co_return fail(ErrorCode::damaged, "a hash file of another disk");
    files.push_back(std::move(hashes));
  }
  co_return files;
}

io::Task<Result<HashFiles>> PrimaryFiles::seal_hashes(io::Scope& scope, Epoch epoch, HashFileSet& files) {
  HashFiles sealed{.epoch = epoch, .checks = {}};
  for (const std::unique_ptr<image::HashFile>& file : files) {
    AFI_CO_TRY_STATUS(file->sync(scope));
    AFI_CO_TRY(const std::uint64_t check, file->whole_check(scope));
    sealed.checks.push_back(check);
  }
  AFI_CO_TRY_STATUS(folder_->sync(scope));
  co_return sealed;
}

io::Task<Result<HashFileSet>> PrimaryFiles::open_sealed(io::Scope& scope, const HashFiles& kept,
                                                        const MachineDescription& machine) {
  auto opening = open_hashes(scope, kept.epoch, machine);
  Result<HashFileSet> files = co_await opening;
  if (!files && files.error().code == ErrorCode::not_found)
    co_return fail(ErrorCode::damaged, "a hash file is missing");
  if (!files) co_return files;
  if (files->size() != kept.checks.size()) co_return fail(ErrorCode::damaged, "another number of hash files");
  for (std::size_t i = 0; i < files->size(); ++i) {
    AFI_CO_TRY(const std::uint64_t check, (*files)[i]->whole_check(scope));
    if (check != kept.checks[i]) co_return fail(ErrorCode::damaged, "a hash file does not match its check");
  }
  co_return files;
}

io::Task<Result<std::optional<SeedingProgress>>> PrimaryFiles::load_seeding(io::Scope& scope) {
  auto reading = io::read_file(scope, *folder_, seeding_name, 4096);
  const Result<Bytes> bytes = co_await reading;
  if (!bytes && bytes.error().code == ErrorCode::not_found) co_return std::nullopt;
  if (!bytes) co_return std::unexpected(bytes.error());
  const Result<SeedingProgress> progress = SeedingProgress::parse(*bytes);
  if (!progress) co_return std::nullopt;  // it only saves work: without it the seeding starts anew
  co_return *progress;
}

io::Task<Status> PrimaryFiles::save_seeding(io::Scope& scope, const SeedingProgress& progress) {
  const Bytes bytes = progress.encode();
  auto replacing = io::replace_file(scope, *folder_, seeding_name, bytes);
  co_return co_await replacing;
}

io::Task<Status> PrimaryFiles::remove_leftovers(io::Scope& scope, const PrimaryRecord& record) {
  std::set<std::string> needed{record_file_name, history_file_name};
  const auto need_hashes = [&](Epoch epoch) {
    for (std::size_t i = 0; i < record.description.disks.size(); ++i) needed.insert(hashes_name(epoch, i));
  };
  if (record.hashes) need_hashes(record.hashes->epoch);
  if (record.pending) {
    need_hashes(record.pending->hashes.epoch);
    needed.insert(spool_name);
  }
  if (record.stage != PrimaryStage::replicating) {
    AFI_CO_TRY(const std::optional<SeedingProgress> seeding, load_seeding(scope));
    if (seeding) need_hashes(seeding->epoch);
    needed.insert(seeding_name);
  }
  AFI_CO_TRY(const std::vector<io::DirectoryEntry> entries, folder_->list(scope));
  for (const io::DirectoryEntry& entry : entries) {
    if (entry.kind == io::EntryKind::file && !needed.contains(entry.name)) {
      AFI_CO_TRY_STATUS(folder_->remove_file(scope, entry.name));
    }
  }
  co_return Status{};
}

}  // namespace afterimage::source
