// SPDX-License-Identifier: Apache-2.0
// What both machines of the protocol share: the values that the calls of PointSink give back.
#pragma once

#include <variant>
#include <vector>

#include "engine/format/block_hash.h"
#include "engine/plan/point_sink_types.h"
#include "io/base/result.h"

namespace afterimage::replication {

struct Done {};  // append took the frame, or remove_machine removed: nothing to tell

using PortValue = std::variant<Done, Welcome, Need, Receipt, std::vector<format::BlockHash>>;
using PortAnswer = Result<PortValue>;

}  // namespace afterimage::replication
