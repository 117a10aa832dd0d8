// A parser of the part of Oniguruma's syntax that means the same in PCRE2 (regex_parser.h). What it
// does not know it refuses: a guess would change ids silently.
#include "text/regex_parser.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "core/quote.h"
#include "weft/error.h"

namespace weft::text {
namespace {

constexpr size_t kMaxExpression = 1 << 16;
constexpr size_t kMaxSets = 64;
constexpr int kMaxRepeat = 1000;

struct Property {
  std::string_view name;
  uint16_t mask;
};
constexpr std::array<Property, 11> kProperties = {{{"L", kLetter},
                                                   {"Lu", kUpper},
                                                   {"Ll", kLower},
                                                   {"Lt", kTitle},
                                                   {"Lm", kModifierLetter},
                                                   {"Lo", kOtherLetter},
                                                   {"M", kMark},
                                                   {"N", kNumber},
                                                   {"Nd", kDecimal},
                                                   {"P", kPunctuation},
                                                   {"S", kSymbol}}};

bool is_ascii_letter(uint32_t c) {
  return (c | 32) >= 'a' && (c | 32) <= 'z';
}

// Adds the other cases of the ASCII letters in `set`; U+017F and U+212A are a long s and the Kelvin
// sign.
void close_over_case(CodeSet& set) {
  CodeSet cased;
  for (uint32_t c = 'a'; c <= 'z'; ++c) {
    const bool has = set.contains(c) || set.contains(c - 32) || (c == 's' && set.contains(0x17F)) ||
                     (c == 'k' && set.contains(0x212A));
    if (!has) continue;
    cased.add(c, c);
    cased.add(c - 32, c - 32);
    if (c == 's') cased.add(0x17F, 0x17F);
    if (c == 'k') cased.add(0x212A, 0x212A);
  }
  set.add(cased);
}

// Whether ignoring case beyond ASCII makes no difference to `set`.
bool all_or_no_wide_letters(const CodeSet& set) {
  const CodeSet cased = CodeSet::of_class(kUpper | kLower | kTitle);
  size_t in = 0, out = 0;
  for (const CodeRange& range : cased.ranges()) {
    for (uint32_t c = std::max(range.first, 128U); c <= range.last; ++c)
      ++(set.contains(c) ? in : out);
  }
  return in == 0 || out == 0;
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& where) : text_(text), where_(where) {
    if (text.size() > kMaxExpression) {
      refuse("it is longer than " + std::to_string(kMaxExpression) + " bytes");
    }
    if (valid_utf8_prefix(text) != text.size()) refuse("it is not valid UTF-8");
    CodeSet newline;
    newline.add('\n', '\n');
    parsed_.sets.push_back(newline);
  }

  ParsedRegex run() {
    if (text_.substr(0, 4) == "(?i)") {
      at_ = 4;
      ignore_case_ = true;
    }
    while (at_ < text_.size()) item();
    if (!groups_.empty()) refuse("a group is not closed");
    return std::move(parsed_);
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(where_ + ": the regular expression " + quote(text_, 200) +
                " cannot be used: " + why + " (at byte " + std::to_string(at_) + ")");
  }

  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool take(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }
  uint32_t take_char() {
    if (at_ >= text_.size()) refuse("it ends too early");
    const Utf8Char c = utf8_at(text_, at_);
    at_ += c.size;
    return c.code;
  }

  void pass_on(std::string syntax) { parsed_.items.push_back({std::move(syntax), 0}); }
  void match_one_of(CodeSet set);
  void item();
  void open_group();
  void close_group();
  void quantifier();
  bool interval();
  CodeSet escape(bool in_class);
  CodeSet property(bool negated);
  uint32_t hex_code();
  CodeSet bracket();
  void bracket_item(CodeSet& set);
  int number();

