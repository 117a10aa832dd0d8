#include "core/strict_json.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/quote.h"

namespace weft {
namespace {

using Json = nlohmann::json;

// Walks the text and tells, through `position`, how far the parser has read.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(std::string_view text, size_t* position) : text_(text), position_(position) {}
  static CountingIterator end_of(std::string_view text) { return {text, nullptr}; }

  reference operator*() const { return text_[at()]; }
  CountingIterator& operator++() {
    ++*position_;
    return *this;
  }
  CountingIterator operator++(int) { return ++*this; }
  bool operator==(const CountingIterator& other) const { return at() == other.at(); }

 private:
  size_t at() const { return position_ == nullptr ? text_.size() : *position_; }

  std::string_view text_;
  size_t* position_;  // null: the end
};

// "SOURCE:LINE:COLUMN: ". Columns count bytes, from 1.
std::string position_prefix(std::string_view source, std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const size_t line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return std::string(source) + ":" + std::to_string(line) + ":" +
         std::to_string(offset - line_start + 1) + ": ";
}

bool is_quote(std::string_view text, size_t at) {
  size_t backslashes = 0;
  while (backslashes < at && text[at - 1 - backslashes] == '\\') ++backslashes;
  return text[at] == '"' && backslashes % 2 == 0;
}

// Before the parser copies them. Text that is no JSON may be taken for a string here: beyond the
// limit that makes no difference.
void refuse_long_strings(std::string_view text, std::string_view source, int64_t longest) {
  if (static_cast<int64_t>(text.size()) <= longest) return;
  for (size_t at = text.find('"'); at != text.npos; at = text.find('"', at + 1)) {
    const size_t begin = at++;
    while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
    if (static_cast<int64_t>(std::min(at, text.size()) - begin - 1) > longest)
      throw Error(position_prefix(source, text, begin) + "a string of more than " +
                  std::to_string(longest) + " bytes");
    if (at >= text.size()) return;
  }
}

// Where the token begins that the parser has just read; `end` may be one beyond it, for the parser
// sees the end of a number only at the next character.
size_t token_start(std::string_view text, size_t end) {
  const auto in_word = [&](size_t i) {
    return std::isalnum(static_cast<unsigned char>(text[i])) != 0 || text[i] == '-' ||
           text[i] == '+' || text[i] == '.';
  };
  size_t at = std::min(end, text.size());
  if (at == 0) return 0;
  --at;
  if (text[at] == '"') {
    while (at > 0 && !is_quote(text, --at)) {
    }
    return at;
  }
  if (!in_word(at) && at > 0 && in_word(at - 1)) --at;
  while (in_word(at) && at > 0 && in_word(at - 1)) --at;
  return at;
}

// The reason without the library's own prefix and position, and without a long token.
std::string plain_reason(const std::string& what) {
  const size_t reason = what.find("syntax error");
  if (reason == std::string::npos) {  // "[json.exception...] ..."
    const size_t bracket = what.find("] ");
    return bracket == std::string::npos ? what : what.substr(bracket + 2, 200);
  }
  std::string text = what.substr(reason);
  const size_t token = text.find("; last read: '");
  if (token == std::string::npos) return text;
  const size_t token_end = text.rfind('\'');
  const size_t from = token + 14;
  if (token_end <= from) return text;
  return text.substr(0, token) + "; last read: " + quote(text.substr(from, token_end - from)) +
         text.substr(token_end + 1);
}

// nlohmann's SAX interface in front of ours: counts values and depth.
class Driver {
 public:
  Driver(const JsonLimits& limits, JsonEvents& events) : limits_(limits), events_(events) {}

