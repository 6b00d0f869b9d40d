// SPDX-License-Identifier: Apache-2.0
// An intrusive doubly linked list whose nodes unlink themselves when they die: a coroutine frame that is destroyed
// takes its pending operation out of every queue it stood in. Thread: one.
#pragma once

namespace afterimage::io {

// Tag tells apart the lists that one object can stand in.
template <typename Tag>
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  [[nodiscard]] bool is_linked() const { return next_ != nullptr; }
  void unlink() {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = nullptr;
  }

 private:
  template <typename T, typename U>
  friend class List;
  ListNode* previous_ = nullptr;
  ListNode* next_ = nullptr;
};

// T derives from ListNode<Tag>. The list owns nothing; nodes left in it at its end are unlinked.
template <typename T, typename Tag>
class List {
 public:
  List() { head_.previous_ = head_.next_ = &head_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    while (pop_front() != nullptr) {
    }
    head_.previous_ = head_.next_ = nullptr;
  }

  [[nodiscard]] bool empty() const { return head_.next_ == &head_; }
  void push_back(T& item) {
    auto& node = static_cast<ListNode<Tag>&>(item);
    node.unlink();
    node.previous_ = head_.previous_;
    node.next_ = &head_;
    head_.previous_->next_ = &node;
    head_.previous_ = &node;
  }
  // The first item, unlinked; nullptr from an empty list.
  T* pop_front() {
    if (empty()) return nullptr;
    ListNode<Tag>* node = head_.next_;
    node->unlink();
    return static_cast<T*>(node);
  }
  [[nodiscard]] T* front() { return empty() ? nullptr : static_cast<T*>(head_.next_); }
  // The item after `item`, nullptr at the end. `item` must stand in this list.
  [[nodiscard]] T* after(T& item) {
    ListNode<Tag>* next = static_cast<ListNode<Tag>&>(item).next_;
    return next == &head_ ? nullptr : static_cast<T*>(next);
  }

 private:
  ListNode<Tag> head_;
};

}  // namespace afterimage::io
