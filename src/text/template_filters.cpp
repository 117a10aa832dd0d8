// Jinja's filters of single values: texts, numbers, JSON. Those of lists:
// template_list_filters.cpp.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "text/template_builtins.h"
#include "text/template_format.h"
#include "text/template_interpreter.h"
#include "text/template_strings.h"
#include "text/unicode.h"

namespace weft::text {
namespace {

using Run = TemplateInterpreter;
using Self = TemplateValue;
using Arguments = BoundArguments;

TemplateValue as_text(Run& run, const Self& self) {
  return self.text() != nullptr ? self : make_text(run.budget(), printed(run.budget(), self));
}

// The method `name` of the value as text.
TemplateValue by_method(Run& run, const Self& self, std::string_view name,
                        TemplateValues arguments = {}) {
  const TemplateValue text = as_text(run, self);
  return call_builtin(run, *find_method(text, name), text, {std::move(arguments), {}});
}

TemplateValue upper(Run& run, const Self& self, const Arguments&) {
  return by_method(run, self, "upper");
}
TemplateValue lower(Run& run, const Self& self, const Arguments&) {
  return by_method(run, self, "lower");
}
TemplateValue capitalize(Run& run, const Self& self, const Arguments&) {
  return by_method(run, self, "capitalize");
}
TemplateValue trim(Run& run, const Self& self, const Arguments& arguments) {
  return by_method(run, self, "strip", {arguments.at(0)});
}
TemplateValue center(Run& run, const Self& self, const Arguments& arguments) {
  return by_method(run, self, "center", {TemplateValue(arguments.integer(0, 80))});
}
TemplateValue replace(Run& run, const Self& self, const Arguments& arguments) {
  return by_method(run, self, "replace",
                   {as_text(run, arguments.at(0)), as_text(run, arguments.at(1)),
                    TemplateValue(arguments.integer(2, -1))});
}

// A word begins after blanks, hyphens and opening brackets.
TemplateValue title(Run& run, const Self& self, const Arguments&) {
  const TemplateValue value = as_text(run, self);
  const std::string& text = *value.text();
  run.budget().make(text.size());
  std::string out;
  bool begins = true;
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_at(text, at);
    const std::string_view bytes = std::string_view(text).substr(at, c.size);
    const bool breaks = is_python_space(c.code) ||
                        (c.code < 0x80 && std::string_view("-({[<").find(
                                              static_cast<char>(c.code)) != std::string_view::npos);
    out += breaks ? std::string(bytes) : begins ? to_upper(bytes) : to_lower(bytes);
    begins = breaks;
    at += c.size;
  }
  return make_text(run.budget(), std::move(out));
}

TemplateValue string(Run& run, const Self& self, const Arguments&) {
  return as_text(run, self);
}

TemplateValue escape(Run& run, const Self& self, const Arguments&) {
  constexpr std::string_view kSpecial = "&<>'\"";
  constexpr std::array<std::string_view, 5> kEscaped = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
  const TemplateValue text = as_text(run, self);
  TemplateText out(run.budget());
  for (const char& c : *text.text()) {
    const size_t special = kSpecial.find(c);
    out << (special == std::string_view::npos ? std::string_view(&c, 1) : kEscaped[special]);
  }
  return out.value();
}

TemplateValue indent(Run& run, const Self& self, const Arguments& arguments) {
  const TemplateValue text = as_text(run, self);
  std::string margin;
  if (const std::string* given = arguments.at(0).text()) {
    margin = *given;
  } else {
    const auto width = static_cast<size_t>(std::max<int64_t>(arguments.integer(0, 4), 0));
    run.budget().make(width);
    margin.assign(width, ' ');
  }
  const bool first = arguments.flag(1), blank = arguments.flag(2);
  const std::string with_end = *text.text() + "\n";
  run.budget().make(with_end.size(), sizeof(std::string_view));
  TemplateText out(run.budget());
  const auto lines = split_lines(with_end, false);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out << "\n";
    if (i > 0 ? blank || !lines[i].empty() : first) out << margin;
    out << lines[i];
  }
  return out.value();
}

