// SPDX-License-Identifier: Apache-2.0
// The peers of a cycle that no package has: the way of work of tools that read and hash the whole image each time.
//
//   bench_full_scan digest IMAGE DIGEST    one XXH3 of every 4 KiB block into a file
//   bench_full_scan delta IMAGE DIGEST     blocks whose hash is another, with their numbers, to stdout
//   bench_full_scan apply IMAGE            what delta wrote, from stdin
//   bench_full_scan walk IMAGE             XXH3 of all data that SEEK_DATA finds
//
// As lean as they can be: plain reads of 1 MiB, one thread, the hashes in memory.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace {

constexpr std::size_t block_bytes = 4096;
constexpr std::size_t window_bytes = 1 << 20;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): there is one thread
}

int open_or_die(const char* path, int flags) {
  const int fd = ::open(path, flags | O_CLOEXEC, 0600);
  if (fd < 0) die(path);
  return fd;
}

std::size_t read_full(int fd, char* out, std::size_t size) {
  std::size_t got = 0;
  while (got < size) {
    const ssize_t count = ::read(fd, out + got, size - got);
    if (count < 0) die("read");
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
  }
  return got;
}

// Memory that begins at a page: 16 bytes into one, where malloc would put it, some processors copy to it five times
// slower.
struct Free {
  void operator()(char* memory) const { std::free(memory); }
};
std::unique_ptr<char, Free> window_memory() {
  std::unique_ptr<char, Free> memory(static_cast<char*>(std::aligned_alloc(4096, window_bytes)));
  if (!memory) die("memory");
  return memory;
}

template <typename Each>
void for_each_block(const char* image, Each each) {
  const int fd = open_or_die(image, O_RDONLY);
  const auto window = window_memory();
  for (std::uint64_t block = 0;;) {
    const std::size_t got = read_full(fd, window.get(), window_bytes);
    if (got == 0) break;
    for (std::size_t at = 0; at < got; at += block_bytes) each(block++, window.get() + at);
  }
  ::close(fd);
}

int digest(const char* image, const char* path) {
  std::FILE* out = std::fopen(path, "wb");
  if (out == nullptr) die(path);
  for_each_block(image, [&](std::uint64_t, const char* content) {
    const XXH64_hash_t hash = XXH3_64bits(content, block_bytes);
    if (std::fwrite(&hash, sizeof hash, 1, out) != 1) die(path);
  });
  return std::fclose(out);
}

int delta(const char* image, const char* path) {
  std::vector<XXH64_hash_t> known;
  const int fd = open_or_die(path, O_RDONLY);
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) die(path);
  known.resize(static_cast<std::size_t>(facts.st_size) / sizeof(XXH64_hash_t));
  read_full(fd, reinterpret_cast<char*>(known.data()), known.size() * sizeof(XXH64_hash_t));
  ::close(fd);
  for_each_block(image, [&](std::uint64_t block, const char* content) {
    if (block < known.size() && known[block] == XXH3_64bits(content, block_bytes)) return;
    if (std::fwrite(&block, sizeof block, 1, stdout) != 1 || std::fwrite(content, block_bytes, 1, stdout) != 1)
      die("stdout");
  });
  return std::fflush(stdout);
}

int apply(const char* image) {
  const int fd = open_or_die(image, O_WRONLY);
  std::uint64_t block = 0;
  std::vector<char> content(block_bytes);
  while (std::fread(&block, sizeof block, 1, stdin) == 1) {
    if (std::fread(content.data(), block_bytes, 1, stdin) != 1) die("stdin");
    if (::pwrite(fd, content.data(), block_bytes, static_cast<off_t>(block * block_bytes)) != ssize_t{block_bytes})
      die(image);
  }
  return ::close(fd);
}

int walk(const char* image) {
  const int fd = open_or_die(image, O_RDONLY);
  const auto window = window_memory();
  std::uint64_t sum = 0;
  for (off_t at = 0; (at = ::lseek(fd, at, SEEK_DATA)) >= 0;) {
    const off_t end = ::lseek(fd, at, SEEK_HOLE);
    while (at < end) {
      const auto size = std::min<std::size_t>(window_bytes, static_cast<std::size_t>(end - at));
      const ssize_t got = ::pread(fd, window.get(), size, at);
      if (got <= 0) die("read");
      for (std::size_t i = 0; i < static_cast<std::size_t>(got); i += block_bytes)
        sum += XXH3_64bits(window.get() + i, std::min(block_bytes, static_cast<std::size_t>(got) - i));
      at += got;
    }
  }
  std::printf("%016llx\n", static_cast<unsigned long long>(sum));
  return ::close(fd);
}

}  // namespace

int main(int count, char** arguments) {
  const std::string verb = count > 1 ? arguments[1] : "";
  if (verb == "digest" && count == 4) return digest(arguments[2], arguments[3]);
  if (verb == "delta" && count == 4) return delta(arguments[2], arguments[3]);
  if (verb == "apply" && count == 3) return apply(arguments[2]);
  if (verb == "walk" && count == 3) return walk(arguments[2]);
  std::fprintf(stderr, "usage: bench_full_scan digest|delta|apply|walk IMAGE [DIGEST]\n");
  return 2;
}
