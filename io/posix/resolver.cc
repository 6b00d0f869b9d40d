// SPDX-License-Identifier: Apache-2.0
#include "io/posix/resolver.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>

#include <netdb.h>

namespace afterimage::io::posix {
namespace {

using Addresses = Result<std::vector<Address>>;

constexpr std::size_t lookups_max = 64;

struct FreeList {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

// With AI_NUMERICHOST no name server is asked, and nothing blocks.
Addresses look_up(const Endpoint& endpoint, ResolveFor purpose, int extra_flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | extra_flags | (purpose == ResolveFor::listening ? AI_PASSIVE : 0);
  addrinfo* raw = nullptr;
  const std::string port = std::to_string(endpoint.port);
  const int status = ::getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &raw);
  const std::unique_ptr<addrinfo, FreeList> list(raw);
  if (status != 0) {
    const int system = status == EAI_SYSTEM ? errno : 0;
    return fail(Error{.code = ErrorCode::unreachable,
                      .system = system,
                      .what = "find the address of a host",
                      .detail = "cannot find the address of " + endpoint.host + ": " + ::gai_strerror(status)});
  }
  std::vector<Address> addresses;
  for (const addrinfo* item = list.get(); item != nullptr; item = item->ai_next) {
    Address address;
    if (item->ai_addrlen > sizeof address.storage) continue;
    std::memcpy(&address.storage, item->ai_addr, item->ai_addrlen);
    address.size = item->ai_addrlen;
    addresses.push_back(address);
  }
  if (addresses.empty()) return fail(ErrorCode::unreachable, "find the address of a host", endpoint.host + " has none");
  return addresses;
}

}  // namespace

class Resolver::Waiter final : public Completion<Addresses> {
 public:
  Waiter(Scope& scope, Resolver& resolver, const Endpoint& endpoint, ResolveFor purpose)
      : Completion(scope, "find the address of a host"), resolver_(resolver), endpoint_(endpoint), purpose_(purpose) {}
  ~Waiter() override { leave(); }
  void cancel() noexcept override {
    leave();
    complete(fail(scope().interruption(name)));
  }

 private:
  friend struct Resolver::Lookup;
  void start() override;
  void leave() noexcept;

  Resolver& resolver_;
  const Endpoint& endpoint_;
  ResolveFor purpose_;
  Lookup* lookup_ = nullptr;
};

// On the heap, and its own: it may outlive the frame that asked.
struct Resolver::Lookup final : public Job {
  Lookup(Waiter& its_waiter, Resolver& its_resolver, Endpoint what, ResolveFor why)
      : waiter(&its_waiter), resolver(its_resolver), endpoint(std::move(what)), purpose(why) {}

  void run() noexcept override {
    if (!is_abandoned.load()) addresses = look_up(endpoint, purpose, 0);
  }
  void finished() noexcept override {
    --resolver.lookups_;
    if (waiter != nullptr) {
      waiter->lookup_ = nullptr;
      waiter->complete(std::move(addresses));
    }
    delete this;
  }

  Waiter* waiter;  // nullptr when abandoned; reactor thread only
  Resolver& resolver;
  Endpoint endpoint;
  ResolveFor purpose;
  std::atomic<bool> is_abandoned = false;
  Addresses addresses = fail(ErrorCode::cancelled, "find the address of a host");
};

void Resolver::Waiter::start() {
  if (resolver_.lookups_ >= lookups_max) {
    complete(fail(ErrorCode::limit_exceeded, "find the address of a host",
                  "too many look-ups of host names are waiting for an answer of the name server"));
    return;
  }
  auto lookup = std::make_unique<Lookup>(*this, resolver_, endpoint_, purpose_);
  lookup_ = lookup.get();
  ++resolver_.lookups_;
  resolver_.pool_.submit(*lookup.release());
}

void Resolver::Waiter::leave() noexcept {
  if (lookup_ == nullptr) return;
  lookup_->waiter = nullptr;
  lookup_->is_abandoned.store(true);
  lookup_ = nullptr;
}

Task<Addresses> Resolver::resolve(Scope& scope, Endpoint endpoint, ResolveFor purpose) {
  Addresses literal = look_up(endpoint, purpose, AI_NUMERICHOST);
  if (literal) co_return literal;
  Waiter waiter(scope, *this, endpoint, purpose);
  co_return co_await waiter;
}

}  // namespace afterimage::io::posix