TemplateValue truncate(Run& run, const Self& self, const Arguments& arguments) {
  const TemplateValue value = as_text(run, self);
  const int64_t length = arguments.integer(0, 255), leeway = arguments.integer(3, 5);
  const std::string end = arguments.has(2) ? arguments.text(2) : "...";
  const auto end_size = static_cast<int64_t>(count_chars(end));
  if (length < end_size || leeway < 0)
    template_fault("AssertionError", "truncate: the length is below that of its end");
  run.budget().make(value.text()->size(), sizeof(size_t));
  const std::vector<size_t> offsets = char_offsets(*value.text());
  if (static_cast<int64_t>(offsets.size()) - 1 <= length + leeway) return value;
  std::string_view kept(*value.text());
  kept = kept.substr(0, offsets[static_cast<size_t>(length - end_size)]);
  const size_t space = kept.rfind(' ');
  if (!arguments.flag(1) && space != std::string_view::npos) kept = kept.substr(0, space);
  return make_text(run.budget(), std::string(kept) + end);
}

TemplateValue count_words(Run& run, const Self& self, const Arguments&) {
  const TemplateValue text = as_text(run, self);
  run.budget().scan(text.text()->size());
  int64_t words = 0;
  bool inside = false;
  for (size_t at = 0; at < text.text()->size();) {
    const Utf8Char c = utf8_at(*text.text(), at);
    const bool word = (class_table()[c.code] & kRegexWord) != 0;
    words += word && !inside;
    inside = word;
    at += c.size;
  }
  return TemplateValue(words);
}

std::optional<double> parse_real(std::string_view text) {
  const std::string plain(strip(text, std::nullopt, {}));
  if (plain.empty() || plain.find_first_of("xX") != std::string::npos) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(plain.c_str(), &end);
  return end == plain.c_str() + plain.size() ? std::optional(value) : std::nullopt;
}

std::optional<double> real_of(const Self& self) {
  refuse_undefined(self);
  if (const double* real = self.get_if<double>()) return *real;
  if (const auto integer = as_integer(self)) return static_cast<double>(*integer);
  return self.text() != nullptr ? parse_real(*self.text()) : std::nullopt;
}

TemplateValue to_float(Run&, const Self& self, const Arguments& arguments) {
  if (const auto real = real_of(self)) return TemplateValue(*real);
  return arguments.has(0) ? arguments.at(0) : TemplateValue(0.0);
}

TemplateValue to_int(Run&, const Self& self, const Arguments& arguments) {
  const int64_t base = arguments.integer(1, 10);
  if (base < 2 || base > 36) template_fault("ValueError", "int() base must be 2 to 36");
  if (const auto integer = as_integer(self)) return TemplateValue(*integer);
  if (const std::string* text = self.text()) {
    std::string_view digits = strip(*text, std::nullopt, {});
    if (digits.starts_with('+')) digits.remove_prefix(1);
    int64_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, value, static_cast<int>(base));
    if (read.ec == std::errc() && read.ptr == end && !digits.empty()) return TemplateValue(value);
  }
  const auto real = real_of(self);
  if (real && std::abs(*real) < 9.2e18) return TemplateValue(static_cast<int64_t>(*real));
  return arguments.has(0) ? arguments.at(0) : TemplateValue(int64_t{0});
}

TemplateValue absolute(Run& run, const Self& self, const Arguments&) {
  refuse_undefined(self);
  if (const double* real = self.get_if<double>()) return TemplateValue(std::abs(*real));
  const auto integer = as_integer(self);
  if (!integer)
    template_fault("TypeError",
                   "bad operand type for abs(): '" + std::string(type_name(self)) + "'");
  return *integer < 0 ? apply(run.budget(), UnaryOperator::kNegative, TemplateValue(*integer))
                      : TemplateValue(*integer);
}

// Python's: ties go to the even digit, decided on the exact value.
double rounded(double value, int precision, const std::string& method) {
  if (method == "common") {
    if (precision <= 0) {
      const double unit = std::pow(10.0, -precision);
      return std::nearbyint(value / unit) * unit;
    }
    char buffer[400];
    std::snprintf(buffer, sizeof buffer, "%.*f", precision, value);
    return std::strtod(buffer, nullptr);
  }
  const double unit = std::pow(10.0, precision);
  return (method == "ceil" ? std::ceil(value * unit) : std::floor(value * unit)) / unit;
}

