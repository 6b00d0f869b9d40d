// SPDX-License-Identifier: Apache-2.0
// RestoreTarget: where a restored disk is written to, and what must not be written over.
//
// A file is written beside its name first (NAME.afterimage-restore) and gets the name when it is whole: what was there
// stays until then, whatever happens. A block device is written over in place. Order of writes: content synced (by
// whoever writes it) -> name -> folder synced.
#pragma once

#include <memory>
#include <string>

#include "engine/host/commands.h"
#include "io/disk.h"
#include "io/scope.h"
#include "io/task.h"

namespace afterimage::host {

// Thread: the reactor's.
class RestoreTarget {
 public:
  enum class Kind : std::uint8_t { new_file, replaced_file, device };

  // Looks at what is at `path`, absolute, and changes nothing. What is there is held locked until the target dies. The
  // disk outlives it. Errors: already_exists (and `exists` says refuse), refused (inside a replica store; a link, a
  // folder, or another thing that is no file), busy (another program, or another restore, holds it), those of opening
  // the folder.
  [[nodiscard]] static io::Task<Result<std::unique_ptr<RestoreTarget>>> examine(io::Scope& scope, io::Disk& disk,
                                                                                std::string path, TargetExists exists);

  [[nodiscard]] Kind kind() const { return kind_; }
  // What to write to. busy: another restore to this path is running.
  [[nodiscard]] io::Task<Result<io::File*>> begin(io::Scope& scope);
  // Everything was written and synced: the file gets its name.
  [[nodiscard]] io::Task<Status> finish(io::Scope& scope);
  // Removes what was begun. A device keeps what was written to it.
  [[nodiscard]] io::Task<void> abandon(io::Scope& scope);

 private:
  RestoreTarget(std::unique_ptr<io::Directory> folder, std::string name, std::string path);
  [[nodiscard]] io::Task<Status> look(io::Scope& scope, TargetExists exists);
  [[nodiscard]] std::string unfinished_name() const;

  std::unique_ptr<io::Directory> folder_;
  std::string name_;
  std::string path_;  // as it was given, for messages
  Kind kind_ = Kind::new_file;
  std::unique_ptr<io::File> existing_;    // locked
  std::unique_ptr<io::File> unfinished_;  // locked
};

}  // namespace afterimage::host
