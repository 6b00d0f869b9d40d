// SPDX-License-Identifier: Apache-2.0
// The names that enums of the host have in JSON and in what the CLI reads and shows.
#pragma once

#include "engine/host/commands.h"
#include "transport/control/json_reader.h"

namespace afterimage::control {

inline constexpr EnumName<host::Role> role_names[] = {{host::Role::primary, "primary"},
                                                      {host::Role::replica, "replica"}};
inline constexpr EnumName<host::Health> health_names[] = {
    {host::Health::normal, "normal"}, {host::Health::warning, "warning"}, {host::Health::critical, "critical"}};
inline constexpr EnumName<host::Renewal> renewal_names[] = {{host::Renewal::automatic, "automatic"},
                                                            {host::Renewal::by_operator, "by operator"}};
inline constexpr EnumName<host::TrackerKind> tracker_names[] = {{host::TrackerKind::scan, "scan"}};
inline constexpr EnumName<host::SeedKind> seed_names[] = {{host::SeedKind::network, "network"},
                                                          {host::SeedKind::media, "media"}};
inline constexpr EnumName<host::JobState> job_state_names[] = {{host::JobState::running, "running"},
                                                               {host::JobState::done, "done"},
                                                               {host::JobState::failed, "failed"},
                                                               {host::JobState::cancelled, "cancelled"}};
inline constexpr EnumName<format::Consistency> consistency_names[] = {
    {format::Consistency::crash, "crash"}, {format::Consistency::application, "application"}};

}  // namespace afterimage::control
