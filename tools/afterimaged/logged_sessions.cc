// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/logged_sessions.h"

#include <string>

namespace afterimage::daemon {

using replication::SessionNote;
using replication::SessionNoteKind;

void LoggedSessions::note(const SessionNote& note) {
  std::string text = "session";
  if (!note.session.is_none()) text += " " + note.session.text();
  text += peer_side_ == PeerSide::primary ? " of primary '" : " with replica '";
  text += note.peer + "' (" + note.address + ")";
  switch (note.kind) {
    case SessionNoteKind::admitted: return log_.info(text + " admitted");
    case SessionNoteKind::refused: return refusals_.note(note.address, text + " refused: " + note.reason.text());
    case SessionNoteKind::lane_refused:
      return refusals_.note(note.address, text + " goes on without a further lane: " + note.reason.text());
    case SessionNoteKind::ended: break;
  }
  text += " ended";
  // Summed up over sessions, this tells what was sent twice.
  if (peer_side_ == PeerSide::primary) text += " after " + std::to_string(note.frame_bytes) + " bytes of frames";
  if (note.lanes > 1) text += " on " + std::to_string(note.lanes) + " lanes";
  // Both say so when they have nothing left to say.
  if (note.reason.code == ErrorCode::end_of_data) return log_.info(text);
  log_.warning(text + ": " + note.reason.text());
}

}  // namespace afterimage::daemon