  std::string_view text_;
  const std::string& where_;
  size_t at_ = 0;
  bool ignore_case_ = false;
  std::vector<bool> groups_;  // whether case counted outside of each open group
  ParsedRegex parsed_;
};

void Parser::match_one_of(CodeSet set) {
  size_t i = 0;
  while (i < parsed_.sets.size() && !(parsed_.sets[i] == set)) ++i;
  if (i == parsed_.sets.size()) {
    if (i == kMaxSets) {
      refuse("it has more than " + std::to_string(kMaxSets) + " different sets of characters");
    }
    parsed_.sets.push_back(std::move(set));
  }
  parsed_.items.push_back({"", i});
}

void Parser::item() {
  switch (peek()) {
    case '(': return open_group();
    case ')': return close_group();
    case '|':
    case '^':
    case '$': return pass_on(std::string(1, text_[at_++]));
    case '*':
    case '+':
    case '?': return quantifier();
    case '{':
      if (interval()) return;
      refuse("{ must begin a repetition such as {1,3}; write \\{ for the character");
    case '[': return match_one_of(bracket());
    case '\\': return match_one_of(escape(false));
    case '.': ++at_; return match_one_of(parsed_.sets[0].complement());
    default: break;
  }
  CodeSet set;
  const uint32_t code = take_char();
  set.add(code, code);
  if (ignore_case_) {
    if (code >= 128) refuse("case is ignored for ASCII letters only");
    close_over_case(set);
  }
  match_one_of(std::move(set));
}

void Parser::open_group() {
  ++at_;
  groups_.push_back(ignore_case_);
  if (peek() == '*') refuse("(* begins a verb, which is not supported");
  if (peek() != '?') return pass_on("(?:");
  for (const std::string_view kind : {"?:", "?=", "?!", "?<=", "?<!", "?>"}) {
    if (take(kind)) return pass_on("(" + std::string(kind));
  }
  if (take("?i:")) {
    ignore_case_ = true;
    return pass_on("(?:");
  }
  refuse("groups may be ( (?: (?i: (?= (?! (?<= (?<! (?>");
}

void Parser::close_group() {
  if (groups_.empty()) refuse(") without (");
  ++at_;
  ignore_case_ = groups_.back();
  groups_.pop_back();
  pass_on(")");
}

void Parser::quantifier() {
  std::string syntax(1, text_[at_++]);
  if (peek() == '?' || peek() == '+') syntax += text_[at_++];
  pass_on(std::move(syntax));
}

int Parser::number() {
  int value = -1;
  while (peek() >= '0' && peek() <= '9') {
    value = std::max(value, 0) * 10 + (peek() - '0');
    if (value > kMaxRepeat) refuse("a repetition count is above " + std::to_string(kMaxRepeat));
    ++at_;
  }
  return value;
}

// {n}, {n,} and {n,m}. What may follow ({1,3}+ is one match in PCRE2, many in Oniguruma) is
// refused.
bool Parser::interval() {
  const size_t begin = at_;
  ++at_;
  const int low = number();
  const bool open = take(",");
  const int high = open ? number() : low;
  if (low < 0 || !take("}")) {
    at_ = begin;
    return false;
  }
  if (high >= 0 && high < low) refuse("a repetition's counts are in the wrong order");
  if (peek() == '+' || peek() == '?') {
    refuse("+ or ? after a repetition in braces means different things in different engines");
  }
  pass_on(std::string(text_.substr(begin, at_ - begin)));
  return true;
}

uint32_t Parser::hex_code() {
  const bool braces = take("{");
  const size_t most = braces ? 6 : 2;
  uint32_t code = 0;
  size_t digits = 0;
  for (; digits < most; ++digits) {
    const char c = peek();
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit && !((c | 32) >= 'a' && (c | 32) <= 'f')) break;
    code = code * 16 + static_cast<uint32_t>(is_digit ? c - '0' : (c | 32) - 'a' + 10);
    ++at_;
  }
  if (digits == 0 || (braces && !take("}")) || code >= kCodePoints || (!braces && code >= 128)) {
    refuse("\\x needs two digits below 80, or a code point in braces");
  }
  return code;
}

