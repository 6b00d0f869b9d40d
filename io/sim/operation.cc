// SPDX-License-Identifier: Apache-2.0
#include "io/sim/operation.h"

#include "io/sim/world.h"

namespace afterimage::io::sim {

std::string_view name_of(OperationKind kind) noexcept {
  switch (kind) {
    case OperationKind::open: return "open";
    case OperationKind::create: return "create";
    case OperationKind::list: return "list";
    case OperationKind::remove: return "remove";
    case OperationKind::rename: return "rename";
    case OperationKind::clone: return "clone";
    case OperationKind::read: return "read";
    case OperationKind::write: return "write";
    case OperationKind::write_zeros: return "write_zeros";
    case OperationKind::resize: return "resize";
    case OperationKind::sync: return "sync";
    case OperationKind::sync_directory: return "sync_directory";
    case OperationKind::inspect: return "inspect";
    case OperationKind::connect: return "connect";
    case OperationKind::accept: return "accept";
    case OperationKind::receive: return "receive";
    case OperationKind::send: return "send";
    case OperationKind::shutdown: return "shutdown";
  }
  return "unknown";
}

std::string_view name_of(CrashKind kind) noexcept {
  switch (kind) {
    case CrashKind::kill: return "kill";
    case CrashKind::power_cut: return "power cut";
  }
  return "unknown";
}

std::string_view name_of(Stop stop) noexcept {
  switch (stop) {
    case Stop::done: return "done";
    case Stop::crashed: return "crashed";
    case Stop::deadlock: return "deadlock";
    case Stop::time_over: return "time over";
  }
  return "unknown";
}

}  // namespace afterimage::io::sim
