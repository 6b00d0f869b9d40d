// SPDX-License-Identifier: Apache-2.0
// ReadableImage: a disk's content at one moment, read without copying. A raw file is one, a view of a recovery point is
// one; restore, compare, verify and capture read both alike. It knows nothing of how its bytes are stored.
#pragma once

#include <optional>

#include "io/base/bytes.h"
#include "io/base/result.h"
#include "io/base/units.h"
#include "io/disk.h"
#include "io/scope.h"
#include "io/task.h"

namespace afterimage::image {

// Thread: the reactor's, but for read_cached; reads may overlap in time.
class ReadableImage {
 public:
  virtual ~ReadableImage() = default;

  // In bytes; need not be a multiple of the block size.
  [[nodiscard]] virtual ByteCount size() const = 0;
  // Fills all of `out` from `offset`. The range lies inside the size (invalid_argument if not). Errors: io_failed,
  // damaged (the detail names the extent).
  [[nodiscard]] virtual io::Task<Status> read(io::Scope& scope, ByteOffset offset, MutableBytes out) = 0;
  // What is in memory of it, as io::File::read_cached. Thread: any. An image that does not override it has nothing
  // there.
  [[nodiscard]] virtual std::size_t read_cached(ByteOffset /*offset*/, MutableBytes /*out*/) { return 0; }
  // The first range at or after `from` that may be other than zeros, inside the size; nothing if only zeros follow. May
  // report zeros as data, never data as zeros.
  [[nodiscard]] virtual io::Task<Result<std::optional<io::FileRange>>> next_data(io::Scope& scope, ByteOffset from) = 0;
  // The same of all of `range` at once, as io::File::map_data; an image that does not override it is asked piece by
  // piece.
  [[nodiscard]] virtual io::Task<Result<io::DataMap>> map_data(io::Scope& scope, io::FileRange range);
};

// Reads the blocks of `extent` whole: `out` is extent.count blocks long, and what lies past the image's end is zeros.
[[nodiscard]] io::Task<Status> read_blocks(io::Scope& scope, ReadableImage& image, Extent extent, MutableBytes out);

// The same from memory alone, without waiting: false if some of it is not there, and then `out` holds anything. Thread:
// any.
[[nodiscard]] bool read_cached_blocks(ReadableImage& image, Extent extent, MutableBytes out);

// Fills `out` from a file that is known to be long enough; `damaged` if it ends before (it was cut under us).
[[nodiscard]] io::Task<Status> read_exactly_at(io::Scope& scope, io::File& file, ByteOffset offset, MutableBytes out);

}  // namespace afterimage::image
