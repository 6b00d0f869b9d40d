// SPDX-License-Identifier: Apache-2.0
// Channel<T>: a bounded queue between tasks of one reactor. Sending into a full channel waits: back-pressure, no
// growth.
#pragma once

#include <cstddef>
#include <deque>
#include <utility>

#include "io/base/result.h"
#include "io/scope.h"

namespace afterimage::io {

template <typename T>
class Channel {
 public:
  explicit Channel(std::size_t items_max) : items_max_(items_max) {}

  // Waits for room. `cancelled` when the channel was closed or the scope interrupted; the item is then lost.
  [[nodiscard]] Task<Status> send(Scope& scope, T item) {
    while (items_.size() >= items_max_ && !closed_) {
      changed_.reset();
      AFI_CO_TRY_STATUS(changed_.wait(scope));
    }
    if (closed_) co_return fail(ErrorCode::cancelled, "send into a closed channel");
    items_.push_back(std::move(item));
    changed_.set();
    co_return Status{};
  }
  // Waits for an item. `end_of_data` when the channel was closed and is empty.
  [[nodiscard]] Task<Result<T>> receive(Scope& scope) {
    while (items_.empty() && !closed_) {
      changed_.reset();
      AFI_CO_TRY_STATUS(changed_.wait(scope));
    }
    if (items_.empty()) co_return fail(ErrorCode::end_of_data, "receive from a closed channel");
    T item = std::move(items_.front());
    items_.pop_front();
    changed_.set();
    co_return item;
  }
  // No more items come; those inside can still be received. Senders that wait are refused.
  void close() {
    closed_ = true;
    changed_.set();
  }
  [[nodiscard]] std::size_t size() const { return items_.size(); }

 private:
  std::deque<T> items_;
  std::size_t items_max_;
  Event changed_;
  bool closed_ = false;
};

}  // namespace afterimage::io
