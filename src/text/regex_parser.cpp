// A parser of the part of Oniguruma's syntax that means the same in PCRE2 (regex_parser.h). What it
// does not know it refuses: a guess would change ids silently.
#include "text/regex_parser.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/quote.h"
#include "text/property_table.h"
#include "weft/error.h"

namespace weft::text {
namespace {

constexpr size_t kMaxExpression = 1 << 16;
constexpr size_t kMaxSets = 64;
constexpr int kMaxRepeat = 1000;
constexpr int kMaxDepth = 16;

// Oniguruma's \w has all numbers by itself, but only decimal digits within a class.
CodeSet word(bool in_class) {
  return in_class ? *property_named("word") : CodeSet::of_class(kRegexWord);
}

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
    while (at_ < text_.size()) item();
    close_implied();
    if (!groups_.empty()) refuse("a group is not closed");
    return std::move(parsed_);
  }

 private:
  // What options in the expression switch.
  struct Mode {
    bool ignore_case = false;
    bool dot_matches_newline = false;
  };
  struct Group {
    Mode outside;
    size_t first_item;
    bool implied = false;  // by options: it ends with the group that it lies in
  };

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

  // `syntax` that is not an item of its own, or begins one.
  void pass_on(std::string syntax) { parsed_.items.push_back({std::move(syntax), 0}); }
  void match_one_of(CodeSet set);
  void item();
  void open_group();
  void open(std::string syntax, bool implied = false);
  void close_group();
  void close_implied();
  void options();
  void quantifier();
  bool interval();
  void wrap_last_item();
  bool assertion();
  void word_boundary(bool wanted);
  void line_end();
  CodeSet escape(bool in_class);
  CodeSet property(bool negated);
  uint32_t hex_code();
  CodeSet bracket();
  void bracket_item(CodeSet& set);
  CodeSet named_class();
  int number();

  std::string_view text_;
  const std::string& where_;
  size_t at_ = 0;
  Mode mode_;
  std::vector<Group> groups_;  // that are open
  int depth_ = 0;              // of classes
  size_t last_item_ = 0;       // where what a repetition repeats begins
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
  last_item_ = parsed_.items.size();
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
      break;  // itself, where it begins no repetition
    case '[': return match_one_of(bracket());
    case '\\':
      if (assertion()) return;
      return match_one_of(escape(false));
    case '.':
      ++at_;
      return match_one_of(mode_.dot_matches_newline ? CodeSet().complement()
                                                    : parsed_.sets[0].complement());
    default: break;
  }
  CodeSet set;
  const uint32_t code = take_char();
  set.add(code, code);
  if (mode_.ignore_case) {
    if (code >= 128) refuse("case is ignored for ASCII letters only");
    close_over_case(set);
  }
  match_one_of(std::move(set));
}

void Parser::open(std::string syntax, bool implied) {
  groups_.push_back({mode_, parsed_.items.size(), implied});
  pass_on(std::move(syntax));
}

void Parser::open_group() {
  ++at_;
  if (peek() == '*') refuse("(* begins a verb, which is not supported");
  if (peek() != '?') return open("(?:");
  for (const std::string_view kind : {"?:", "?=", "?!", "?<=", "?<!", "?>"}) {
    if (take(kind)) return open("(" + std::string(kind));
  }
  if (take("?#")) {
    const size_t close = text_.find(')', at_);
    if (close == text_.npos) refuse("a comment is not closed");
    at_ = close + 1;
    return;
  }
  if (take("?<")) {  // a name: only what refers to it would need it
    const size_t close = text_.find('>', at_);
    if (close == text_.npos || close == at_) refuse("a group's name must end with >");
    at_ = close + 1;
    return open("(?:");
  }
  options();
}

// (?i: and (?i), also m (the dot matches line ends) and both, or -i to switch off. As in Ruby,
// options that stand alone hold for the rest of their group, behind | too: they begin a group that
// ends with it.
void Parser::options() {
  Mode mode = mode_;
  bool on = true;
  for (++at_; peek() == 'i' || peek() == 'm' || peek() == '-'; ++at_) {
    if (peek() == '-') on = false;
    else (peek() == 'i' ? mode.ignore_case : mode.dot_matches_newline) = on;
  }
  if (peek() != ':' && peek() != ')')
    refuse("groups may be ( (?: (?= (?! (?<= (?<! (?> (?<name> (?# and the options i and m");
  open("(?:", peek() == ')');
  ++at_;
  mode_ = mode;
}

// What options began within the group that ends here.
void Parser::close_implied() {
  for (; !groups_.empty() && groups_.back().implied; groups_.pop_back()) {
    mode_ = groups_.back().outside;
    pass_on(")");
  }
}

