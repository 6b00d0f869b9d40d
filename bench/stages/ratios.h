// SPDX-License-Identifier: Apache-2.0
// A stage is only fast or slow beside what it cannot do without: each is measured in the same run as its limit, and the
// ratio of the two is what a figure means on another machine.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "io/base/bytes.h"
#include "io/base/result.h"

namespace afterimage::bench {

using Body = std::function<void(benchmark::State&)>;

// What a stage is measured against: nothing that does its work can be faster.
struct Limit {
  std::string name;  // "XXH3 alone"
  Body body;
};

class Stages {
 public:
  // Both get an equal number of rounds, mixed with all the others'. A limit may serve several stages.
  void add(std::string name, Body body, const Limit& limit);
  // Runs what was added, then prints a line for each stage: bytes per second of CPU, its limit's, and the ratio.
  void run();

 private:
  struct Stage {
    std::string name;
    std::string limit;
  };
  void register_once(const std::string& name, Body body);

  std::vector<Stage> stages_;
  std::map<std::string, bool> registered_;
};

// 1 MiB as disks of servers have it: text, tables of small numbers, and what is compressed already. Always the same.
[[nodiscard]] Bytes image_like_bytes(std::size_t size);

// A benchmark has nobody to return an error to.
void require(const Status& status);
template <typename T>
T require(Result<T> result) {
  if (!result) require(Status(std::unexpected(result.error())));
  return std::move(*result);
}

void add_source_stages(Stages& stages);   // hashing, comparing, encoding
void add_replica_stages(Stages& stages);  // checking, the change root, views
void add_tls_stages(Stages& stages);

}  // namespace afterimage::bench
