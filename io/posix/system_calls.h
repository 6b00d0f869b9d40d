// SPDX-License-Identifier: Apache-2.0
// The system calls whose failures cannot be produced at will (a failing fsync, a short write, an exhausted table of
// descriptors), as a table that a test can replace. All others are called directly.
#pragma once

#include <cstddef>

#include <linux/openat2.h>
#include <sys/socket.h>
#include <sys/types.h>

namespace afterimage::io::posix {

// Each behaves as the call of its name: -1 and errno. Called from any thread.
struct SystemCalls {
  ssize_t (*pread)(int fd, void* out, std::size_t size, off_t offset);
  ssize_t (*pwrite)(int fd, const void* data, std::size_t size, off_t offset);
  int (*fdatasync)(int fd);
  int (*fsync)(int fd);
  int (*ftruncate)(int fd, off_t size);
  int (*fallocate)(int fd, int mode, off_t offset, off_t size);
  off_t (*lseek)(int fd, off_t offset, int whence);
  int (*close)(int fd);
  int (*openat2)(int directory, const char* name, const open_how* how);
  int (*renameat2)(int from_directory, const char* from, int to_directory, const char* to, unsigned flags);
  int (*clone)(int target, int source);  // ioctl FICLONE
  int (*accept4)(int fd, sockaddr* address, socklen_t* size, int flags);
};

// The kernel's.
[[nodiscard]] const SystemCalls& kernel_calls();

}  // namespace afterimage::io::posix
