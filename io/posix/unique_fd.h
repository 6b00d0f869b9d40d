// SPDX-License-Identifier: Apache-2.0
// UniqueFd: a file descriptor with one owner. Externally serialised.
#pragma once

#include <cerrno>
#include <utility>

#include <unistd.h>

namespace afterimage::io::posix {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  // Gives the ownership away.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  // Closes in silence, keeping errno: it is called on failure paths.
  void reset() noexcept {
    if (fd_ < 0) return;
    const int saved = errno;
    ::close(std::exchange(fd_, -1));
    errno = saved;
  }

 private:
  int fd_ = -1;
};

}  // namespace afterimage::io::posix
