// SPDX-License-Identifier: Apache-2.0
// Places: a bounded number of something, in all and for each source (an address, a peer), so that no source takes what
// the others need. Thread: the reactor's.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace afterimage::daemon {

struct PlacesLimits {
  std::size_t of_all = 0;
  std::size_t of_one_source = 0;
};

class Places {
 public:
  // Taken while it lives; the Places outlive it.
  class Place {
   public:
    Place(Places& places, std::string source) : places_(&places), source_(std::move(source)) {}
    Place(Place&& other) noexcept : places_(std::exchange(other.places_, nullptr)), source_(std::move(other.source_)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (places_ != nullptr) places_->leave(source_);
    }

   private:
    Places* places_;
    std::string source_;
  };

  explicit Places(PlacesLimits limits) : limits_(limits) {}
  // Nothing if none is free for that source.
  [[nodiscard]] std::optional<Place> take(const std::string& source);
  [[nodiscard]] std::size_t taken() const { return taken_; }

 private:
  void leave(const std::string& source);

  PlacesLimits limits_;
  std::size_t taken_ = 0;
  std::map<std::string, std::size_t> by_source_;
};

// "10.0.0.1" of "10.0.0.1:41000", "[::1]" of "[::1]:41000": what a connection counts under.
[[nodiscard]] std::string source_of(const std::string& peer);

}  // namespace afterimage::daemon
