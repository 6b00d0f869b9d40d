// SPDX-License-Identifier: Apache-2.0
// Runs lives of the whole system: `system_simulation --seeds N [--first S] [--cycles C] [--table required|shown]`, or
// one: `--seed S`. Prints the table of faults by phases; fails on the first seed whose life was not right, on an empty
// cell of a required table, and when one seed run twice gives two traces. Progress and what fails go to stderr.
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>

#include <malloc.h>
#include <sys/resource.h>

#include "tests/system/life.h"

namespace afterimage::system {
namespace {

constexpr std::uint64_t progress_seeds = 5'000;

struct Arguments {
  std::uint64_t seeds = 100;
  std::uint64_t first = 1;
  std::uint64_t cycles = 20;
  bool table_required = false;
};

std::optional<std::uint64_t> number(const char* text) {
  std::uint64_t value = 0;
  const char* const end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::optional<Arguments> parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--table") {
      arguments.table_required = std::string_view(argv[i + 1]) == "required";
      continue;
    }
    const std::optional<std::uint64_t> value = number(argv[i + 1]);
    if (!value) return std::nullopt;
    if (name == "--seeds") {
      arguments.seeds = *value;
    } else if (name == "--first") {
      arguments.first = *value;
    } else if (name == "--cycles") {
      arguments.cycles = *value;
    } else if (name == "--seed") {
      arguments.first = *value;
      arguments.seeds = 1;
    } else {
      return std::nullopt;
    }
  }
  if (argc % 2 == 0) return std::nullopt;
  return arguments;
}

long peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

int run(const Arguments& arguments) {
  FaultTable table;
  std::uint64_t cycles = 0;
  std::uint64_t crashes = 0;
  for (std::uint64_t seed = arguments.first; seed < arguments.first + arguments.seeds; ++seed) {
    const LifeOptions options{.seed = seed, .cycles = arguments.cycles};
    const LifeResult result = Life(options).run();
    if (!result.failure.empty()) {
      std::fprintf(stderr, "FAILED %s\nreplay: tests/sim --seed %llu\n", result.failure.c_str(),
                   static_cast<unsigned long long>(seed));
      return 1;
    }
    if (seed == arguments.first && Life(options).run().trace_hash != result.trace_hash) {
      std::fprintf(stderr, "FAILED seed %llu run twice gives two traces\n", static_cast<unsigned long long>(seed));
      return 1;
    }
    table.add(result.faults);
    cycles += result.cycles;
    crashes += result.crashes;
    if ((seed - arguments.first + 1) % progress_seeds == 0) {
      std::fprintf(stderr, "seeds %llu to %llu are fine\n", static_cast<unsigned long long>(arguments.first),
                   static_cast<unsigned long long>(seed));
    }
  }
  table.print();
  std::printf("%llu seeds, %llu cycles, %llu crashes, peak memory %ld MiB, 0 losses\n",
              static_cast<unsigned long long>(arguments.seeds), static_cast<unsigned long long>(cycles),
              static_cast<unsigned long long>(crashes), peak_mib());
  if (arguments.table_required && table.empty_cells() != 0) {
    std::fprintf(stderr, "FAILED %zu cells of the table are empty\n", table.empty_cells());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace afterimage::system

int main(int argc, char** argv) {
  // Each life takes what the one before gave back. Left alone, glibc returns it to the kernel several times a cycle,
  // and page faults become half of what a life costs.
  mallopt(M_TRIM_THRESHOLD, 512 << 20U);
  mallopt(M_MMAP_THRESHOLD, 32 << 20U);
  const auto arguments = afterimage::system::parse(argc, argv);
  if (!arguments) {
    std::fprintf(stderr, "usage: %s [--seeds N] [--first S] [--cycles C] [--table required|shown] | --seed S\n",
                 argv[0]);
    return 2;
  }
  return afterimage::system::run(*arguments);
}
