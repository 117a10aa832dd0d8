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
// `threads` items exist, each used again and again. If a call throws, the items before it are still
// written and the exception is thrown here: the same one, whatever the number of threads.
template <class Item, class Read, class Work, class Write>
class OrderedPipeline {
 public:
  OrderedPipeline(Read read, Work work, Write write)
      : read_(std::move(read)), work_(std::move(work)), write_(std::move(write)) {}

  void run(int threads) {
    WEFT_ASSERT(threads >= 1);
    {
      std::vector<std::jthread> others;
      for (int i = 1; i < threads; ++i) others.emplace_back([this] { loop(); });
      loop();
    }
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void loop() {
    Item item;
    int64_t number = 0;
    bool more = true;
    while (more) {
      std::exception_ptr error;
      if (!read_next(item, number, error)) return;
      if (!error) error = caught([&] { work_(item); });
      more = finish(item, number, error);
    }
  }

  // False when there is nothing more to read.
  bool read_next(Item& item, int64_t& number, std::exception_ptr& error) {
    const std::lock_guard lock(read_mutex_);
    if (ended_) return false;
    bool more = true;
    error = caught([&] { more = read_(item); });
    ended_ = !more || error;
    number = next_number_++;
    return more;
  }

  // Waits until all items before this one are written, then writes it. False after an error.
  bool finish(Item& item, int64_t number, std::exception_ptr error) {
    std::unique_lock lock(write_mutex_);
    changed_.wait(lock, [&] { return turn_ == number || error_; });
    if (error_) return false;
    if (!error) error = caught([&] { write_(item); });
    error_ = error;
    ++turn_;
    changed_.notify_all();
    return !error;
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

  std::mutex read_mutex_;  // guards read_ and these two
  bool ended_ = false;
  int64_t next_number_ = 0;

  std::mutex write_mutex_;  // guards write_ and what follows
  std::condition_variable changed_;
  int64_t turn_ = 0;
  std::exception_ptr error_;
};

template <class Item, class Read, class Work, class Write>
void run_ordered(int threads, Read read, Work work, Write write) {
  OrderedPipeline<Item, Read, Work, Write>(std::move(read), std::move(work), std::move(write))
      .run(threads);
}

}  // namespace weft::data
