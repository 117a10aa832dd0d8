#include "core/tree/bind.h"

#include <algorithm>

#include "core/quote.h"
#include "core/tree/describe_field.h"
#include "core/tree/scalars.h"

namespace weft {
namespace {

// "GIVEN is not WHAT; ADVICE; allowed: ...".
void refuse(const Tree& tree, const FieldContext& field, std::string_view what,
            const std::string& advice = "") {
  std::string message = shown(tree) + " is not " + std::string(what);
  if (!advice.empty()) message += "; " + advice;
  std::string allowed = range_text(field.info);
  if (!field.info.unset_word.empty())
    allowed = std::string(field.info.unset_word) + (allowed.empty() ? "" : " or " + allowed);
  if (!allowed.empty()) message += "; allowed: " + allowed;
  if (tree.is_null() && tree.text.empty()) message += "; give a value or remove the key";
  field.report.error(tree.at, field.path, message);
}

// A scalar that may be read as number or boolean: quotes make it text.
bool is_plain(const Tree& tree, const FieldContext& field, std::string_view what) {
  if (tree.is_scalar() && !tree.quoted) return true;
  refuse(tree, field, what, tree.is_scalar() ? "remove the quotes" : "");
  return false;
}

bool in_range(double value, const FieldInfo& info) {
  const bool low = info.above_min ? value > info.min : value >= info.min;
  const bool high = info.below_max ? value < info.max : value <= info.max;
  return low && high;
}

bool check_range(const Tree& tree, double value, const FieldContext& field) {
  if (in_range(value, field.info)) return true;
  std::string message = quote(tree.text) + " is out of range; allowed: ";
  if (!field.info.unset_word.empty()) message += std::string(field.info.unset_word) + " or ";
  message += range_text(field.info);
  if (!field.info.unit.empty()) message += " (" + std::string(field.info.unit) + ")";
  field.report.error(tree.at, field.path, message);
  return false;
}

// True if the text is a count with a unit, whether or not it can be used here.
bool bind_count(const Tree& tree, double& out, const FieldContext& field, bool whole) {
  char given = 0;
  if (field.info.count_unit == 0 || !is_count(tree.text, given)) return false;
  std::string advice;
  double value = 0;
  if (!read_count(tree.text, field.info.count_unit, value, advice)) {
    refuse(tree, field, "a count for this key", advice);
  } else if (whole && !(std::floor(value) == value && value < 0x1p62)) {
    refuse(tree, field, "a whole number");
  } else if (check_range(tree, value, field)) {
    out = value;
  }
  return true;
}

}  // namespace

bool says_unset(const Tree& tree, const FieldInfo& info) {
  if (tree.is_null()) return !tree.text.empty();
  return !info.unset_word.empty() && tree.is_word(info.unset_word);
}

void bind_boolean(const Tree& tree, bool& out, const FieldContext& field) {
  if (!is_plain(tree, field, "true or false")) return;
  std::string advice;
  if (!read_boolean(tree.text, out, advice)) refuse(tree, field, "true or false", advice);
}

void bind_integer(const Tree& tree, int64_t& out, const FieldContext& field) {
  if (!is_plain(tree, field, "an integer")) return;
  double counted = static_cast<double>(out);
  if (bind_count(tree, counted, field, true)) {
    out = static_cast<int64_t>(counted);
    return;
  }
  int64_t value = 0;
  std::string advice;
  if (!read_integer(tree.text, value, advice)) refuse(tree, field, "an integer", advice);
  else if (check_range(tree, static_cast<double>(value), field)) out = value;
}

void bind_real(const Tree& tree, double& out, const FieldContext& field) {
  if (!is_plain(tree, field, "a number")) return;
  if (bind_count(tree, out, field, false)) return;
  double value = 0;
  std::string advice;
  if (!read_real(tree.text, value, advice)) refuse(tree, field, "a number", advice);
  else if (check_range(tree, value, field)) out = value;
}

void bind_text(const Tree& tree, std::string& out, const FieldContext& field) {
  if (!tree.is_scalar()) return refuse(tree, field, "text");
  if (!field.info.choices.empty()) {
    if (bind_choice(tree, split_words(field.info.choices), field) < 0) return;
  } else if (tree.text.empty()) {
    return field.report.error(tree.at, field.path,
                              "the text is empty; give some or remove the key");
  } else if (tree.text.find('\0') != std::string::npos) {
    return refuse(tree, field, "text without NUL characters");
  }
  out = tree.text;
}

int bind_choice(const Tree& tree, const std::vector<std::string_view>& words,
                const FieldContext& field) {
  const auto found =
      tree.is_scalar() ? std::find(words.begin(), words.end(), tree.text) : words.end();
  if (found != words.end()) return static_cast<int>(found - words.begin());
  std::vector<std::string_view> allowed = words;
  if (!field.info.unset_word.empty()) allowed.insert(allowed.begin(), field.info.unset_word);
  const std::string_view near = tree.is_scalar() ? nearest(tree.text, allowed) : "";
  std::string message = shown(tree) + " is not known";
  if (!near.empty()) message += "; did you mean " + quote(near) + "?";
  field.report.error(tree.at, field.path, message + "; allowed: " + alternatives(allowed));
  return -1;
}

bool expect_list(const Tree& tree, const FieldContext& field) {
  if (tree.is_list()) return true;
  const bool single = tree.is_scalar() || (tree.is_map() && !tree.by_index);
  if (field.info.one_or_more && single) return true;
  refuse(tree, field, "a list", "write [first, second] or one '- item' a line");
  return false;
}

bool expect_map(const Tree& tree, std::string_view path, Report& report) {
  if (tree.is_map()) return true;
  report.error(tree.at, path,
               shown(tree) +
                   " is not a map of keys; write {key: value} or one "
                   "'key: value' a line, further to the right");
  return false;
}

const Tree* MapReader::take(std::string_view name, const FieldInfo& info) {
  names_.push_back(name);
  const Tree* value = map_.find(name);
  if (value == nullptr && info.required) {
    std::string message = "is missing";
    if (!info.help.empty()) message.append(" (").append(info.help).append(")");
    report_.error(map_.at, join_path(path_, name), message);
  }
  return value;
}

void MapReader::refuse_unknown() const {
  constexpr size_t kShortList = 12;
  for (const TreeEntry& entry : map_.entries) {
    if (std::find(names_.begin(), names_.end(), entry.key) != names_.end()) continue;
    std::string message = "unknown key " + quote(entry.written);
    const bool is_shown = report_.errors() < Report::kShown;  // a search costs time
    const std::string_view near = is_shown ? nearest(entry.key, names_) : "";
    if (!near.empty()) message += "; did you mean " + quote(near) + "?";
    if (names_.size() <= kShortList) message += "; allowed: " + alternatives(names_);
    else if (near.empty()) message += "; docs/config.md lists all keys";
    report_.error(entry.at, path_, message);
  }
}

}  // namespace weft
