// What one rendering of a chat template may cost, and how it fails. Templates come with models from
// anywhere: every loop, copy and call is charged here, so that none of them can run for long or
// take much memory. Not here: what the charges are for (template_operators.h, template_tree.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace weft::text {

struct TemplateLimits {
  int64_t steps = 10'000'000;          // expressions, statements, elements looked at
  int64_t bytes = int64_t{256} << 20;  // of all values and texts made, alive or not
  int64_t output = int64_t{64} << 20;  // bytes of the rendered text
  int depth = 1200;                    // of calls, statements and expressions in each other
};

// Lists within lists; a template's input has at most 64 levels (JsonLimits).
inline constexpr int kMaxValueDepth = 100;

// An error in a template. `kind` is the name that Python gives it ("TypeError"), "LimitError" for a
// limit of ours. Within the interpreter only: who renders sees TemplateError (chat_template.h).
struct TemplateFault {
  const char* kind;
  std::string message;
  int line = 0;  // 0: not known yet; the innermost node puts its own
};

[[noreturn]] inline void template_fault(const char* kind, std::string message) {
  throw TemplateFault{kind, std::move(message)};
}

class TemplateBudget {
 public:
  explicit TemplateBudget(const TemplateLimits& limits) : limits_(limits) {}
  const TemplateLimits& limits() const { return limits_; }

  void step(int64_t count = 1) {
    if (count > limits_.steps - steps_) exceeded("does more than ", limits_.steps, " steps");
    steps_ += count;
  }
  // For looking at `bytes` bytes that exist.
  void scan(size_t bytes) { step(1 + static_cast<int64_t>(bytes / 64)); }
  // For making them. Called before, so that nothing large is ever asked for.
  void make(size_t bytes) {
    if (bytes > static_cast<size_t>(limits_.bytes - bytes_))
      exceeded("makes more than ", limits_.bytes, " bytes of text and lists");
    bytes_ += static_cast<int64_t>(bytes);
    scan(bytes);
  }
  // `count` things of `size` bytes; their product may be larger than any number.
  void make(size_t count, size_t size) {
    if (size != 0 && count > static_cast<size_t>(limits_.bytes) / size)
      make(static_cast<size_t>(limits_.bytes) + 1);
    make(count * size);
  }
  [[noreturn]] static void exceeded(const char* what, int64_t limit, const char* of_what) {
    template_fault("LimitError",
                   "the template " + std::string(what) + std::to_string(limit) + of_what);
  }

 private:
  TemplateLimits limits_;
  int64_t steps_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace weft::text
