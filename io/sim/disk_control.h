// SPDX-License-Identifier: Apache-2.0
// DiskControl: a test's hand on one node's disk. Faults that its operations will meet, and the content itself, at once:
// without latency, faults, or a trace, whether the node is up or not. Paths are absolute.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/base/bytes.h"
#include "io/base/result.h"
#include "io/base/units.h"
#include "io/disk.h"
#include "io/sim/content.h"
#include "io/sim/operation.h"

namespace afterimage::io::sim {

enum class CloneSupport : std::uint8_t { yes, no };
enum class Persistence : std::uint8_t {
  cached,  // as written by a process: a power cut may lose it
  synced,  // on the medium
};

class FileSystem;
class FaultPlan;

// What a write that was lost or went astray has left wrong on the medium.
struct Misdeed {
  std::string path;
  FileRange range;
};

struct FoundFile {
  std::string path;
  ByteCount size;
};

class DiskControl {
 public:
  DiskControl(FileSystem& file_system, FaultPlan& faults) : file_system_(file_system), faults_(faults) {}

  // --- Faults. Rules are tried in order of adding; the first that fits strikes.
  void add_fault(FaultRule rule);
  void fail_next(OperationKind kind, int error = EIO, std::uint64_t count = 1);
  // The operation whose World::operations() number is n, and with count > 1 those after it.
  void fail_operation_number(std::uint64_t n, int error = EIO, std::uint64_t count = 1);
  void set_rates(FaultRates rates);
  void clear_faults();  // rules and rates; damage stays
  [[nodiscard]] std::uint64_t faults_injected() const;

  void set_capacity(ByteCount capacity);  // below what is used: every write that takes space answers ENOSPC
  [[nodiscard]] ByteCount used() const;

  // --- Damage.
  // Flips the bits of `mask` in one byte, on the medium and in the cache. The file has that byte.
  [[nodiscard]] Status rot(const std::string& path, ByteOffset offset, std::byte mask);
  // Reads of the range answer EIO until it is written again.
  [[nodiscard]] Status make_unreadable(const std::string& path, FileRange range);
  // Undoes rot() and make_unreadable() where nothing was written since. True if none of it is left, and some was.
  [[nodiscard]] bool heal(const std::string& path);
  // Of writes that rules have made lost_write or misdirected_write, oldest first.
  [[nodiscard]] const std::vector<Misdeed>& misdeeds() const;
  // Forgets clean cached pages of every file, as memory pressure does: what a failed sync dropped shows its old
  // content.
  void evict_cache();

  // --- Content.
  [[nodiscard]] bool exists(const std::string& path) const;
  [[nodiscard]] Result<ByteCount> size(const std::string& path) const;
  [[nodiscard]] Result<Bytes> read(const std::string& path) const;                   // as a process would read it
  [[nodiscard]] Result<Bytes> read(const std::string& path, FileRange range) const;  // short at the end of the file
  [[nodiscard]] Result<Snapshot> snapshot(const std::string& path) const;            // the same, and shared
  // As the medium has it: what is left if a power cut loses all it may. not_found if even the name would be lost.
  [[nodiscard]] Result<Bytes> read_durable(const std::string& path) const;
  // Writes into a file, which is made (with its folders) if it is not there. `synced` includes its name.
  [[nodiscard]] Status write(const std::string& path, ByteOffset offset, ByteView data, Persistence persistence);
  [[nodiscard]] Status resize(const std::string& path, ByteCount size, Persistence persistence);
  [[nodiscard]] Status make_directory(const std::string& path);  // with its parents, durable
  [[nodiscard]] Status remove(const std::string& path);          // a file, or a folder with all in it; durable
  // Gives a file or folder another path, in a folder that is there, durably. already_exists; what is open stays open.
  [[nodiscard]] Status move(const std::string& from, const std::string& to);
  [[nodiscard]] Result<std::vector<std::string>> list(const std::string& path) const;  // names, sorted
  [[nodiscard]] std::vector<FoundFile> files_below(const std::string& path) const;     // none if it is no folder
  void sync_all();  // sync(2): everything is on the medium

 private:
  FileSystem& file_system_;
  FaultPlan& faults_;
};

}  // namespace afterimage::io::sim
