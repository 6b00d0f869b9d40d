// SPDX-License-Identifier: Apache-2.0
#include "transport/replication/session_log.h"

namespace afterimage::replication {

std::string_view name_of(SessionNoteKind kind) noexcept {
  switch (kind) {
    case SessionNoteKind::admitted: return "admitted";
    case SessionNoteKind::refused: return "refused";
    case SessionNoteKind::ended: return "ended";
    case SessionNoteKind::lane_refused: return "lane_refused";
  }
  return "unknown";
}

}  // namespace afterimage::replication
