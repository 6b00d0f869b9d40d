// SPDX-License-Identifier: Apache-2.0
// The folder of a store that was there before. A volume that is not mounted leaves an empty folder in its place, or
// none: nothing may be made there, because an empty replica would be believed.
#pragma once

#include <memory>
#include <string>

#include "io/base/identity.h"
#include "io/disk.h"

namespace afterimage::replica {

// Opens it and proves by its marker that it is that store. Changes nothing. Errors: refused (missing, without a marker,
// or another store), damaged, unsupported, io_failed.
[[nodiscard]] io::Task<Result<std::unique_ptr<io::Directory>>> open_known_store(io::Scope& scope, io::Disk& disk,
                                                                                std::string name, std::string path,
                                                                                StoreId id);

}  // namespace afterimage::replica
