// SPDX-License-Identifier: Apache-2.0
#include "io/uring/refusal.h"

#include <cerrno>
#include <cstdio>

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "io/uring/ring.h"

namespace afterimage::io::uring {
namespace {

bool says(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

TEST(UringRefusal, NamesWhatTheOperatorCanChange) {
  EXPECT_TRUE(says(reason_of_refusal(EPERM, 2), "kernel.io_uring_disabled = 2"));
  EXPECT_TRUE(says(reason_of_refusal(EPERM, 1), "kernel.io_uring_group"));
  EXPECT_TRUE(says(reason_of_refusal(EPERM, 0), "seccomp"));
  EXPECT_TRUE(says(reason_of_refusal(EPERM, std::nullopt), "seccomp"));
  EXPECT_TRUE(says(reason_of_refusal(ENOSYS, std::nullopt), "no io_uring"));
  EXPECT_TRUE(says(reason_of_refusal(EINVAL, 0), "6.1"));
  EXPECT_TRUE(says(reason_of_refusal(EMFILE, 0), "open files"));
}

// From here on in this process the call answers with `system`.
void forbid(unsigned call, unsigned system) {
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | system), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{.len = std::size(rules), .filter = rules};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) std::abort();
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) std::abort();
}

[[noreturn]] void tell_whether_available() {
  const Status usable = is_available();
  std::fprintf(stderr, "%s\n", usable ? "available" : usable.error().text().c_str());
  std::_Exit(usable ? 0 : usable.error().code == ErrorCode::unsupported ? 1 : 2);
}

TEST(UringRefusalDeathTest, AFilterThatForbidsARingIsTheReason) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto without = [](unsigned call, unsigned system) {
    forbid(call, system);
    tell_whether_available();
  };
  EXPECT_EXIT(tell_whether_available(), testing::ExitedWithCode(0), "available");
  EXPECT_EXIT(without(SYS_io_uring_setup, EPERM), testing::ExitedWithCode(1), "io_uring cannot be used: .*seccomp");
  EXPECT_EXIT(without(SYS_io_uring_setup, ENOSYS), testing::ExitedWithCode(1), "no io_uring");
  EXPECT_EXIT(without(SYS_io_uring_enter, EPERM), testing::ExitedWithCode(1), "seccomp");
  EXPECT_EXIT(without(SYS_io_uring_register, EPERM), testing::ExitedWithCode(1), "does not tell what it can do");
}

}  // namespace
}  // namespace afterimage::io::uring
