// JSON lines and JSON files: objects, a document in one field of each.
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "data/json_values.h"
#include "data/line_reader.h"
#include "data/record_reader.h"

namespace weft::data {
namespace {

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

std::unique_ptr<RecordSource> open_source(const FileContext& context) {
  const int64_t limit = context.options.max_line_bytes;
  if (context.file.kind == InputKind::kJson)
    return std::make_unique<JsonValues>(context.files, context.source(), limit);
  return std::make_unique<LineReader>(context.files, context.source(), limit);
}

// The parser takes up to 24 bytes for a value that has two in the file. Short records are not
// looked at; a longer one may have this many brackets, commas and colons outside of its strings.
constexpr size_t kShortRecord = size_t{2} << 20;
constexpr int64_t kMostStructure = 1'000'000;

int64_t structure_of(std::string_view record) {
  int64_t count = 0;
  bool in_string = false;
  for (size_t i = 0; i < record.size(); ++i) {
    const char c = record[i];
    if (c == '"') in_string = !in_string;
    else if (in_string) i += c == '\\' ? 1 : 0;
    else count += c == ',' || c == ':' || c == '[' || c == '{';
  }
  return count;
}

class JsonReader final : public RecordReader {
 public:
  explicit JsonReader(const FileContext& given)
      : RecordReader(given), records_(open_source(context())) {}

  std::string file_hash() const override { return records_->hash(); }

 private:
  bool next_record(std::string& document) override {
    std::string_view record;
    if (!records_->next(record)) return false;
    if (records_->is_too_long()) fail_too_long();
    else read(record, document);
    return true;
  }

  Place place() const override {
    return {records_->record_begin(), records_->record_end(), records_->number()};
  }

  // Leaves `document` empty if the record holds none.
  void read(std::string_view record, std::string& document) {
    if (records_->number() == 1 && record.starts_with(kByteOrderMark)) {
      record.remove_prefix(kByteOrderMark.size());
      count("byte order mark removed");
    }
    if (record.find_first_not_of(" \t\r") == std::string_view::npos) return count(kBlankReason);
    simdjson::dom::element root;
    std::string_view text;
    if (!parse(record, root) || !find_text(root, text)) return;
    if (text.empty()) return count(kEmptyReason);
    if (!read_cells(root)) return;
    if (text.find('\0') == std::string_view::npos) document.assign(text);
    else append_text(text, document);
  }

  // False for a record that is left out. What the parser takes as it is has no bytes that are no
  // text, so that these are looked for only in what it refuses.
  bool parse(std::string_view record, simdjson::dom::element& root) {
    if (record.size() > kShortRecord && structure_of(record) > kMostStructure)
      return fail(kTooLongReason, [] {
        return "the record has more than " + std::to_string(kMostStructure) +
               " values, keys and brackets; cut it";
      });
    if (!may_have_surrogates(record) && !parser_.parse(record.data(), record.size()).get(root))
      return true;
    if (!mend(record)) return false;
    const auto error = parser_.parse(record.data(), record.size()).get(root);
    return error == simdjson::SUCCESS || fail(kMalformedReason, [error] {
             return std::string("the line is no JSON: ") + simdjson::error_message(error);
           });
  }

  // What lacks a field has no value there, as with null.
  bool read_cells(simdjson::dom::element root) {
    const std::vector<ColumnSpec>& specs = context().options.columns;
    cells_.resize(specs.size());
    for (size_t i = 0; i < specs.size(); ++i) {
      std::string text;
      if (!cell_text(root, specs[i], text)) return false;
      if (const auto wrong = read_cell(text, specs[i], cells_[i]))
        return fail(kBadCellReason, [&] { return "field `" + specs[i].name + "` " + *wrong; });
    }
    return true;
  }

  bool cell_text(simdjson::dom::element value, const ColumnSpec& column, std::string& text) const {
    for (std::string_view rest = column.name; !rest.empty();) {
      if (!value.is_object())
        return fail(kBadCellReason, [&] {
          return "field `" + column.name + "` is looked for in " +
                 std::string(type_name(value.type())) + ", allowed is an object";
        });
      const std::string_view key = has_key(value, rest) ? rest : rest.substr(0, rest.find('.'));
      if (!has_key(value, key)) return true;
      if (!only_value(value, key)) return false;
      rest.remove_prefix(std::min(rest.size(), key.size() + 1));
    }
    switch (value.type()) {
      case simdjson::dom::element_type::NULL_VALUE: return true;
      case simdjson::dom::element_type::STRING: text = std::string_view(value); return true;
      case simdjson::dom::element_type::ARRAY:
      case simdjson::dom::element_type::OBJECT:
        return fail(kBadCellReason, [&] {
          return "field `" + column.name + "` is " + std::string(type_name(value.type())) +
                 ", allowed is a number or a string";
        });
      default: text = simdjson::minify(value); return true;
    }
  }

