// Stacks, the switch between them, and the sanitizers' handshake; fiber.h says what it promises.
#include "kernels/emulator/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "kernels/emulator/sanitizer.h"
#include "weft/error.h"

#if !defined(__x86_64__)
#error \
    "the emulator switches stacks with x86-64 instructions; leave kernels/emulator out of this build"
#endif

// The registers that a function keeps for its caller, and the stack pointer: all a switch saves.
extern "C" void weft_emulator_switch(void** save, void* to);
asm(R"(
.text
.globl weft_emulator_switch
.hidden weft_emulator_switch
.type weft_emulator_switch,@function
weft_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp,(%rdi)
  movq %rsi,%rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size weft_emulator_switch,.-weft_emulator_switch
)");

namespace weft::emulator {
namespace {

thread_local Fiber* entering = nullptr;  // read by the fiber's first instructions

size_t page_bytes() {
  return static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

Fiber::Fiber() {
#if defined(WEFT_TSAN)
  tsan_ = __tsan_get_current_fiber();
#endif
}

Fiber::Fiber(size_t stack_bytes) : stack_bytes_(stack_bytes), own_(true) {
  const size_t guard = page_bytes();
  void* memory = mmap(nullptr, stack_bytes + guard, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, guard, PROT_NONE) != 0) {
    throw Error("no memory for the stack of an emulated thread (" + std::to_string(stack_bytes) +
                    " bytes); free memory, or raise vm.max_map_count",
                ExitCode::kDoesNotFit);
  }
  stack_ = static_cast<char*>(memory) + guard;
#if defined(WEFT_TSAN)
  tsan_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
  if (!own_) return;
#if defined(WEFT_TSAN)
  __tsan_destroy_fiber(tsan_);
#endif
#if defined(WEFT_ASAN)
  __asan_unpoison_memory_region(stack_, stack_bytes_);
#endif
  munmap(stack_ - page_bytes(), stack_bytes_ + page_bytes());
}

void Fiber::start(Entry entry, void* argument) {
  entry_ = entry;
  argument_ = argument;
#if defined(WEFT_ASAN)
  // Frames that never returned: those above where it stood last.
  if (stack_pointer_ != nullptr) {
    char* last = static_cast<char*>(stack_pointer_);
    __asan_unpoison_memory_region(last, static_cast<size_t>(stack_ + stack_bytes_ - last));
  }
#endif
  // As if enter() had been called: the stack is 8 bytes off a multiple of 16 at its first
  // instruction, and six registers lie below its address.
  constexpr int kSavedRegisters = 6, kPadding = 3;
  auto* top = reinterpret_cast<uintptr_t*>(stack_ + stack_bytes_) - kPadding;
  *--top = reinterpret_cast<uintptr_t>(&Fiber::enter);
  for (int i = 0; i < kSavedRegisters; ++i) *--top = 0;
  stack_pointer_ = top;
}

WEFT_NO_TSAN void Fiber::enter() {
  Fiber* self = entering;
#if defined(WEFT_ASAN)
  const void* bottom = nullptr;
  size_t bytes = 0;
  __sanitizer_finish_switch_fiber(self->fake_stack_, &bottom, &bytes);
  if (!self->came_from_->own_) {  // the OS thread's own stack, whose bounds only this call tells
    self->came_from_->stack_ = static_cast<char*>(const_cast<void*>(bottom));
    self->came_from_->stack_bytes_ = bytes;
  }
#endif
  self->entry_(self->argument_);
  std::abort();  // an entry leaves; it does not return
}

WEFT_NO_TSAN void Fiber::switch_to(Fiber& to) {
  to.came_from_ = this;
  entering = &to;
#if defined(WEFT_ASAN)
  __sanitizer_start_switch_fiber(&fake_stack_, to.stack_, to.stack_bytes_);
#endif
#if defined(WEFT_TSAN)
  __tsan_switch_to_fiber(to.tsan_, __tsan_switch_to_fiber_no_sync);
#endif
  weft_emulator_switch(&stack_pointer_, to.stack_pointer_);
#if defined(WEFT_ASAN)
  __sanitizer_finish_switch_fiber(fake_stack_, nullptr, nullptr);
#endif
}

}  // namespace weft::emulator
