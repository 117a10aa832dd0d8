// JSON lines: an object a line, a document in one of its fields.
#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "data/byte_reader.h"
#include "data/content_hash.h"
#include "data/text_reader.h"

namespace weft::data {
namespace {

constexpr size_t kReadBytes = 1 << 20;
// Lines of a file, without their ends.
class Lines {
 public:
  explicit Lines(const FileContext& context)
      : path_(context.file.path),
        max_line_bytes_(static_cast<size_t>(context.options.max_line_bytes)),
        reader_(context.files, context.file.path, context.file.size) {}

  int64_t number() const { return number_; }          // of the line that next() gave, from 1
  int64_t line_begin() const { return line_begin_; }  // in the file
  int64_t line_end() const { return line_end_; }      // with its line end

  // False at the end. `line` is valid until the next call.
  bool next(std::string_view& line) {
    size_t searched = 0, end = buffer_.find('\n', begin_);
    while (end == std::string::npos && !reader_.at_end()) {
      searched = buffer_.size() - begin_;
      if (searched > max_line_bytes_) fail_too_long();
      refill();
      end = buffer_.find('\n', searched);
    }
    if (begin_ == buffer_.size()) return false;
    end = std::min(end, buffer_.size());
    if (end - begin_ > max_line_bytes_) fail_too_long();
    ++number_;
    line = std::string_view(buffer_).substr(begin_, end - begin_);
    begin_ = std::min(end + 1, buffer_.size());
    line_begin_ = std::exchange(line_end_, buffer_begin_ + static_cast<int64_t>(begin_));
    return true;
  }

 private:
  // The unfinished line moves to the front of the buffer.
  void refill() {
    buffer_.erase(0, begin_);
    buffer_begin_ += static_cast<int64_t>(begin_);
    begin_ = 0;
    reader_.append_to(buffer_, kReadBytes);
  }

  [[noreturn]] void fail_too_long() const {
    throw Error(path_.string() + ":" + std::to_string(number_ + 1) + ": the line has more than " +
                std::to_string(max_line_bytes_) +
                " bytes; a .jsonl file has one JSON object per line; cut larger documents");
  }

  const Path& path_;
  const size_t max_line_bytes_;
  ByteReader reader_;
  std::string buffer_;
  size_t begin_ = 0;
  int64_t buffer_begin_ = 0;
  int64_t number_ = 0;
  int64_t line_begin_ = 0;
  int64_t line_end_ = 0;
};

std::string_view type_name(simdjson::dom::element_type type) {
  using simdjson::dom::element_type;
  switch (type) {
    case element_type::ARRAY: return "a list";
    case element_type::OBJECT: return "an object";
    case element_type::STRING: return "a string";
    case element_type::BOOL: return "true or false";
    case element_type::NULL_VALUE: return "null";
    default: return "a number";
  }
}

class JsonLinesReader final : public FileReader {
 public:
  explicit JsonLinesReader(const FileContext& context) : context_(context), lines_(context) {}

  bool next(TextPiece& piece) override {
    if (given_ == document_.size() && !next_document()) return false;
    const std::string_view rest = std::string_view(document_).substr(given_);
    const size_t limit = static_cast<size_t>(context_.options.piece_bytes);
    const size_t size = rest.size() > limit ? piece_end(rest, limit) : rest.size();
    piece.begins_document = given_ == 0;
    piece.ends_document = size == rest.size();
    piece.text.assign(rest.substr(0, size));
    piece.document_hash = hash_;
    piece.input_begin = input_place(given_);
    given_ += size;
    piece.input_end = input_place(given_);
    piece.file = &context_.file;
    piece.line = lines_.number();
    return true;
  }

 private:
  // The place among all input bytes that stands for byte `at` of the document: escapes and the rest
  // of the line are spread over it evenly.
  int64_t input_place(size_t at) const {
    const double share = static_cast<double>(at) / static_cast<double>(document_.size());
    const double line_bytes = static_cast<double>(lines_.line_end() - lines_.line_begin());
    return context_.input_begin + lines_.line_begin() + static_cast<int64_t>(share * line_bytes);
  }

  // Reads lines up to one that holds text.
  bool next_document() {
    std::string_view line;
    document_.clear();
    given_ = 0;
    while (document_.empty()) {
      if (!lines_.next(line)) return false;
      read_line(line);
    }
    hash_ = hash64(document_, context_.options.hash_seed);
    return true;
  }

