// SPDX-License-Identifier: Apache-2.0
// What is done to an open file or folder, as plain blocking calls: loops over EINTR and short counts, sticky sync
// failure, fallbacks for file systems that cannot do a thing. Called on threads of the disk pool, for one file possibly
// on several at once. The contract of each is that of the method of io::File it serves (io/disk.h).
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "io/disk.h"
#include "io/posix/system_calls.h"
#include "io/posix/unique_fd.h"

namespace afterimage::io::posix {

// An open file or folder. Only `sync_failed` changes while calls run.
struct OpenFile {
  const SystemCalls& calls;
  UniqueFd fd;
  std::string path;                       // for messages
  std::atomic<bool> sync_failed = false;  // never becomes false again
  std::mutex syncing;                     // held by the one sync of this file that runs

  OpenFile(const SystemCalls& system_calls, UniqueFd descriptor, std::string its_path)
      : calls(system_calls), fd(std::move(descriptor)), path(std::move(its_path)) {}
};

// An Error whose detail names the action, the file and the system's reason: "cannot open /a/b: No such file or
// directory".
[[nodiscard]] std::unexpected<Error> fail_file(int system, const char* action, std::string_view path);

// What every read and write asks first: the offset as the kernel takes it (invalid_argument when the range is out of a
// file's reach); whether an earlier sync failed.
[[nodiscard]] Result<off_t> offset_in_reach(const OpenFile& file, ByteOffset offset, std::uint64_t size);
[[nodiscard]] Status refuse_after_failed_sync(const OpenFile& file);

[[nodiscard]] Result<std::size_t> read_file_at(OpenFile& file, ByteOffset offset, MutableBytes out);
// On any thread; never waits for a device (preadv2 with RWF_NOWAIT).
[[nodiscard]] std::size_t read_file_cache(const OpenFile& file, ByteOffset offset, MutableBytes out);
[[nodiscard]] Status write_file_at(OpenFile& file, ByteOffset offset, ByteView data);
[[nodiscard]] Status sync_file(OpenFile& file);
[[nodiscard]] Status sync_folder(OpenFile& folder);
[[nodiscard]] Status resize_file(OpenFile& file, ByteCount size);
[[nodiscard]] Status zero_file_range(OpenFile& file, FileRange range);
[[nodiscard]] Result<std::optional<FileRange>> next_file_data(OpenFile& file, ByteOffset from);
[[nodiscard]] Result<DataMap> map_file_data(OpenFile& file, FileRange range);
[[nodiscard]] Result<FileFacts> file_facts(const OpenFile& file);
[[nodiscard]] Status drop_file_cache(OpenFile& file, FileRange range);
[[nodiscard]] Status lock_file(OpenFile& file, LockMode mode);

}  // namespace afterimage::io::posix
