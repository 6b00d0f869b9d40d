// SPDX-License-Identifier: Apache-2.0
#include "io/posix/system_calls.h"

#include <cstdio>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace afterimage::io::posix {
namespace {

int call_openat2(int directory, const char* name, const open_how* how) {
  return static_cast<int>(::syscall(SYS_openat2, directory, name, how, sizeof *how));
}

int call_clone(int target, int source) { return ::ioctl(target, FICLONE, source); }

}  // namespace

const SystemCalls& kernel_calls() {
  static const SystemCalls calls{.pread = ::pread,
                                 .pwrite = ::pwrite,
                                 .fdatasync = ::fdatasync,
                                 .fsync = ::fsync,
                                 .ftruncate = ::ftruncate,
                                 .fallocate = ::fallocate,
                                 .lseek = ::lseek,
                                 .close = ::close,
                                 .openat2 = call_openat2,
                                 .renameat2 = ::renameat2,
                                 .clone = call_clone,
                                 .accept4 = ::accept4};
  return calls;
}

}  // namespace afterimage::io::posix
