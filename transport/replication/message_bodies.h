// SPDX-License-Identifier: Apache-2.0
// The bodies of messages, for messages.cc alone: it has checked the length, and sees to it that no byte is left over.
#pragma once

#include "transport/replication/messages.h"

namespace afterimage::replication::detail {

void write_body(ByteWriter& writer, const Message& message);

// Requires: `type` is not frame, whose body is kept as it is. Leaves behind what it does not know. Errors: of any code.
[[nodiscard]] Result<Message> read_body(MessageType type, ByteReader& reader);

}  // namespace afterimage::replication::detail