void Parser::close_group() {
  close_implied();
  if (groups_.empty()) refuse(") without (");
  ++at_;
  mode_ = groups_.back().outside;
  last_item_ = groups_.back().first_item;
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

// {n}, {n,}, {,m} and {n,m}. A + behind them repeats the repetition in Oniguruma, and so does a ?
// behind {n}; behind the others ? takes as few as will do, as everywhere.
bool Parser::interval() {
  const size_t begin = at_;
  ++at_;
  const int given = number();
  const bool open = take(",");
  const int low = given < 0 && open ? 0 : given, high = open ? number() : low;
  if (low < 0 || (given < 0 && high < 0) || !take("}")) {
    at_ = begin;
    return false;
  }
  if (high >= 0 && high < low) refuse("a repetition's counts are in the wrong order");
  const std::string counts = "{" + std::to_string(low) + (open ? "," : "") +
                             (open && high >= 0 ? std::to_string(high) : "") + "}";
  if (take("?")) {
    if (!open) wrap_last_item();
    pass_on(counts + (open ? "?" : ")?"));
  } else if (peek() == '+') {
    wrap_last_item();
    pass_on(counts + ")");
  } else {
    pass_on(counts);
  }
  return true;
}

// A group begins before what would be repeated; its end is for the caller to write.
void Parser::wrap_last_item() {
  if (last_item_ >= parsed_.items.size()) refuse("a repetition has nothing to repeat");
  const auto place = parsed_.items.begin() + static_cast<std::ptrdiff_t>(last_item_);
  parsed_.items.insert(place, RegexItem{"(?:", 0});
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
  const auto set = property_named(name);
  if (!set) {
    refuse("\\p{" + quote(name, 20) +
           "} is not known; known are general categories such as L, Lu, Mn, Nd and Po, scripts "
           "such as Han and Latin, and classes of POSIX such as Alpha");
  }
  const bool both_cases = set->contains('a') && set->contains('A');
  if (mode_.ignore_case && !both_cases && !all_or_no_wide_letters(*set))
    refuse("\\p{" + quote(name, 20) + "} where case is ignored is not supported");
  at_ = close + 1;
  return negated ? set->complement() : *set;
}

// What \b and the like mean; false for what is one character.
bool Parser::assertion() {
  const char c = peek(1);
  if (c == 'A' || c == 'z' || c == 'Z') pass_on({'\\', c});
  else if (c == 'b' || c == 'B') word_boundary(c == 'b');
  else if (c == 'R') line_end();
  else return false;
  at_ += 2;
  return true;
}

void Parser::line_end() {
  CodeSet ends;
  for (const CodeRange range : {CodeRange{'\n', '\r'}, {0x85, 0x85}, {0x2028, 0x2029}})
    ends.add(range.first, range.last);
  CodeSet carriage_return;
  carriage_return.add('\r', '\r');
  const size_t begin = parsed_.items.size();
  pass_on("(?>");
  match_one_of(std::move(carriage_return));
  match_one_of(parsed_.sets[0]);
  pass_on("|");
  match_one_of(std::move(ends));
  pass_on(")");
  last_item_ = begin;
}

void Parser::word_boundary(bool wanted) {
  const CodeSet word = CodeSet::of_class(kRegexWord);
  const auto side = [&](const char* syntax) {
    pass_on(syntax);
    match_one_of(word);
    pass_on(")");
  };
  pass_on("(?:");
  side("(?<=");
  side(wanted ? "(?!" : "(?=");
  pass_on("|");
  side("(?<!");
  side(wanted ? "(?=" : "(?!");
  pass_on(")");
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
    case 'w': return word(in_class);
    case 'W': return word(in_class).complement();
    case 'h': return *property_named("xdigit");
    case 'H': return property_named("xdigit")->complement();
    default: break;
  }
  constexpr std::string_view kNames = "nrtfvae";
  constexpr std::array<uint32_t, 7> kControls = {'\n', '\r', '\t', '\f', 0x0B, 0x07, 0x1B};
  uint32_t code = c;
  if (c == 'x') {
    code = hex_code();
  } else if (c == 'b' && in_class) {
    code = '\b';
  } else if (const size_t i = c < 128 ? kNames.find(static_cast<char>(c)) : kNames.npos;
             i != kNames.npos) {
    code = kControls[i];
  } else if (is_ascii_letter(c) || (c >= '0' && c <= '9')) {
    refuse(std::string("\\") + static_cast<char>(c) + " is not supported");
  }
  CodeSet set;
  set.add(code, code);
  if (mode_.ignore_case && !in_class) close_over_case(set);
  return set;
}

// [:alpha:] or [:^alpha:] within a class.
CodeSet Parser::named_class() {
  const size_t close = text_.find(":]", at_);
  if (close == text_.npos) refuse("[: must begin a class such as [:alpha:]");
  std::string_view name = text_.substr(at_ + 2, close - at_ - 2);
  const bool negated = name.starts_with('^');
  if (negated) name.remove_prefix(1);
  constexpr std::array<std::string_view, 10> kKnown = {"alnum", "alpha", "ascii", "cntrl", "digit",
                                                       "lower", "punct", "space", "upper", "word"};
  const bool known = name == "xdigit" || std::ranges::find(kKnown, name) != kKnown.end();
  const auto set = known ? property_named(name == "punct" ? "posixpunct" : name) : std::nullopt;
  if (!set) refuse("[:" + quote(name, 20) + ":] is not known");
  at_ = close + 2;
  return negated ? set->complement() : *set;
}

void Parser::bracket_item(CodeSet& set) {
  if (peek() == '[') return set.add(peek(1) == ':' ? named_class() : bracket());
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

// With classes within it, and && between parts of which all must hold.
CodeSet Parser::bracket() {
  if (++depth_ > kMaxDepth) refuse("classes lie too deep within classes");
  ++at_;
  const bool negated = take("^");
  CodeSet outside;  // of a part before
  CodeSet set;
  if (peek() == ']') {  // itself, where it comes first
    if (text_.find(']', at_ + 1) == text_.npos) refuse("a class is empty");
    bracket_item(set);
  }
  while (peek() != ']') {
    if (at_ >= text_.size()) refuse("a class is not closed");
    if (take("&&")) {
      outside.add(std::exchange(set, CodeSet()).complement());
      continue;
    }
    bracket_item(set);
  }
  ++at_;
  --depth_;
  outside.add(set.complement());
  set = outside.complement();
  if (mode_.ignore_case) {
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
