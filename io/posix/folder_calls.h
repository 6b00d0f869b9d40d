// SPDX-License-Identifier: Apache-2.0
// What is done to names, as plain blocking calls on threads of the disk pool. Contracts: io::Directory and io::Disk
// (io/disk.h). Names and paths are checked here, in one place.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/disk.h"
#include "io/posix/file_calls.h"

namespace afterimage::io::posix {

using OpenResult = Result<std::unique_ptr<OpenFile>>;

// By path; links are followed. The path must be absolute.
[[nodiscard]] OpenResult open_file_by_path(const SystemCalls& calls, const std::string& path, OpenMode mode);
[[nodiscard]] OpenResult open_folder_by_path(const SystemCalls& calls, const std::string& path);
[[nodiscard]] OpenResult make_folder_by_path(const SystemCalls& calls, const std::string& path);

// By name inside an open folder; links are refused.
[[nodiscard]] OpenResult open_file_in(const OpenFile& folder, const std::string& name, OpenMode mode);
[[nodiscard]] OpenResult open_folder_in(const OpenFile& folder, const std::string& name);
[[nodiscard]] OpenResult make_folder_in(const OpenFile& folder, const std::string& name);
[[nodiscard]] OpenResult clone_file_in(const OpenFile& folder, const OpenFile& source, const std::string& name);
[[nodiscard]] Result<std::vector<DirectoryEntry>> list_folder(const OpenFile& folder);
[[nodiscard]] Status remove_file_in(const OpenFile& folder, const std::string& name);
[[nodiscard]] Status remove_folder_in(const OpenFile& folder, const std::string& name);
[[nodiscard]] Status replace_in(const OpenFile& folder, const std::string& from, const std::string& to);
[[nodiscard]] Status rename_new_in(const OpenFile& folder, const std::string& from, const std::string& to);
[[nodiscard]] Result<ByteCount> free_space_of(const OpenFile& folder);

}  // namespace afterimage::io::posix