  // Leaves document_ empty if the line holds none.
  void read_line(std::string_view line) {
    if (lines_.number() == 1 && line.starts_with(kByteOrderMark)) {
      line.remove_prefix(kByteOrderMark.size());
      count("byte order mark removed");
    }
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return count("blank line");
    if (!mend(line)) return;
    simdjson::dom::element root;
    if (const auto error = parser_.parse(line.data(), line.size()).get(root))
      fail(std::string("the line is no JSON: ") + simdjson::error_message(error));
    const std::string_view text = find_text(root);
    if (text.empty()) return count("empty document");
    if (text.find('\0') == std::string_view::npos) document_.assign(text);
    else if (may_replace("a NUL character in its text"))
      count(kReplacedReason, append_with_replacements(text, document_));
  }

  // Applies the policy to bytes and escapes of the line that are no text; false leaves it out. Done
  // here because versions of the JSON parser differ in what they make of half a surrogate pair.
  bool mend(std::string_view& line) {
    const size_t invalid = first_invalid_utf8(line);
    if (invalid != kAllValid) {
      if (!may_replace("no UTF-8 text at byte " + std::to_string(invalid) + " of the line"))
        return false;
      mended_.clear();
      count(kReplacedReason, append_with_replacements(line, mended_));
      line = mended_;
    }
    if (line.find("\\ud") == line.npos && line.find("\\uD") == line.npos) return true;
    std::string paired(line);
    const int64_t lone = replace_lone_surrogates(paired);
    if (lone == 0) return true;
    if (!may_replace("half of a surrogate pair among its \\u escapes")) return false;
    count(kReplacedReason, lone);
    mended_ = std::move(paired);
    line = mended_;
    return true;
  }

  // What the policy says about text that holds `found`.
  bool may_replace(const std::string& found) {
    switch (context_.options.invalid_utf8) {
      case InvalidUtf8::kReplace: return true;
      case InvalidUtf8::kSkip: count(kNoTextReason); return false;
      case InvalidUtf8::kError: break;
    }
    fail("the line has " + found + "; " + std::string(kInvalidUtf8Advice));
  }

  std::string_view find_text(simdjson::dom::element root) const {
    if (!root.is_object())
      fail("the line is " + std::string(type_name(root.type())) +
           ", no object; each line must be like {\"" + context_.options.text_field +
           "\": \"...\"}");
    simdjson::dom::element value = root;
    for (std::string_view rest = context_.options.text_field; !rest.empty();) {
      if (!value.is_object()) fail_type(value, rest);
      const bool whole = has_key(value, rest);
      const std::string_view key = whole ? rest : rest.substr(0, rest.find('.'));
      value = only_value(value, key);
      rest.remove_prefix(std::min(key.size() + 1, rest.size()));
    }
    std::string_view text;
    if (value.get(text)) fail_type(value, "");
    return text;
  }

  static bool has_key(simdjson::dom::element object, std::string_view key) {
    return object.at_key(key).error() == simdjson::SUCCESS;
  }

  simdjson::dom::element only_value(simdjson::dom::element object, std::string_view key) const {
    simdjson::dom::element result;
    int found = 0;
    for (const auto field : simdjson::dom::object(object)) {
      if (field.key != key) continue;
      result = field.value;
      ++found;
    }
    if (found == 1) return result;
    const std::string field = "field `" + std::string(key) + "`";
    if (found > 1) fail(field + " stands there " + std::to_string(found) + " times; keep one");
    fail(field + " is missing; the line has " + keys_of(object) +
         "; --text-field names the one with the text");
  }

  static std::string keys_of(simdjson::dom::element object) {
    std::string keys;
    for (const auto field : simdjson::dom::object(object)) {
      if (keys.size() > 200) return keys + " and more";
      keys += (keys.empty() ? "`" : ", `") + std::string(field.key) + "`";
    }
    return keys.empty() ? "no fields" : keys;
  }

  [[noreturn]] void fail_type(simdjson::dom::element value, std::string_view rest) const {
    const std::string& field = context_.options.text_field;
    std::string_view parent = field;
    if (!rest.empty()) parent.remove_suffix(rest.size() + 1);
    fail("field `" + std::string(parent) + "` is " + std::string(type_name(value.type())) +
         ", allowed is " +
         (rest.empty() ? "a string" : "an object with `" + std::string(rest) + "`") +
         "; --text-field names the one with the text");
  }

  [[noreturn]] void fail(const std::string& reason) const { throw Error(place() + ": " + reason); }
  std::string place() const {
    return context_.file.path.string() + ":" + std::to_string(lines_.number());
  }
  void count(std::string_view reason, int64_t number = 1) {
    context_.left_out.add(
        reason, [&] { return place(); }, number);
  }

  FileContext context_;
  Lines lines_;
  simdjson::dom::parser parser_;
  std::string mended_;
  std::string document_;
  size_t given_ = 0;  // bytes of document_ that were given out
  uint64_t hash_ = 0;
};

}  // namespace

std::unique_ptr<FileReader> open_json_lines(const FileContext& context) {
  return std::make_unique<JsonLinesReader>(context);
}

}  // namespace weft::data