  // Applies the policy to bytes and escapes of the record that are no text; false leaves it out.
  // Done here because versions of the JSON parser differ in what they make of half a surrogate
  // pair.
  bool mend(std::string_view& record) {
    const size_t invalid = first_invalid_utf8(record);
    if (invalid != kAllValid) {
      const auto found = [invalid] {
        return "no UTF-8 text at byte " + std::to_string(invalid) + " of the line";
      };
      if (!may_replace(found, record.size())) return false;
      mended_.clear();
      count(kReplacedReason, append_with_replacements(record, mended_));
      record = mended_;
    }
    if (!may_have_surrogates(record)) return true;
    std::string paired(record);
    const int64_t lone = replace_lone_surrogates(paired);
    if (lone == 0) return true;
    const auto found = [] { return std::string("half of a surrogate pair among its \\u escapes"); };
    if (!may_replace(found, record.size())) return false;
    count(kReplacedReason, lone);
    mended_ = std::move(paired);
    record = mended_;
    return true;
  }

  bool find_text(simdjson::dom::element value, std::string_view& text) const {
    const std::string& field = context().options.text_field;
    if (!value.is_object() && !field.starts_with('['))
      return fail(kNoFieldReason, [&] {
        return "the line is " + std::string(type_name(value.type())) +
               ", no object; each line must be like {\"" + field + "\": \"...\"}";
      });
    for (std::string_view rest = field; !rest.empty();)
      if (!(rest.starts_with('[') ? item(value, rest) : member(value, rest))) return false;
    return value.get(text) == simdjson::SUCCESS || fail_type(value, "");
  }

  // From an object to its value of the key at the front of `rest`, which is taken off. A key that
  // has dots or brackets in itself comes before a path.
  bool member(simdjson::dom::element& value, std::string_view& rest) const {
    if (!value.is_object()) return fail_type(value, rest);
    const bool whole = has_key(value, rest);
    const std::string_view key = whole ? rest : rest.substr(0, rest.find_first_of(".["));
    if (!only_value(value, key)) return false;
    rest.remove_prefix(key.size());
    if (rest.starts_with('.')) rest.remove_prefix(1);
    return true;
  }

  // The same for a list and an index: "[3]".
  bool item(simdjson::dom::element& value, std::string_view& rest) const {
    const size_t close = rest.find(']');
    size_t index = 0;
    const auto [end, error] =
        std::from_chars(rest.data() + 1, rest.data() + std::min(close, rest.size()), index);
    if (close == rest.npos || error != std::errc() || end != rest.data() + close)
      throw Error("--text-field: '" + context().options.text_field +
                  "' is no path; write keys with dots and places of lists in brackets, like "
                  "turns[0].text");
    simdjson::dom::array list;
    if (value.get(list)) return fail_type(value, rest);
    if (list.at(index).get(value))
      return fail(kNoFieldReason, [&] {
        return "field `" + std::string(before(rest)) + "` has " + std::to_string(list.size()) +
               " items, no item " + std::string(rest.substr(0, close + 1));
      });
    rest.remove_prefix(close + 1);
    if (rest.starts_with('.')) rest.remove_prefix(1);
    return true;
  }

  // What of the path stands before `rest`.
  std::string_view before(std::string_view rest) const {
    std::string_view path = context().options.text_field;
    path.remove_suffix(rest.size());
    if (path.ends_with('.')) path.remove_suffix(1);
    return path;
  }

  static bool has_key(simdjson::dom::element object, std::string_view key) {
    return object.at_key(key).error() == simdjson::SUCCESS;
  }

  // From an object to its value of the key.
  bool only_value(simdjson::dom::element& value, std::string_view key) const {
    const simdjson::dom::element object = value;
    int found = 0;
    for (const auto field : simdjson::dom::object(object)) {
      if (field.key != key) continue;
      value = field.value;
      ++found;
    }
    return found == 1 || fail(kNoFieldReason, [&] {
             const std::string field = "field `" + std::string(key) + "`";
             if (found > 1)
               return field + " stands there " + std::to_string(found) + " times; keep one";
             return field + " is missing; the line has " + keys_of(object) +
                    "; --text-field names the one with the text";
           });
  }

  static std::string keys_of(simdjson::dom::element object) {
    std::string keys;
    for (const auto field : simdjson::dom::object(object)) {
      if (keys.size() > 200) return keys + " and more";
      keys += (keys.empty() ? "`" : ", `") + std::string(field.key) + "`";
    }
    return keys.empty() ? "no fields" : keys;
  }

  bool fail_type(simdjson::dom::element value, std::string_view rest) const {
    return fail(kNoFieldReason, [&] {
      const std::string wanted = rest.empty() ? "a string"
                                 : rest.starts_with('[')
                                     ? "a list"
                                     : "an object with `" + std::string(rest) + "`";
      return "field `" + std::string(before(rest)) + "` is " +
             std::string(type_name(value.type())) + ", allowed is " + wanted +
             "; --text-field names the one with the text";
    });
  }

  std::unique_ptr<RecordSource> records_;
  simdjson::dom::parser parser_;
  std::string mended_;
};

}  // namespace

std::unique_ptr<FileReader> open_json(const FileContext& context) {
  return std::make_unique<JsonReader>(context);
}

}  // namespace weft::data
