// SPDX-License-Identifier: Apache-2.0
// A main for a fuzz target where there is no libFuzzer: gives every file of a corpus to LLVMFuzzerTestOneInput as it
// is, then mutated. The mutations follow from the seed and the file's content alone, so a failure is repeated by
// running the same program on the same file.
//
//   fuzz_NAME [--mutations N] [--seed S] FILE|FOLDER...
//
// A finding is a crash, an abort or a sanitizer's report. When it comes, the input is in `last-input-NAME` of the
// current folder, and the file and mutation it was made from are on stderr. A folder with no seed is a failure: a check
// that has nothing to read is no check.
#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)());

namespace {

using Input = std::vector<std::uint8_t>;

constexpr std::size_t input_bytes_max = 1 << 20;

// What the signal handler writes out; set before each call.
const Input* running_input = nullptr;
const char* running_file = "";
std::uint64_t running_mutation = 0;
std::string dump_path;

// Only a best effort, and not async-signal-safe: the process dies anyway.
void keep_input() {
  if (running_input == nullptr) return;
  std::fprintf(stderr, "died on %s, mutation %llu; the input is in %s\n", running_file,
               static_cast<unsigned long long>(running_mutation), dump_path.c_str());
  if (std::FILE* file = std::fopen(dump_path.c_str(), "wb"); file != nullptr) {
    std::fwrite(running_input->data(), 1, running_input->size(), file);
    std::fclose(file);
  }
  running_input = nullptr;
}

void report_signal(int signal) {
  std::fprintf(stderr, "signal %d\n", signal);
  keep_input();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// A sanitizer has handlers of its own, with better reports: there only its last word is taken.
void install_handlers() {
  std::signal(SIGABRT, report_signal);
  std::signal(SIGALRM, report_signal);
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(keep_input);
    return;
  }
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, report_signal);
}

std::uint64_t hash_of(const Input& input) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const std::uint8_t byte : input) hash = (hash ^ byte) * 0x100000001b3U;
  return hash;
}

// Values that parsers get wrong: limits of each width, and small counts.
constexpr std::array<std::uint64_t, 12> odd_values = {
    0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff, 0x7fffffffffffffff, 0xffffffffffffffff, 4096, 0x100000};

void mutate_once(Input& input, const Input& other, std::mt19937_64& random) {
  const auto below = [&random](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
  if (input.empty()) {
    input.push_back(static_cast<std::uint8_t>(random()));
    return;
  }
  const std::size_t at = below(input.size());
  const auto place = [&input](std::size_t index) { return input.begin() + static_cast<std::ptrdiff_t>(index); };
  switch (below(7)) {
    case 0: input[at] ^= static_cast<std::uint8_t>(1U << below(8)); break;
    case 1: input[at] = static_cast<std::uint8_t>(random()); break;
    case 2: input.resize(at); break;
    case 3: {  // a little-endian integer of 1 to 8 bytes
      const std::uint64_t value = odd_values[below(odd_values.size())];
      const std::size_t width = std::min(std::size_t{1} << below(4), input.size() - at);
      for (std::size_t i = 0; i < width; ++i) input[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
      break;
    }
    case 4: {  // cut a piece out
      const std::size_t length = 1 + below(std::min<std::size_t>(input.size() - at, 64));
      input.erase(place(at), place(at + length));
      break;
    }
    case 5: {  // say a piece twice
      const std::size_t length = 1 + below(std::min<std::size_t>(input.size() - at, 64));
      const Input piece(place(at), place(at + length));
      input.insert(place(at), piece.begin(), piece.end());
      break;
    }
    default: {  // a piece of another seed
      if (other.empty()) break;
      const std::size_t from = below(other.size());
      const std::size_t length = std::min({other.size() - from, input.size() - at, std::size_t{256}});
      std::copy_n(other.begin() + static_cast<std::ptrdiff_t>(from), length, place(at));
      break;
    }
  }
  if (input.size() > input_bytes_max) input.resize(input_bytes_max);
}

struct Options {
  std::uint64_t mutations = 2000;  // of the whole corpus together
  std::uint64_t seed = 1;
  std::vector<std::string> paths;
};

bool parse_number(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse_options(const std::vector<std::string_view>& arguments, Options& options) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const bool has_value = i + 1 < arguments.size();
    if (arguments[i] == "--mutations" && has_value) {
      if (!parse_number(arguments[++i], options.mutations)) return false;
    } else if (arguments[i] == "--seed" && has_value) {
      if (!parse_number(arguments[++i], options.seed)) return false;
    } else if (arguments[i].starts_with("-")) {
      return false;
    } else {
      options.paths.emplace_back(arguments[i]);
    }
  }
  return !options.paths.empty();
}

std::vector<std::string> files_of(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (!std::filesystem::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.is_regular_file()) files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

void run_one(const Input& input, const std::string& file, std::uint64_t mutation) {
  running_input = &input;
  running_file = file.c_str();
  running_mutation = mutation;
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse_options({argv + 1, argv + argc}, options)) {
    std::fprintf(stderr, "usage: %s [--mutations N] [--seed S] FILE|FOLDER...\n", argv[0]);
    return 2;
  }
  dump_path = "last-input-" + std::filesystem::path(argv[0]).filename().string();
  install_handlers();

  const std::vector<std::string> files = files_of(options.paths);
  std::vector<Input> seeds;
  for (const std::string& file : files) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
      std::fprintf(stderr, "cannot read %s\n", file.c_str());
      return 1;
    }
    seeds.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  if (seeds.empty()) {
    std::fprintf(stderr, "no seeds in %s\n", options.paths.front().c_str());
    return 1;
  }

  constexpr unsigned input_seconds_max = 20;
  std::uint64_t mutated = 0;
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    alarm(input_seconds_max);
    run_one(seeds[i], files[i], 0);
    std::mt19937_64 random(options.seed ^ hash_of(seeds[i]));
    const std::uint64_t share = options.mutations / seeds.size() + (i < options.mutations % seeds.size() ? 1U : 0U);
    for (std::uint64_t mutation = 1; mutation <= share; ++mutation, ++mutated) {
      Input input = seeds[i];
      const std::uint64_t steps = 1 + random() % 4;
      for (std::uint64_t step = 0; step < steps; ++step) mutate_once(input, seeds[random() % seeds.size()], random);
      alarm(input_seconds_max);
      run_one(input, files[i], mutation);
    }
  }
  std::printf("%zu seeds and %llu mutations, nothing found\n", seeds.size(), static_cast<unsigned long long>(mutated));
  return 0;
}
