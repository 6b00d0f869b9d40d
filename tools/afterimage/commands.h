// SPDX-License-Identifier: Apache-2.0
// One function a command: its arguments become a request, its answer text or a document.
#pragma once

#include "tools/afterimage/session.h"

namespace afterimage::cli {

// `arguments` outlive the task.
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const HostInit& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const EnrolKey& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const EnrolJoin& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const Peers& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const PeersRevoke& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const Protect& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const Sync& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const ShowStatus& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const Points& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const Pause& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const Resume& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const Unprotect& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const Restore& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const Remove& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const Verify& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const Export& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const Import& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const Jobs& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const JobShow& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const JobCancel& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const SegmentInspect& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const SegmentVerify& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const ImageInfo& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const ImageCompare& arguments);
[[nodiscard]] io::Task<ExitStatus> run(Session& session, const Completion& arguments);

// "web=/srv/web.raw,track=scan". invalid_argument with a sentence.
[[nodiscard]] Result<host::ProtectDisk> parse_disk(const std::string& text, const Session& session);

}  // namespace afterimage::cli
