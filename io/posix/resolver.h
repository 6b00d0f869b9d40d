// SPDX-License-Identifier: Apache-2.0
// Resolver: host names to addresses, by getaddrinfo on threads of its own: a name server that hangs must not hold up
// the disk. A look-up cannot be taken back: a cancelled one ends for its task at once and goes on unseen.
#pragma once

#include <cstddef>
#include <vector>

#include "io/network.h"
#include "io/posix/address.h"
#include "io/posix/thread_pool.h"

namespace afterimage::io::posix {

enum class ResolveFor : unsigned char { connecting, listening };

// Thread: the reactor's. Outlives the pool.
class Resolver {
 public:
  explicit Resolver(ThreadPool& pool) : pool_(pool) {}

  // The addresses of endpoint.host with its port, the best first, at least one. unreachable when the name is not known.
  [[nodiscard]] Task<Result<std::vector<Address>>> resolve(Scope& scope, Endpoint endpoint, ResolveFor purpose);

 private:
  struct Lookup;
  class Waiter;
  ThreadPool& pool_;
  std::size_t lookups_ = 0;  // submitted and not delivered, abandoned ones among them
};

}  // namespace afterimage::io::posix
