// SPDX-License-Identifier: Apache-2.0
// Small files that are replaced whole: after a crash one finds the old content or the new, never a mixture.
// Order of writes: NAME.new written, synced; renamed over NAME; folder synced. A leftover NAME.new means nothing.
#pragma once

#include <cstddef>
#include <string>

#include "io/disk.h"

namespace afterimage::io {

// Durable when it returns.
[[nodiscard]] Task<Status> replace_file(Scope& scope, Directory& directory, std::string name, ByteView content);

// The whole file; limit_exceeded if it has more than `bytes_max`.
[[nodiscard]] Task<Result<Bytes>> read_file(Scope& scope, Directory& directory, std::string name,
                                            std::size_t bytes_max);

// Removes a file if it is there, durably.
[[nodiscard]] Task<Status> remove_if_there(Scope& scope, Directory& directory, std::string name);

// Removes everything in the folder, and the folders in it (depth at most 8). Not atomic.
[[nodiscard]] Task<Status> clear_directory(Scope& scope, Directory& directory);

}  // namespace afterimage::io
