// A pointer that several own, on several threads; the last one deletes. (That of the C++ library
// would need the library.)
#pragma once
#include <atomic>

template <class T>
class Shared {
 public:
  static Shared Make() {
    Shared made;
    made.box_ = new Box;
    return made;
  }
  Shared() = default;
  Shared(const Shared& other) : box_(other.box_) {
    if (box_ != nullptr) box_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  Shared(Shared&& other) noexcept : box_(other.box_) { other.box_ = nullptr; }
  Shared& operator=(Shared other) noexcept {
    Box* mine = box_;
    box_ = other.box_;
    other.box_ = mine;
    return *this;
  }
  ~Shared() {
    if (box_ != nullptr && box_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete box_;
  }
  T* operator->() const { return &box_->value; }
  T& operator*() const { return box_->value; }

 private:
  struct Box {
    T value;
    std::atomic<int> owners{1};
  };
  Box* box_ = nullptr;
};
