// Fibers: stacks of their own that one OS thread switches between, one per emulated CUDA thread.
// AddressSanitizer and ThreadSanitizer are told of each switch; neither is told that it orders
// anything: what orders memory are barriers (sanitizer.h). Knows nothing of CUDA.
#pragma once

#include <cstddef>

namespace weft::emulator {

class Fiber {
 public:
  using Entry = void (*)(void* argument);

  // The stack that is running: what other fibers switch back to.
  Fiber();
  // A stack of this many bytes above an unmapped page. Throws weft::Error where there is no memory.
  explicit Fiber(size_t stack_bytes);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // The next switch to this fiber calls entry(argument), which must never return but switch away at
  // its end. A fiber that was left in the middle may be started anew.
  void start(Entry entry, void* argument);
  // From this fiber, which is running, to another; returns when something switches back.
  void switch_to(Fiber& to);

 private:
  static void enter();

  void* stack_pointer_ = nullptr;
  char* stack_ = nullptr;
  size_t stack_bytes_ = 0;
  void* fake_stack_ = nullptr;  // AddressSanitizer's; kept from one start to the next
  void* tsan_ = nullptr;        // ThreadSanitizer's
  Fiber* came_from_ = nullptr;
  Entry entry_ = nullptr;
  void* argument_ = nullptr;
  bool own_ = false;
};

}  // namespace weft::emulator
