// SPDX-License-Identifier: Apache-2.0
// A job of the daemon as a command that runs in the foreground: its progress, its end, its exit status. Ctrl-C leaves
// the job alone and says how to look again.
#pragma once

#include "engine/host/commands.h"
#include "tools/afterimage/session.h"

namespace afterimage::cli {

// Sends the request that starts a long command, and shows what comes of it: a plan, a job's number (--detach), or the
// job to its end.
[[nodiscard]] io::Task<ExitStatus> run_job(Session& session, control::Method method, std::string target,
                                           nlohmann::ordered_json body);

// What --json shows of a job that has ended well: its result, as the command that started it does, or the job itself.
enum class JobDocument : std::uint8_t { result, job };

// Follows a job that runs already, or shows how it ended.
[[nodiscard]] io::Task<ExitStatus> follow_job(Session& session, host::JobId id, JobDocument shown);

}  // namespace afterimage::cli