TemplateValue round(Run&, const Self& self, const Arguments& arguments) {
  const int64_t precision = arguments.integer(0, 0);
  const std::string method = arguments.has(1) ? arguments.text(1) : "common";
  if (method != "common" && method != "ceil" && method != "floor")
    template_fault("FilterArgumentError", "method must be common, ceil or floor");
  const auto real = self.text() != nullptr ? std::nullopt : real_of(self);
  if (!real)
    template_fault("TypeError",
                   "type " + std::string(type_name(self)) + " doesn't define __round__ method");
  if (std::abs(precision) > 30) template_fault("ValueError", "round: at most 30 digits");
  if (as_integer(self) && method == "common" && precision >= 0) return self;
  const double result = rounded(*real, static_cast<int>(precision), method);
  return as_integer(self) && method == "common" ? TemplateValue(static_cast<int64_t>(result))
                                                : TemplateValue(result);
}

TemplateValue format(Run& run, const Self& self, const Arguments& arguments) {
  const TemplateValue text = as_text(run, self);
  const TemplateArguments& given = arguments.rest();
  if (given.named.empty())
    return format_percent(run.budget(), *text.text(),
                          make_sequence(run.budget(), SequenceForm::kTuple, given.positional));
  std::vector<std::pair<TemplateValue, TemplateValue>> entries;
  for (const auto& [name, value] : given.named)
    entries.emplace_back(make_text(run.budget(), name), value);
  return format_percent(run.budget(), *text.text(), make_dict(run.budget(), std::move(entries)));
}

TemplateValue default_value(Run& run, const Self& self, const Arguments& arguments) {
  const bool replaced = self.is_undefined() || (arguments.flag(1) && !truth(self));
  if (!replaced) return self;
  return arguments.has(0) ? arguments.at(0) : make_text(run.budget(), "");
}

TemplateValue to_json(Run& run, const Self& self, const Arguments& arguments) {
  JsonStyle style{.ascii = arguments.flag(0), .sort_keys = arguments.flag(3)};
  if (!arguments.at(1).is_none()) {
    style.lines = true;
    style.item_separator = ",";
    const std::string* given = arguments.at(1).text();
    const int64_t width = given != nullptr ? 0 : std::max<int64_t>(arguments.integer(1, 0), 0);
    run.budget().make(static_cast<size_t>(width));
    style.indent = given != nullptr ? *given : std::string(static_cast<size_t>(width), ' ');
  }
  if (!arguments.at(2).is_none()) {
    const TemplateValues both = elements_of(run.budget(), arguments.at(2));
    if (both.size() != 2 || both[0].text() == nullptr || both[1].text() == nullptr)
      template_fault("ValueError", "tojson: separators are two texts");
    style.item_separator = *both[0].text();
    style.key_separator = *both[1].text();
  }
  TemplateText out(run.budget());
  print_json(out, self, style);
  return out.value();
}

constexpr std::array<TemplateBuiltin, 23> kFilters = {{
    {"upper", "", upper},
    {"lower", "", lower},
    {"capitalize", "", capitalize},
    {"title", "", title},
    {"trim", "[chars]", trim},
    {"center", "[width]", center},
    {"replace", "old new [count]", replace},
    {"string", "", string},
    {"safe", "", string},
    {"escape", "", escape},
    {"e", "", escape},
    {"forceescape", "", escape},
    {"indent", "[width] [first] [blank]", indent},
    {"truncate", "[length] [killwords] [end] [leeway]", truncate},
    {"wordcount", "", count_words},
    {"int", "[default] [base]", to_int},
    {"float", "[default]", to_float},
    {"abs", "", absolute},
    {"round", "[precision] [method]", round},
    {"format", "...", format},
    {"default", "[default_value] [boolean]", default_value},
    {"d", "[default_value] [boolean]", default_value},
    {"tojson", "[ensure_ascii] [indent] [separators] [sort_keys]", to_json},
}};

}  // namespace

std::span<const TemplateBuiltin> text_filters() {
  return kFilters;
}

}  // namespace weft::text