  bool null() { return count(), events_.null(), true; }
  bool boolean(bool value) { return count(), events_.boolean(value), true; }
  bool number_integer(int64_t value) {
    count();
    if (value < 0) events_.integer(value);
    else events_.real(-0.0);  // "-0": no integer has that value
    return true;
  }
  bool number_unsigned(uint64_t value) {
    count();
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      events_.large_integer(value);
    else events_.integer(static_cast<int64_t>(value));
    return true;
  }
  bool number_float(double value, const std::string&) { return count(), events_.real(value), true; }
  bool string(std::string& value) { return count(), events_.string(value), true; }
  bool binary(Json::binary_t&) { return false; }  // never in text
  bool start_object(size_t) { return open(), events_.start_object(), true; }
  bool key(std::string& name) { return events_.key(name), true; }
  bool end_object() { return --depth_, events_.end_object(), true; }
  bool start_array(size_t) { return open(), events_.start_array(), true; }
  bool end_array() { return --depth_, events_.end_array(), true; }
  bool parse_error(size_t, const std::string&, const Json::exception& error) {
    throw Error(plain_reason(error.what()));
  }

 private:
  void count() {
    if (++values_ > limits_.values)
      throw Error("more than " + std::to_string(limits_.values) +
                  " values; at most that many are read");
  }
  void open() {
    count();
    if (++depth_ > limits_.depth)
      throw Error("nested deeper than " + std::to_string(limits_.depth) + " levels");
  }

  const JsonLimits& limits_;
  JsonEvents& events_;
  int64_t values_ = 0;
  int depth_ = 0;
};

// Builds a document and refuses a key that its object has already.
class Builder final : public JsonEvents {
 public:
  void null() override { add(nullptr); }
  void boolean(bool value) override { add(value); }
  void integer(int64_t value) override { add(value); }
  void large_integer(uint64_t value) override { add(value); }
  void real(double value) override { add(value); }
  void string(std::string& value) override { add(std::move(value)); }
  void key(std::string& name) override {
    const auto [at, is_new] = open_.back()->get_ref<Json::object_t&>().try_emplace(name);
    if (!is_new)
      throw Error("the key " + quote(name) + " appears twice in one object; remove one of them");
    slot_ = &at->second;
  }
  void start_object() override { open_.push_back(add(Json::object())); }
  void end_object() override { open_.pop_back(); }
  void start_array() override { open_.push_back(add(Json::array())); }
  void end_array() override { open_.pop_back(); }

  Json take() { return std::move(root_); }

 private:
  // Puts a value where the document stands and returns where it now lies. An array's elements move
  // when it grows, but the path to the open container is never moved: it is always a last element.
  Json* add(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (open_.back()->is_array()) {
      auto& array = open_.back()->get_ref<Json::array_t&>();
      return &array.emplace_back(std::move(value));
    }
    *slot_ = std::move(value);
    return slot_;
  }

  Json root_;
  std::vector<Json*> open_;
  Json* slot_ = nullptr;  // of the last key, in the innermost open object
};

}  // namespace

void JsonEvents::unexpected(std::string_view what) {
  throw Error(std::string(what) + " is not allowed here");
}

size_t JsonEvents::offset() const {
  WEFT_ASSERT(position_ != nullptr);
  return token_start(text_, *position_);
}

void parse_json_events(std::string_view text, std::string_view source, const JsonLimits& limits,
                       JsonEvents& events) {
  if (static_cast<int64_t>(text.size()) > limits.bytes)
    throw Error(std::string(source) + ": " + std::to_string(text.size()) +
                " bytes of JSON; at most " + std::to_string(limits.bytes) + " are read");
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
    throw Error(position_prefix(source, text, 0) + "syntax error: it is empty");
  if (const size_t zero = text.find('\0'); zero != std::string_view::npos)  // taken for the end
    throw Error(position_prefix(source, text, zero) + "syntax error: a zero byte");
  refuse_long_strings(text, source, limits.string);
  size_t position = 0;
  Driver driver(limits, events);
  events.text_ = text;
  events.position_ = &position;
  try {
    Json::sax_parse(CountingIterator(text, &position), CountingIterator::end_of(text), &driver);
  } catch (const Error& error) {
    throw Error(position_prefix(source, text, token_start(text, position)) + error.what());
  }
}

Json parse_json(std::string_view text, std::string_view source, const JsonLimits& limits) {
  Builder builder;
  parse_json_events(text, source, limits, builder);
  return builder.take();
}

Json read_json_file(const Path& file, const JsonLimits& limits) {
  return parse_json(read_text_file(file, limits.bytes), printable(file.native()), limits);
}

}  // namespace weft
