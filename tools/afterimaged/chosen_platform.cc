// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/chosen_platform.h"

#include "io/posix/platform.h"
#include "io/uring/platform.h"

namespace afterimage::daemon {
namespace {

Result<ChosenPlatform> on_posix(const std::string& reason) {
  AFI_TRY(std::unique_ptr<io::posix::HostPlatform> host, io::posix::PosixPlatform::create());
  return ChosenPlatform{.host = std::move(host), .reason = "files and sockets through epoll and threads: " + reason};
}

Result<ChosenPlatform> on_uring(const std::string& reason) {
  AFI_TRY(std::unique_ptr<io::posix::HostPlatform> host, io::uring::UringPlatform::create());
  return ChosenPlatform{.host = std::move(host), .reason = "files and sockets through io_uring" + reason};
}

}  // namespace

Result<ChosenPlatform> choose_platform(tools::IoChoice wanted) {
  if (wanted == tools::IoChoice::posix) return on_posix("the configuration says [host] io = posix");
  const Status usable = io::uring::is_available();
  if (usable) return on_uring(wanted == tools::IoChoice::uring ? ": the configuration says [host] io = uring" : "");
  if (wanted == tools::IoChoice::automatic) return on_posix(usable.error().text());
  Error error = usable.error();
  error.detail = "the configuration says [host] io = uring, but " + error.text() +
                 "; allow it, or set io = \"auto\" to go on without";
  return fail(std::move(error));
}

}  // namespace afterimage::daemon