CodeSet Parser::property(bool negated) {
  const size_t close = text_.find('}', at_);
  if (peek() != '{' || close == std::string_view::npos) refuse("\\p needs a name in braces");
  std::string_view name = text_.substr(at_ + 1, close - at_ - 1);
  if (name.substr(0, 1) == "^") {
    negated = !negated;
    name.remove_prefix(1);
  }
  const auto known = std::ranges::find(kProperties, name, &Property::name);
  if (known == kProperties.end()) {
    refuse("\\p{" + quote(name, 20) + "} is not known; known: L Lu Ll Lt Lm Lo M N Nd P S");
  }
  const uint16_t cased = kUpper | kLower | kTitle;
  if (ignore_case_ && (known->mask & cased) != 0) {
    refuse("\\p{" + quote(name, 20) + "} where case is ignored is not supported");
  }
  at_ = close + 1;
  const CodeSet set = CodeSet::of_class(known->mask);
  return negated ? set.complement() : set;
}

// After a backslash: a class, a control character, or the character itself.
CodeSet Parser::escape(bool in_class) {
  ++at_;
  const uint32_t c = take_char();
  switch (c) {
    case 'p':
    case 'P': return property(c == 'P');
    case 's': return CodeSet::of_class(kSpace);
    case 'S': return CodeSet::of_class(kSpace).complement();
    case 'd': return CodeSet::of_class(kDecimal);
    case 'D': return CodeSet::of_class(kDecimal).complement();
    case 'w': return CodeSet::of_class(kRegexWord);
    case 'W': return CodeSet::of_class(kRegexWord).complement();
    default: break;
  }
  constexpr std::string_view kNames = "nrtfvae";
  constexpr std::array<uint32_t, 7> kControls = {'\n', '\r', '\t', '\f', 0x0B, 0x07, 0x1B};
  uint32_t code = c;
  if (c == 'x') {
    code = hex_code();
  } else if (const size_t i = c < 128 ? kNames.find(static_cast<char>(c)) : kNames.npos;
             i != kNames.npos) {
    code = kControls[i];
  } else if (is_ascii_letter(c) || (c >= '0' && c <= '9')) {
    refuse(std::string("\\") + static_cast<char>(c) + " is not supported");
  }
  CodeSet set;
  set.add(code, code);
  if (ignore_case_ && !in_class) close_over_case(set);
  return set;
}

void Parser::bracket_item(CodeSet& set) {
  if (peek() == '[') refuse("a class within a class is not supported; write \\[ for the character");
  if (peek() == '&' && peek(1) == '&') refuse("&& in a class is not supported");
  const bool escaped = peek() == '\\';
  CodeSet first;
  if (escaped) {
    first = escape(true);
  } else {
    const uint32_t code = take_char();
    first.add(code, code);
  }
  const auto is_one = [](const CodeSet& s) {
    return s.ranges().size() == 1 && s.ranges()[0].first == s.ranges()[0].last;
  };
  if (peek() != '-' || peek(1) == ']') return set.add(first);
  ++at_;
  const CodeSet last = peek() == '\\' ? escape(true) : [&] {
    CodeSet one;
    const uint32_t code = take_char();
    one.add(code, code);
    return one;
  }();
  if (!is_one(first) || !is_one(last) || first.ranges()[0].first > last.ranges()[0].first) {
    refuse("a range in a class must go from a lower to a higher character");
  }
  set.add(first.ranges()[0].first, last.ranges()[0].first);
}

CodeSet Parser::bracket() {
  ++at_;
  const bool negated = take("^");
  if (peek() == ']') refuse("a class must not begin with ]; write \\]");
  CodeSet set;
  while (peek() != ']') {
    if (at_ >= text_.size()) refuse("a class is not closed");
    bracket_item(set);
  }
  ++at_;
  if (ignore_case_) {
    if (!all_or_no_wide_letters(set)) refuse("case is ignored for ASCII letters only");
    close_over_case(set);
  }
  return negated ? set.complement() : set;
}

}  // namespace

ParsedRegex parse_regex(std::string_view expression, const std::string& where) {
  return Parser(expression, where).run();
}

}  // namespace weft::text
