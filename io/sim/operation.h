// SPDX-License-Identifier: Apache-2.0
// What can be watched, made to fail or crashed upon: every operation of a simulated node on its disk or the network.
#pragma once

#include <cerrno>
#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace afterimage::io::sim {

// A host of the world. Its disk and name stay; the process on it comes and goes (an incarnation).
struct NodeId {
  std::uint32_t value = 0;
  auto operator<=>(const NodeId&) const = default;
};

enum class OperationKind : std::uint8_t {
  open,    // an existing file or folder
  create,  // a new file or folder
  list,
  remove,  // a file or a folder
  rename,  // replace, rename_new
  clone,
  read,
  write,
  write_zeros,
  resize,
  sync,  // of a file
  sync_directory,
  inspect,  // facts, next_data, map_data, free_space, drop_cache
  connect,
  accept,
  receive,   // read_some of a stream
  send,      // write of a stream
  shutdown,  // shutdown_write of a stream
};
inline constexpr std::size_t operation_kinds = static_cast<std::size_t>(OperationKind::shutdown) + 1;

// The enumerator's name: "sync_directory".
[[nodiscard]] std::string_view name_of(OperationKind kind) noexcept;
[[nodiscard]] constexpr bool is_network(OperationKind kind) { return kind >= OperationKind::connect; }

// before: nothing has happened yet. after: the effect is in the world, but the task that asked does not know it yet.
enum class Moment : std::uint8_t { before, after };

// One operation, as observers see it: twice, unless the node crashed in between or the task went away.
struct OperationNotice {
  NodeId node;
  OperationKind kind = OperationKind::open;
  Moment moment = Moment::before;
  std::string_view path;     // absolute; of a stream the peer ("replica:8084"); valid during the call
  std::uint64_t offset = 0;  // of a file; of a stream the bytes that went this direction before
  std::uint64_t bytes = 0;   // asked for (before), done (after)
  std::uint64_t number = 0;  // of the node's operations, disk and network together; the first is 1
  bool failed = false;       // after: it ended with an error, injected or not
};

// Which operations of a node: those that fit, after `skip` others that fit.
struct OperationMatch {
  std::optional<OperationKind> kind = {};  // none: every kind
  std::string path_part = {};              // part of the path or peer; empty: every one
  std::uint64_t skip = 0;
};

inline constexpr std::uint64_t forever = std::numeric_limits<std::uint64_t>::max();

// As the error of a rule: an operation on a disk neither ends nor fails until the faults are cleared, then it goes
// well.
inline constexpr int never_ends = -1;
// As the error of a rule for writes: it answers well, and the page cache shows it, but the medium never gets it, or
// gets it at another place of the file. DiskControl::misdeeds() tells what was struck.
inline constexpr int lost_write = -2;
inline constexpr int misdirected_write = -3;

// An error for `count` matching operations. Whatever the number, a failed sync has dropped what it should have made
// durable, a failed write may have written a part, and a network operation ends with `unreachable` and breaks its
// stream.
struct FaultRule {
  OperationMatch match = {};
  std::uint64_t count = 1;  // `forever`: sticky
  int error = EIO;          // errno, or one of the above
};

// Errors by the seed, in parts of a million operations of that kind.
struct FaultRates {
  std::uint32_t read = 0;
  std::uint32_t write = 0;     // write, write_zeros, resize
  std::uint32_t sync = 0;      // sync, sync_directory
  std::uint32_t no_space = 0;  // ENOSPC of write, create, clone
};

// kill: the process is gone; page cache, pending names and the host stay. Its connections end or are reset, by the
// seed. power_cut: the host is gone; of what was not synced each part is by the seed kept, lost or torn. Peers hear
// nothing.
enum class CrashKind : std::uint8_t { kill, power_cut };
[[nodiscard]] std::string_view name_of(CrashKind kind) noexcept;

// Crash at an operation that matches. `before` loses it; `after` has its effect, and nobody told.
struct CrashPlan {
  OperationMatch match = {};
  CrashKind kind = CrashKind::power_cut;
  Moment moment = Moment::before;
};

}  // namespace afterimage::io::sim
