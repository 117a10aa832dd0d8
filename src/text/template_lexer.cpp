#include "text/template_lexer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "text/template_budget.h"
#include "text/template_strings.h"
#include "text/unicode.h"

namespace weft::text {
namespace {

bool is_word(uint32_t code) {
  if (code < 0x80)
    return code == '_' || (code >= '0' && code <= '9') ||
           ((code | 32) >= 'a' && (code | 32) <= 'z');
  return (class_table()[code] & kRegexWord) != 0;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

size_t space_at(std::string_view text, size_t at) {
  const std::string_view rest = text.substr(at);
  return rest.size() - strip(rest, std::nullopt, {true, false}).size();
}

// Any line end becomes LF; one at the very end is dropped.
std::string with_unix_lines(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    const bool carriage_return = source[i] == '\r';
    if (carriage_return && i + 1 < source.size() && source[i + 1] == '\n') continue;
    text += carriage_return ? '\n' : source[i];
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : text_(with_unix_lines(source)) {}

  std::vector<TemplateToken> run() {
    while (at_ < text_.size()) outside();
    add(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw TemplateFault{"TemplateSyntaxError", message, line_};
  }

  void add(TokenKind kind, std::string_view text) {
    tokens_.push_back({kind, std::string(text), line_});
  }
  std::string_view rest() const { return std::string_view(text_).substr(at_); }
  void advance(size_t size) {
    if (size == 0) return;
    line_ +=
        static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                                    text_.begin() + static_cast<std::ptrdiff_t>(at_ + size), '\n'));
    at_ += size;
    line_starts_ = text_[at_ - 1] == '\n';
  }

  void outside();
  void data(std::string_view data, char mark, bool strips_blanks);
  void comment();
  bool raw();
  size_t raw_end(size_t from, size_t& end_tag) const;
  void tag(bool block);
  size_t closing(std::string_view close, bool trims_newline) const;
  void token();
  void name();
  void number();
  void string();
  void operation();
  std::string unescaped(std::string_view body) const;

  std::string text_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starts_ = true;  // whether the last thing read ended a line
  std::vector<char> brackets_;
  std::vector<TemplateToken> tokens_;
};

// The text up to a tag; `mark` is the tag's '-' or '+', `strips_blanks` says whether it is a block.
void Lexer::data(std::string_view data, char mark, bool strips_blanks) {
  std::string_view kept = data;
  if (mark == '-') {
    kept = strip(data, std::nullopt, {false, true});
  } else if (mark != '+' && strips_blanks) {
    const size_t line = data.rfind('\n') + 1;  // npos + 1 is 0
    if ((line > 0 || line_starts_) && space_at(data, line) == data.size() - line)
      kept = data.substr(0, line);
  }
  if (!kept.empty()) add(TokenKind::kData, kept);
  advance(data.size());
}

char mark_of(std::string_view tag) {
  return tag.size() > 2 && (tag[2] == '-' || tag[2] == '+') ? tag[2] : ' ';
}

void Lexer::outside() {
  size_t open = at_;
  while ((open = text_.find('{', open)) != std::string::npos) {
    const char next = open + 1 < text_.size() ? text_[open + 1] : ' ';
    if (next == '{' || next == '%' || next == '#') break;
    ++open;
  }
  if (open == std::string::npos) {
    add(TokenKind::kData, rest());
    return advance(rest().size());
  }
  const char kind = text_[open + 1];
  data(rest().substr(0, open - at_), mark_of(std::string_view(text_).substr(open)), kind != '{');
  if (kind == '#') return comment();
  if (kind == '%' && raw()) return;
  tag(kind == '%');
}

void Lexer::comment() {
  const size_t begin = at_ + 2 + (mark_of(rest()) != ' ' ? 1 : 0);
  const size_t close = text_.find("#}", begin);
  if (close == std::string::npos) fail("Missing end of comment tag");
  const char mark = close > begin ? text_[close - 1] : ' ';
  size_t end = close + 2;
  if (mark == '-') {
    end += space_at(text_, end);
  } else if (mark != '+' && end < text_.size() && text_[end] == '\n') {
    ++end;
  }
  advance(end - at_);
}

// `{% raw %}` up to `{% endraw %}`, if that is what begins here.
bool Lexer::raw() {
  size_t at = at_ + 2 + (mark_of(rest()) != ' ' ? 1 : 0);
  at += space_at(text_, at);
  if (std::string_view(text_).substr(at, 3) != "raw") return false;
  at += 3;
  at += space_at(text_, at);
  const bool strips = text_.compare(at, 3, "-%}") == 0;
  if (!strips && text_.compare(at, 2, "%}") != 0) return false;
  at += strips ? 3 : 2;
  if (strips) at += space_at(text_, at);
  advance(at - at_);

  size_t end_tag = 0;
  const size_t end = raw_end(at_, end_tag);
  if (end == std::string::npos) fail("Missing end of raw directive");
  data(rest().substr(0, end_tag - at_), mark_of(std::string_view(text_).substr(end_tag)), true);
  advance(end - at_);
  return true;
}

// Where `{% endraw %}` ends, and in `end_tag` where it begins.
size_t Lexer::raw_end(size_t from, size_t& end_tag) const {
  for (end_tag = text_.find("{%", from); end_tag != std::string::npos;
       end_tag = text_.find("{%", end_tag + 1)) {
    size_t at = end_tag + 2 + (mark_of(std::string_view(text_).substr(end_tag)) != ' ' ? 1 : 0);
    at += space_at(text_, at);
    if (text_.compare(at, 6, "endraw") != 0) continue;
    at += 6;
    at += space_at(text_, at);
    const char mark = at < text_.size() ? text_[at] : ' ';
    if (mark == '-' || mark == '+') ++at;
    if (text_.compare(at, 2, "%}") != 0) continue;
    at += 2;
    if (mark == '-') return at + space_at(text_, at);
    return mark != '+' && at < text_.size() && text_[at] == '\n' ? at + 1 : at;
  }
  return std::string::npos;
}

// How many bytes the end of a tag takes here; 0 if it does not end here.
size_t Lexer::closing(std::string_view close, bool trims_newline) const {
  const std::string_view text = rest();
  if (text.substr(0, 2) == close) return trims_newline && text.substr(2, 1) == "\n" ? 3 : 2;
  if (text.substr(1, 2) != close) return 0;
  if (text[0] == '-') return 3 + space_at(text_, at_ + 3);
  return text[0] == '+' && trims_newline ? 3 : 0;
}

void Lexer::tag(bool block) {
  add(block ? TokenKind::kBlockBegin : TokenKind::kVariableBegin, "");
  advance(mark_of(rest()) != ' ' ? 3 : 2);
  brackets_.clear();
  while (true) {
    advance(space_at(text_, at_));
    if (at_ == text_.size()) return;
    const size_t end = brackets_.empty() ? closing(block ? "%}" : "}}", block) : 0;
    if (end > 0) {
      add(block ? TokenKind::kBlockEnd : TokenKind::kVariableEnd, "");
      return advance(end);
    }
    token();
  }
}

void Lexer::token() {
  const char c = text_[at_];
  if (c == '\'' || c == '"') return string();
  if (is_digit(c)) return number();
  if (is_word(utf8_at(text_, at_).code)) return name();
  operation();
}

void Lexer::name() {
  size_t end = at_;
  while (end < text_.size()) {
    const Utf8Char c = utf8_at(text_, end);
    if (!is_word(c.code)) break;
    end += c.size;
  }
  add(TokenKind::kName, rest().substr(0, end - at_));
  advance(end - at_);
}

size_t digits_at(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() &&
         (is_digit(text[end]) ||
          (text[end] == '_' && end > at && end + 1 < text.size() && is_digit(text[end + 1]))))
    ++end;
  return end - at;
}

// Bytes of `text` that are a number with a fraction or an exponent; 0 if it is an integer.
size_t float_size(std::string_view text) {
  const size_t whole = digits_at(text, 0);
  size_t end = whole;
  if (text.substr(end, 1) == ".") {
    const size_t fraction = digits_at(text, end + 1);
    if (fraction == 0) return 0;
    end += 1 + fraction;
  }
  if (end < text.size() && (text[end] | 32) == 'e') {
    const size_t sign = text.substr(end + 1, 1) == "-" || text.substr(end + 1, 1) == "+" ? 1 : 0;
    const size_t exponent = digits_at(text, end + 1 + sign);
    if (exponent > 0) end += 1 + sign + exponent;
  }
  return end > whole ? end : 0;
}

int base_of(std::string_view text) {
  if (text.size() < 3 || text[0] != '0') return 10;
  const char letter = static_cast<char>(text[1] | 32);
  return letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
}

void Lexer::number() {
  const bool after_dot =
      !tokens_.empty() && tokens_.back().text == "." && tokens_.back().kind == TokenKind::kOperator;
  const size_t real = after_dot ? 0 : float_size(rest());
  const int base = real > 0 ? 10 : base_of(rest());
  size_t size = real > 0 ? real : digits_at(rest(), 0);
  if (base != 10) {
    size = 2;
    while (size < rest().size() &&
           (std::isxdigit(static_cast<unsigned char>(rest()[size])) || rest()[size] == '_'))
      ++size;
  }
  std::string digits(rest().substr(base == 10 ? 0 : 2, size - (base == 10 ? 0 : 2)));
  std::erase(digits, '_');
  add(real > 0 ? TokenKind::kFloat : TokenKind::kInteger, rest().substr(0, size));
  const char* end = digits.data() + digits.size();
  if (real > 0) {
    tokens_.back().real = std::strtod(digits.c_str(), nullptr);
  } else if (std::from_chars(digits.data(), end, tokens_.back().integer, base).ptr != end ||
             std::from_chars(digits.data(), end, tokens_.back().integer, base).ec != std::errc()) {
    fail("the integer " + digits.substr(0, 40) + " has more than 64 bits");
  }
  advance(size);
}

void Lexer::string() {
  const char quote = text_[at_];
  size_t end = at_ + 1;
  while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
  if (end >= text_.size())
    fail(std::string("unexpected char ") + (quote == '"' ? "'\"'" : "\"'\"") + " at " +
         std::to_string(count_chars(std::string_view(text_).substr(0, at_))));
  add(TokenKind::kString, unescaped(rest().substr(1, end - at_ - 1)));
  advance(end + 1 - at_);
}

// The value of `count` digits of `base` at `at`, if there are so many.
std::optional<uint32_t> code_at(std::string_view text, size_t at, size_t count, int base) {
  uint32_t code = 0;
  const char* begin = text.data() + at;
  if (at + count > text.size()) return std::nullopt;
  const auto read = std::from_chars(begin, begin + count, code, base);
  return read.ptr == begin + count ? std::optional(code) : std::nullopt;
}

std::string Lexer::unescaped(std::string_view body) const {
  constexpr std::string_view kLetters = "\\'\"abfnrtv\n";
  constexpr std::array<std::string_view, 11> kMeaning = {"\\", "'",  "\"", "\a", "\b", "\f",
                                                         "\n", "\r", "\t", "\v", ""};
  std::string out;
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i] != '\\') {
      out += body[i];
      continue;
    }
    const char letter = body[++i];
    if (const size_t known = kLetters.find(letter); known != std::string_view::npos) {
      out += kMeaning[known];
    } else if (letter == 'x' || letter == 'u' || letter == 'U') {
      const size_t digits = letter == 'x' ? 2 : letter == 'u' ? 4 : 8;
      const auto code = code_at(body, i + 1, digits, 16);
      if (!code || *code > 0x10FFFF || (*code >= 0xD800 && *code < 0xE000))
        fail("a string has \\" + std::string(1, letter) + " without the " + std::to_string(digits) +
             " hexadecimal digits of a character");
      append_utf8(out, *code);
      i += digits;
    } else if (letter >= '0' && letter <= '7') {
      size_t digits = 1;
      while (digits < 3 && i + digits < body.size() && body[i + digits] >= '0' &&
             body[i + digits] <= '7')
        ++digits;
      append_utf8(out, *code_at(body, i, digits, 8));
      i += digits - 1;
    } else {
      out += '\\';
      out += letter;
    }
  }
  return out;
}

void Lexer::operation() {
  constexpr std::array<std::string_view, 26> kOperators = {
      "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
      "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
  const auto found = std::find_if(kOperators.begin(), kOperators.end(),
                                  [&](std::string_view one) { return rest().starts_with(one); });
  if (found == kOperators.end()) {
    const size_t size = utf8_at(text_, at_).size;
    fail("unexpected char '" + std::string(rest().substr(0, size)) + "' at " +
         std::to_string(count_chars(std::string_view(text_).substr(0, at_))));
  }
  const char c = (*found)[0];
  if (c == '(' || c == '[' || c == '{') brackets_.push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
  if (c == ')' || c == ']' || c == '}') {
    if (brackets_.empty()) fail(std::string("unexpected '") + c + "'");
    if (brackets_.back() != c)
      fail(std::string("unexpected '") + c + "', expected '" + brackets_.back() + "'");
    brackets_.pop_back();
  }
  add(TokenKind::kOperator, *found);
  advance(found->size());
}

}  // namespace

std::vector<TemplateToken> lex_template(std::string_view source) {
  return Lexer(source).run();
}

}  // namespace weft::text
