// PCRE2 behind Regex (regex.h).
#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/regex.h"

#include <pcre2.h>

#include <algorithm>
#include <array>

#include "core/quote.h"
#include "text/regex_rewrite.h"
#include "weft/error.h"

namespace weft::text {
namespace {

// Steps of one match: far above what a sensible expression needs on its longest match, which grows
// with the text, and low enough that a hostile one stops within seconds.
constexpr uint64_t kStepsPerMatch = 1000000;
constexpr uint64_t kStepsPerByte = 16;
constexpr uint32_t kHeapKib = 64 * 1024;

std::string message_of(int error) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(error, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

struct Free {
  void operator()(pcre2_code* p) const { pcre2_code_free(p); }
  void operator()(pcre2_compile_context* p) const { pcre2_compile_context_free(p); }
  void operator()(pcre2_match_context* p) const { pcre2_match_context_free(p); }
  void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
};
using Code = std::unique_ptr<pcre2_code, Free>;

Code compile(std::string_view expression, const std::string& where) {
  const std::unique_ptr<pcre2_compile_context, Free> context(pcre2_compile_context_create(nullptr));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(),
                          PCRE2_MULTILINE, &error, &offset, context.get()));
  if (!code) throw Error(where + ": the regular expression is malformed: " + message_of(error));
  // Without a compiler for this processor the interpreter gives the same matches, slower.
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
  return code;
}

}  // namespace

struct Regex::Compiled {
  Compiled(std::string_view given, const std::string& where)
      : expression(given), rewritten(rewrite_regex(given, where)) {
    code = compile(rewritten.expression, where);
  }

  // The text in the expression's own letters, a byte for each character; `begins` gets where the
  // characters begin, and the end of the text.
  std::string spell(std::string_view text, std::vector<size_t>& begins) const {
    std::string spelled;
    spelled.reserve(text.size());
    begins.reserve(text.size() + 1);
    for (size_t at = 0; at < text.size();) {
      const Utf8Char c = utf8_at(text, at);
      constexpr uint32_t kSubstitute = 0x1A;  // a control character in no class
      const uint32_t code_point = c.code == kInvalidByte ? kSubstitute : c.code;
      spelled.push_back(static_cast<char>(rewritten.letter_of[code_point]));
      begins.push_back(at);
      at += c.size;
    }
    begins.push_back(text.size());
    return spelled;
  }

  std::string expression;
  RewrittenRegex rewritten;
  Code code;
};

namespace {

// Searches one spelled text.
class Search {
 public:
  Search(const pcre2_code* code, const std::string& spelled, const std::string& expression)
      : code_(code), spelled_(spelled), expression_(expression) {
    const uint64_t steps = kStepsPerMatch + kStepsPerByte * spelled.size();
    pcre2_set_match_limit(context_.get(), static_cast<uint32_t>(std::min<uint64_t>(steps, ~0U)));
    pcre2_set_heap_limit(context_.get(), kHeapKib);
  }

  // The next match at or after `from`, in characters.
  bool find(size_t from, Regex::Match& match) const {
    int found = run(from, 0);
    // The compiled matcher's stack is small; the interpreter's memory is bounded by the heap limit.
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) found = run(from, PCRE2_NO_JIT);
    if (found == PCRE2_ERROR_NOMATCH) return false;
    if (found < 0) {
      throw Error("the tokenizer's regular expression " + quote(expression_, 200) +
                  " takes too long on this text (" + message_of(found) +
                  "); use another tokenizer, or cut the text into shorter lines");
    }
    const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(data_.get());
    match = {ends[0], ends[1]};
    return true;
  }

 private:
  int run(size_t from, uint32_t options) const {
    return pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(spelled_.data()), spelled_.size(), from,
                       options, data_.get(), context_.get());
  }

  const pcre2_code* code_;
  const std::string& spelled_;
  const std::string& expression_;
  std::unique_ptr<pcre2_match_context, Free> context_{pcre2_match_context_create(nullptr)};
  std::unique_ptr<pcre2_match_data, Free> data_{pcre2_match_data_create(1, nullptr)};
};

}  // namespace

Regex::Regex(std::string_view expression, const std::string& where)
    : compiled_(std::make_unique<const Compiled>(expression, where)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex::~Regex() = default;

void Regex::find_all(std::string_view text, std::vector<Match>& matches) const {
  std::vector<size_t> begins;
  const std::string spelled = compiled_->spell(text, begins);
  const Search search(compiled_->code.get(), spelled, compiled_->expression);
  size_t from = 0;
  bool matched_before = false;
  Match match{};
  while (from <= spelled.size() && search.find(from, match)) {
    // An empty match where the last one ended is none: the search goes on behind the next
    // character.
    if (match.begin == match.end && matched_before && match.end == from) {
      matched_before = false;
      ++from;
      continue;
    }
    matches.push_back({begins[match.begin], begins[match.end]});
    matched_before = true;
    from = match.end;
  }
}

}  // namespace weft::text
