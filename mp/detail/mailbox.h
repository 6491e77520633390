// A color's mailbox: many threads push, one owner at a time takes out, in order (stages 3 to 5).
//
// State. `top` is the newest node pushed; null means that the color is idle and has no owner. The
// poster that finds it null becomes the owner and hands the color to the queue; whoever takes it
// from there is the owner, until give_up() succeeds. All other fields are the owner's: the FIFO
// (`head`, `tail`), and the *anchor*, the value of `top` up to which the owner has taken over.
//
// Invariants.
//  - top == null  <=>  idle: the FIFO is empty and anchor is null.
//  - From top down to the anchor (exclusive), `next` points to the next older node. In the FIFO it
//    points to the next newer one.
//  - The anchor's memory is not given back while it is the anchor, even after it has run: it is
//    then "spent". So no new node has its address, and top == anchor really means "nothing new".
//
// Exclusion and visibility: giving up is a release, becoming the owner from null an acquire, and in
// between the color is handed on through the queue's own release/acquire; so what one owner wrote,
// the next one sees.
#pragma once

#include <atomic>
#include <utility>

namespace async::detail {

// `Node` has a `Node* next`, and for what has run: `spend(size)`, `bool spent()`, and static
// `free(Node*, size)` and `free_spent(Node*)`.
template <class Sync, class Node>
class mailbox {
 public:
  constexpr mailbox() noexcept = default;

  // Any thread. Whether the color was idle: then the caller has become its owner and must put it
  // into the queue.
  [[nodiscard]] bool push(Node* node) noexcept {
    Node* old = top_.load(std::memory_order_relaxed);
    do {
      node->next = old;
      // release: the owner that reads `top` sees the node's contents. acquire, for the case that
      // old is null: the new owner sees all that the last one wrote before it gave up.
    } while (!top_.compare_exchange_weak(old, node, std::memory_order_acq_rel,
                                         std::memory_order_relaxed));
    return old == nullptr;
  }

  // What follows is for the owner alone.

  // A post from the owner's own callback. Takes over first, so that it comes behind what others
  // posted before it; then no read-modify-write is needed. Returns whether it has taken over some.
  bool push_own(Node* node) noexcept {
    const bool some = take_over();
    append(node, node);
    return some;
  }

  // The oldest node, or null if there is none. After it has run, it goes to retire().
  [[nodiscard]] Node* pop() noexcept {
    if (head_ == nullptr) {
      take_over();
      if (head_ == nullptr) return nullptr;
    }
    Node* node = head_;
    head_ = node->next;
    return node;
  }

  // What pop() would return.
  [[nodiscard]] const Node* front() noexcept { return has_more() ? head_ : nullptr; }

  // Whether pop() would return a node.
  [[nodiscard]] bool has_more() noexcept {
    if (head_ == nullptr) take_over();
    return head_ != nullptr;
  }

  // Whether pop() would return a node that was taken over before this call.
  [[nodiscard]] bool has_at_hand() const noexcept { return head_ != nullptr; }

  // Calls f(node, at_hand) for each that is in it: those at hand, in order, and then those not yet
  // taken over, the newest first; until it returns false. For the owner, or while the owner is
  // held.
  template <class F>
  void look(F f) const {
    for (const Node* node = head_; node != nullptr; node = node->next) {
      if (!f(*node, true)) return;
    }
    // acquire: as in take_over().
    const Node* node = top_.load(std::memory_order_acquire);
    for (; node != anchor_; node = node->next) {
      if (!f(*node, false)) return;
    }
  }

  // Gives back the memory of a node that was popped and has run, now or, if it is the anchor,
  // later. `size` is what Node::free() is told.
  template <class Size>
  void retire(Node* node, Size size) noexcept {
    if (node == anchor_) {
      node->spend(size);
    } else {
      Node::free(node, size);
    }
  }

  // With an empty FIFO, before the mailbox is destroyed instead of given up.
  void abandon() noexcept {
    if (anchor_ != nullptr) Node::free_spent(anchor_);
  }

  // With an empty FIFO: makes the color idle, and returns true; then the caller is no longer the
  // owner and must not touch it. False if somebody has posted in the meantime.
  [[nodiscard]] bool give_up() noexcept {
    Node* const old = std::exchange(anchor_, nullptr);  // before it is no longer ours
    Node* expected = old;
    // release: the next owner sees what this one wrote. relaxed on failure: nothing is read through
    // it.
    if (top_.compare_exchange_strong(expected, nullptr, std::memory_order_release,
                                     std::memory_order_relaxed)) {
      if (old != nullptr) Node::free_spent(old);  // it left `top` with us: nobody else knows it
      return true;
    }
    anchor_ = old;
    return false;
  }

 private:
  // Moves what others have pushed to the end of the FIFO. Whether there was something.
  bool take_over() noexcept {
    // acquire: the contents of all nodes down from top. Pushes are read-modify-writes, so they are
    // in one release sequence.
    Node* const newest = top_.load(std::memory_order_acquire);
    if (newest == anchor_) return false;
    Node* oldest = nullptr;
    for (Node* node = newest; node != anchor_;) {
      Node* const older = node->next;
      node->next = oldest;
      oldest = node;
      node = older;
    }
    Node* const old = std::exchange(anchor_, newest);
    append(oldest, newest);
    if (old != nullptr && old->spent()) Node::free_spent(old);
    return true;
  }

  void append(Node* first, Node* last) noexcept {
    last->next = nullptr;
    (head_ == nullptr ? head_ : tail_->next) = first;
    tail_ = last;
  }

  typename Sync::template atomic<Node*> top_{nullptr};
  Node* anchor_ = nullptr;
  Node* head_ = nullptr;
  Node* tail_ = nullptr;
};

}  // namespace async::detail
