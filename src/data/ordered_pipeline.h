// Read in order, work in parallel, write in order: the results of a serial loop at the speed of
// many threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
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
// read and write are called by one thread at a time and in the order of the items. With one thread
// the loop is just this. With more, so many read and work, and the caller's writes, so that none of
// them waits for a disk: kAhead items, and a few for each thread, may wait to be written. Items are
// used again, the last one first, for its memory is in the caches. If a call throws, the items
// before it are still written and the exception is thrown here: the same one, whatever the number
// of threads.
template <class Item, class Read, class Work, class Write>
class OrderedPipeline {
 public:
  OrderedPipeline(Read read, Work work, Write write)
      : read_(std::move(read)), work_(std::move(work)), write_(std::move(write)) {}

  void run(int threads) {
    WEFT_ASSERT(threads >= 1);
    slots_ = std::vector<Slot>(threads == 1 ? 1 : kAhead + kItems * static_cast<size_t>(threads));
    {
      std::vector<std::jthread> workers;
      const std::exception_ptr refused = caught([&] {
        for (int i = 0; threads > 1 && i < threads; ++i)
          workers.emplace_back([this] { loop({.reads = true}); });
      });
      if (refused) give_up(refused);
      loop({.reads = threads == 1, .writes = true});
    }
    if (error_) std::rethrow_exception(error_);
  }

 private:
  static constexpr size_t kAhead = 96;
  static constexpr size_t kItems = 4;
  enum class State { kFree, kBusy, kDone };
  struct Slot {
    std::unique_ptr<Item> item;
    State state = State::kFree;
    std::exception_ptr error;
  };
  // What a thread does.
  struct Duty {
    bool reads = false;
    bool writes = false;
  };

  // Items lie in the slots round and round, so that there is no other place for the next one.
  Slot& slot(int64_t number) { return slots_[static_cast<size_t>(number) % slots_.size()]; }
  bool can_write() { return slot(turn_).state == State::kDone; }
  bool can_read() { return !reading_ && !ended_ && slot(next_).state == State::kFree; }
  bool is_over() const { return error_ || (ended_ && turn_ == next_); }

  // Ends the threads that the system started before it refused one: they would wait for ever.
  void give_up(const std::exception_ptr& error) {
    const std::lock_guard lock(mutex_);
    error_ = error;
    changed_.notify_all();
  }

  void loop(Duty duty) {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] {
        return is_over() || (duty.writes && can_write()) || (duty.reads && can_read());
      });
      if (is_over()) return;
      if (duty.writes && can_write()) write_next(lock);
      else read_next(lock);
    }
  }

  void write_next(std::unique_lock<std::mutex>& lock) {
    Slot& done = slot(turn_);
    lock.unlock();
    if (!done.error) done.error = caught([&] { write_(*done.item); });
    lock.lock();
    error_ = done.error;
    free_.push_back(std::move(done.item));
    done.state = State::kFree;
    ++turn_;
    changed_.notify_all();
  }

  void read_next(std::unique_lock<std::mutex>& lock) {
    Slot& next = slot(next_);
    reading_ = true;
    take_item(next);
    lock.unlock();
    bool more = true;
    next.error = caught([&] { more = read_(*next.item); });
    lock.lock();
    reading_ = false;
    ended_ = !more || next.error;
    if (more) ++next_;
    next.state = more ? State::kBusy : State::kFree;
    changed_.notify_all();
    if (!more) return;
    lock.unlock();
    if (!next.error) next.error = caught([&] { work_(*next.item); });
    lock.lock();
    next.state = State::kDone;
    changed_.notify_all();
  }

  void take_item(Slot& slot) {
    if (slot.item) return;
    if (free_.empty()) free_.push_back(std::make_unique<Item>());
    slot.item = std::move(free_.back());
    free_.pop_back();
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
  std::vector<std::unique_ptr<Item>> free_;  // items in no slot
  int64_t next_ = 0;                         // number of the item that is read next
  int64_t turn_ = 0;                         // and of the one that is written next
  bool reading_ = false;
  bool ended_ = false;
  std::exception_ptr error_;
};

template <class Item, class Read, class Work, class Write>
void run_ordered(int threads, Read read, Work work, Write write) {
  OrderedPipeline<Item, Read, Work, Write>(std::move(read), std::move(work), std::move(write))
      .run(threads);
}

}  // namespace weft::data
