// SPDX-License-Identifier: Apache-2.0
// The change root of a first point: over every block of a disk, zeros included, from its hash file.
#pragma once

#include "engine/image/hash_file.h"
#include "engine/source/capture.h"

namespace afterimage::source {

[[nodiscard]] io::Task<Result<DiskCapture>> whole_disk_root(io::Scope& scope, image::HashFile& file);

}  // namespace afterimage::source
