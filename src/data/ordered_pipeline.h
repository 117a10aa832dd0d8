// Read in order, work in parallel, write in order: the results of a serial loop at the speed of
// many threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "weft/error.h"

namespace weft::data {

// Does what this loop does, with `work` on several items at a time:
//
//   Item item;
//   while (read(item)) { work(item); write(item); }
//
// read and write are called by one thread at a time and in the order of the items; at most
// kItems items a thread exist, each used again and again, so that no thread waits for one that is
// slower, or that writes much at once. If a call throws, the items before it are still written and
// the exception is thrown here: the same one, whatever the number of threads.
template <class Item, class Read, class Work, class Write>
class OrderedPipeline {
 public:
  OrderedPipeline(Read read, Work work, Write write)
      : read_(std::move(read)), work_(std::move(work)), write_(std::move(write)) {}

  void run(int threads) {
    WEFT_ASSERT(threads >= 1);
    slots_ = std::vector<Slot>(threads == 1 ? 1 : kItems * static_cast<size_t>(threads));
    {
      std::vector<std::jthread> others;
      for (int i = 1; i < threads; ++i) others.emplace_back([this] { loop(); });
      loop();
    }
    if (error_) std::rethrow_exception(error_);
  }

 private:
  static constexpr size_t kItems = 16;
  enum class State { kFree, kBusy, kDone };
  struct Slot {
    Item item;
    State state = State::kFree;
    std::exception_ptr error;
  };

  // Items lie in the slots round and round, so that there is no other place for the next one.
  Slot& slot(int64_t number) { return slots_[static_cast<size_t>(number) % slots_.size()]; }
  bool can_write() { return !writing_ && slot(turn_).state == State::kDone; }
  bool can_read() { return !reading_ && !ended_ && slot(next_).state == State::kFree; }
  bool is_over() const { return error_ || (ended_ && turn_ == next_); }

  void loop() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return is_over() || can_write() || can_read(); });
      if (is_over()) return;
      if (can_write()) write_next(lock);
      else read_next(lock);
    }
  }

  void write_next(std::unique_lock<std::mutex>& lock) {
    Slot& done = slot(turn_);
    writing_ = true;
    lock.unlock();
    if (!done.error) done.error = caught([&] { write_(done.item); });
    lock.lock();
    writing_ = false;
    error_ = done.error;
    done.state = State::kFree;
    ++turn_;
    changed_.notify_all();
  }

  void read_next(std::unique_lock<std::mutex>& lock) {
    Slot& next = slot(next_);
    reading_ = true;
    lock.unlock();
    bool more = true;
    next.error = caught([&] { more = read_(next.item); });
    lock.lock();
    reading_ = false;
    ended_ = !more || next.error;
    if (more) ++next_;
    next.state = more ? State::kBusy : State::kFree;
    changed_.notify_all();
    if (!more) return;
    lock.unlock();
    if (!next.error) next.error = caught([&] { work_(next.item); });
    lock.lock();
    next.state = State::kDone;
    changed_.notify_all();
  }

  template <class Call>
  static std::exception_ptr caught(Call call) {
    try {
      call();
    } catch (...) {
      return std::current_exception();
    }
    return nullptr;
  }

  Read read_;
  Work work_;
  Write write_;

  std::mutex mutex_;  // guards what follows; a slot that is busy belongs to its thread
  std::condition_variable changed_;
  std::vector<Slot> slots_;
  int64_t next_ = 0;  // number of the item that is read next
  int64_t turn_ = 0;  // and of the one that is written next
  bool reading_ = false;
  bool writing_ = false;
  bool ended_ = false;
  std::exception_ptr error_;
};

template <class Item, class Read, class Work, class Write>
void run_ordered(int threads, Read read, Work work, Write write) {
  OrderedPipeline<Item, Read, Work, Write>(std::move(read), std::move(work), std::move(write))
      .run(threads);
}

}  // namespace weft::data
