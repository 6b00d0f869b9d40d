// SPDX-License-Identifier: Apache-2.0
#include "bench/stages/ratios.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string_view>
#include <utility>

namespace afterimage::bench {
namespace {

constexpr int rounds = 7;  // the median of them counts

// The usual table, and the medians kept.
class KeepingMedians final : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      const auto rate = run.counters.find("bytes_per_second");
      if (run.aggregate_name == "median" && rate != run.counters.end())
        medians[run.run_name.function_name] = rate->second;
    }
    ConsoleReporter::ReportRuns(runs);
  }
  std::map<std::string, double> medians;
};

void put(Bytes& out, std::string_view text) {
  const ByteView bytes = std::as_bytes(std::span(text));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void put_text(Bytes& out, std::size_t until, std::mt19937_64& chance) {
  constexpr std::array<std::string_view, 16> words{"the",   "server", "listen", "{\n",   "}\n",     "error",
                                                   "=",     "0x",     "return", "value", "timeout", "location",
                                                   "http:", "//",     "index",  "\n"};
  while (out.size() < until) {
    put(out, words[std::min(chance() % words.size(), chance() % words.size())]);
    if (chance() % 5 == 0) put(out, std::to_string(chance() % 10'000));
    out.push_back(std::byte{' '});
  }
}

void put_table(Bytes& out, std::size_t until, std::mt19937_64& chance) {
  std::uint64_t key = chance() % 1'000'000;
  while (out.size() < until) {
    std::array<std::uint64_t, 4> row{key += 1 + chance() % 3, chance() % 256, 0, key * 512};
    const auto bytes = std::as_bytes(std::span(row));
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
}

void put_noise(Bytes& out, std::size_t until, std::mt19937_64& chance) {
  while (out.size() < until) out.push_back(static_cast<std::byte>(chance() & 0xFFU));
}

}  // namespace

Bytes image_like_bytes(std::size_t size) {
  constexpr std::size_t piece = 16 * 1024;
  std::mt19937_64 chance(20'260'131);
  Bytes out;
  for (std::size_t i = 0; out.size() < size; ++i) {
    const std::size_t until = out.size() + piece;
    if (i % 5 < 2) {
      put_text(out, until, chance);
    } else if (i % 5 < 4) {
      put_table(out, until, chance);
    } else {
      put_noise(out, until, chance);
    }
  }
  out.resize(size);
  return out;
}

void require(const Status& status) {
  if (status) return;
  std::fprintf(stderr, "bench_stages: %s\n", status.error().text().c_str());
  std::exit(1);
}

void Stages::register_once(const std::string& name, Body body) {
  if (registered_.contains(name)) return;
  registered_[name] = true;
  benchmark::RegisterBenchmark(name.c_str(), std::move(body))->Repetitions(rounds)->ReportAggregatesOnly(true);
}

void Stages::add(std::string name, Body body, const Limit& limit) {
  register_once(name, std::move(body));
  register_once(limit.name, limit.body);
  stages_.push_back(Stage{.name = std::move(name), .limit = limit.name});
}

void Stages::run() {
  KeepingMedians reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  constexpr double mega = 1e6;
  std::printf("\n%-32s %10s   %-28s %10s %7s\n", "stage", "MB/s", "limit", "MB/s", "ratio");
  for (const Stage& stage : stages_) {
    const auto own = reporter.medians.find(stage.name);
    const auto limit = reporter.medians.find(stage.limit);
    if (own == reporter.medians.end() || limit == reporter.medians.end()) continue;  // filtered out
    std::printf("%-32s %10.0f   %-28s %10.0f %7.2f\n", stage.name.c_str(), own->second / mega, stage.limit.c_str(),
                limit->second / mega, own->second / limit->second);
  }
}

}  // namespace afterimage::bench

int main(int argc, char** argv) {
  // Mixed, so that what else the machine does strikes a stage and its limit alike. Options of the caller win.
  std::string mixed = "--benchmark_enable_random_interleaving=true";
  std::string short_rounds = "--benchmark_min_time=0.1";
  std::vector<char*> arguments(argv, argv + argc);
  arguments.insert(arguments.begin() + 1, {mixed.data(), short_rounds.data()});
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 1;
  afterimage::bench::Stages stages;
  afterimage::bench::add_source_stages(stages);
  afterimage::bench::add_replica_stages(stages);
  afterimage::bench::add_tls_stages(stages);
  stages.run();
  return 0;
}
