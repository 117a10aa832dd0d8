#include "text/template_format.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "text/template_interpreter.h"
#include "text/template_strings.h"

namespace weft::text {
namespace {

constexpr int kMaxWidth = 10000;

struct Spec {
  char fill = ' ';
  char align = 0;  // '<', '>', '^', or the type's own
  bool sign = false;
  bool thousands = false;
  int width = 0;
  int precision = -1;
  char type = 0;
};

[[noreturn]] void refuse(std::string_view format) {
  template_fault("ValueError", "unsupported format '" + std::string(format.substr(0, 60)) + "'");
}

int take_number(std::string_view& rest) {
  int number = 0;
  const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (read.ec != std::errc() || number > kMaxWidth || number < 0) refuse(rest);
  rest.remove_prefix(static_cast<size_t>(read.ptr - rest.data()));
  return number;
}

bool take(std::string_view& rest, char c) {
  if (!rest.starts_with(c)) return false;
  rest.remove_prefix(1);
  return true;
}

bool starts_number(std::string_view rest) {
  return !rest.empty() && rest[0] >= '0' && rest[0] <= '9';
}

bool is_align(char c) {
  return c == '<' || c == '>' || c == '^';
}

// [[fill]align][+][0][width][,][.precision][type]
Spec parse_spec(std::string_view text) {
  Spec spec;
  std::string_view rest = text;
  if (rest.size() > 1 && is_align(rest[1])) {
    spec.fill = rest[0];
    spec.align = rest[1];
    rest.remove_prefix(2);
  } else if (!rest.empty() && is_align(rest[0])) {
    spec.align = rest[0];
    rest.remove_prefix(1);
  }
  spec.sign = take(rest, '+');
  if (take(rest, '0') && spec.align == 0) {
    spec.fill = '0';
    spec.align = '=';
  }
  if (starts_number(rest)) spec.width = take_number(rest);
  spec.thousands = take(rest, ',');
  if (take(rest, '.')) spec.precision = take_number(rest);
  if (!rest.empty()) {
    spec.type = rest[0];
    rest.remove_prefix(1);
  }
  if (!rest.empty()) refuse(text);
  return spec;
}

std::string with_thousands(std::string digits) {
  const size_t point = std::min(digits.find('.'), digits.size());
  const size_t first = digits.starts_with('-') ? 1 : 0;
  for (size_t at = point; at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string real_text(double value, const Spec& spec) {
  char type = spec.type == 'F' ? 'f' : spec.type;
  if (type == '%') return real_text(value * 100, {.precision = spec.precision, .type = 'f'}) + "%";
  if (type != 'f' && type != 'e' && type != 'g') refuse(std::string(1, type));
  const char format[] = {'%', '.', '*', type, '\0'};
  const int precision = std::min(spec.precision < 0 ? 6 : spec.precision, 300);
  std::string out(static_cast<size_t>(std::snprintf(nullptr, 0, format, precision, value)) + 1,
                  ' ');
  std::snprintf(out.data(), out.size(), format, precision, value);
  out.pop_back();
  return out;
}

std::string integer_text(int64_t value, char type) {
  char buffer[70];
  const int base = type == 'x' || type == 'X' ? 16 : type == 'o' ? 8 : type == 'b' ? 2 : 10;
  std::string text(buffer, std::to_chars(buffer, buffer + sizeof buffer, value, base).ptr);
  return type == 'X' ? to_upper(text) : text;
}

// A number as `spec` wants it; nothing for other values.
std::optional<std::string> number_text(const TemplateValue& value, const Spec& spec) {
  const auto integer = as_integer(value);
  const double* real = value.get_if<double>();
  if (!integer && real == nullptr) return std::nullopt;
  std::string text;
  const bool whole = spec.type == 'd' || spec.type == 'i' || spec.type == 'x' || spec.type == 'X' ||
                     spec.type == 'o' || spec.type == 'b';
  if (integer && (whole || spec.type == 0)) {
    text = integer_text(*integer, spec.type);
  } else if (whole) {
    return std::nullopt;
  } else if (spec.type == 0) {
    text = spec.precision < 0 ? float_repr(*real)
                              : real_text(*real, {.precision = spec.precision, .type = 'g'});
  } else {
    text = real_text(integer ? static_cast<double>(*integer) : *real, spec);
  }
  if (spec.thousands) text = with_thousands(std::move(text));
  return spec.sign && !text.starts_with('-') ? "+" + text : text;
}

void pad(TemplateText& out, const std::string& text, const Spec& spec, char own_align) {
  const char align = spec.align != 0 ? spec.align : own_align;
  const size_t size = count_chars(text);
  const size_t fill =
      static_cast<size_t>(spec.width) > size ? static_cast<size_t>(spec.width) - size : 0;
  const size_t before = align == '<' ? 0 : align == '^' ? fill / 2 : fill;
  const size_t sign = align == '=' && !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  out << std::string_view(text).substr(0, sign) << std::string(before, spec.fill)
      << std::string_view(text).substr(sign) << std::string(fill - before, spec.fill);
}

void fill_place(TemplateText& out, const TemplateValue& value, const Spec& spec) {
  const bool number_wanted = spec.type != 's' && (spec.type != 0 || !value.get_if<bool>());
  if (const auto number = number_wanted ? number_text(value, spec) : std::nullopt)
    return pad(out, *number, spec, '>');
  if (spec.type != 0 && spec.type != 's')
    template_fault("ValueError", "Unknown format code '" + std::string(1, spec.type) +
                                     "' for object of type '" + std::string(type_name(value)) +
                                     "'");
  std::string text = printed(out.budget(), value);
  if (spec.precision >= 0) {
    const std::vector<size_t> offsets = char_offsets(text);
    text.resize(offsets[std::min(static_cast<size_t>(spec.precision), offsets.size() - 1)]);
  }
  pad(out, text, spec, '<');
}

// One %-place after its '%': [(name)][-+0 #][width][.precision]type.
class PercentFormat {
 public:
  PercentFormat(TemplateBudget& budget, const TemplateValue& values)
      : out_(budget), values_(values), tuple_(values.sequence()) {
    if (tuple_ != nullptr && tuple_->form != SequenceForm::kTuple) tuple_ = nullptr;
  }

  TemplateValue run(std::string_view format) {
    while (!format.empty()) {
      const size_t percent = std::min(format.find('%'), format.size());
      out_ << format.substr(0, percent);
      format.remove_prefix(percent);
      if (!format.empty()) place(format);
    }
    const bool all = tuple_ == nullptr ? used_ > 0 || values_.dict() != nullptr ||
                                             values_.is_undefined() || values_.sequence() != nullptr
                                       : used_ == tuple_->items.size();
    if (!all) template_fault("TypeError", "not all arguments converted during string formatting");
    return out_.value();
  }

 private:
  const TemplateValue& next() {
    const size_t count = tuple_ != nullptr ? tuple_->items.size() : 1;
    if (used_ == count) template_fault("TypeError", "not enough arguments for format string");
    ++used_;
    return tuple_ != nullptr ? tuple_->items[used_ - 1] : values_;
  }

  const TemplateValue& named(std::string_view name) {
    const TemplateDict* dict = values_.dict();
    const TemplateValue* found = dict != nullptr ? dict->find(name) : nullptr;
    if (found == nullptr)
      template_fault(dict != nullptr ? "KeyError" : "TypeError",
                     "the format wants '" + std::string(name.substr(0, 60)) + "'");
    return *found;
  }

  void place(std::string_view& format) {
    const std::string_view whole = format;
    format.remove_prefix(1);
    const TemplateValue* value = nullptr;
    if (take(format, '(')) {
      const size_t close = format.find(')');
      if (close == std::string_view::npos) refuse(whole);
      value = &named(format.substr(0, close));
      format.remove_prefix(close + 1);
    }
    Spec spec;
    for (bool flags = true; flags;) {
      flags = false;
      if (take(format, '-')) {
        flags = true;
        spec.align = '<';
      } else if (take(format, '+')) {
        flags = spec.sign = true;
      } else if (take(format, '0')) {
        flags = true;
        spec.fill = spec.align == 0 ? '0' : spec.fill;
        spec.align = spec.align == 0 ? '=' : spec.align;
      }
    }
    if (starts_number(format)) spec.width = take_number(format);
    if (take(format, '.')) spec.precision = starts_number(format) ? take_number(format) : 0;
    if (format.empty()) template_fault("ValueError", "incomplete format");
    spec.type = format[0];
    format.remove_prefix(1);
    if (spec.type == '%') {
      out_ << "%";
      return;
    }
    fill(value != nullptr ? *value : next(), spec);
  }

  void fill(const TemplateValue& value, Spec spec) {
    if (spec.align == 0) spec.align = '>';
    if (spec.type == 'r') {
      TemplateText text(out_.budget());
      print_repr(text, value);
      return pad(out_, text.take(), spec, '>');
    }
    if (spec.type == 's') return fill_place(out_, value, spec);
    Spec number = spec;
    if (spec.type == 'i' || spec.type == 'u') number.type = 'd';
    const double* real = value.get_if<double>();
    const bool cut = number.type == 'd' && real != nullptr && std::abs(*real) < 9e18;
    const auto text = number_text(cut ? TemplateValue(static_cast<int64_t>(*real)) : value, number);
    if (!text)
      template_fault("TypeError", "%" + std::string(1, spec.type) +
                                      " format: a number is required, not " +
                                      std::string(type_name(value)));
    pad(out_, *text, number, '>');
  }

  TemplateText out_;
  const TemplateValue& values_;
  const TemplateSequence* tuple_;
  size_t used_ = 0;
};

// One {}-place without its braces: [name or number][.attribute or [key]...][!r][:spec].
class BraceFormat {
 public:
  BraceFormat(TemplateInterpreter& run, const TemplateArguments& arguments)
      : run_(run), out_(run.budget()), arguments_(arguments) {}

  TemplateValue run(std::string_view format) {
    while (!format.empty()) {
      const size_t brace = std::min(format.find_first_of("{}"), format.size());
      out_ << format.substr(0, brace);
      format.remove_prefix(brace);
      if (format.empty()) break;
      if (format.size() > 1 && format[1] == format[0]) {
        out_ << format.substr(0, 1);
        format.remove_prefix(2);
        continue;
      }
      const size_t close = format.find('}');
      if (format[0] == '}' || close == std::string_view::npos)
        template_fault("ValueError", "a single brace in a format string");
      place(format.substr(1, close - 1));
      format.remove_prefix(close + 1);
    }
    return out_.value();
  }

 private:
  void place(std::string_view place) {
    const size_t colon = std::min(place.find(':'), place.size());
    const std::string_view spec = colon < place.size() ? place.substr(colon + 1) : "";
    std::string_view field = place.substr(0, colon);
    const bool quoted = field.ends_with("!r");
    if (quoted || field.ends_with("!s")) field.remove_suffix(2);
    TemplateValue value = look_up(field);
    if (!quoted) return fill_place(out_, value, parse_spec(spec));
    TemplateText text(run_.budget());
    print_repr(text, value);
    pad(out_, text.take(), parse_spec(spec), '<');
  }

  TemplateValue look_up(std::string_view field) {
    const size_t end = std::min(field.find_first_of(".["), field.size());
    TemplateValue value = argument(field.substr(0, end));
    field.remove_prefix(end);
    while (!field.empty()) {
      const bool bracket = field[0] == '[';
      const size_t close =
          std::min(bracket ? field.find(']') : field.find_first_of(".[", 1), field.size());
      const std::string key(field.substr(1, close - 1));
      int64_t index = 0;
      const bool number = bracket &&
                          std::from_chars(key.data(), key.data() + key.size(), index).ptr ==
                              key.data() + key.size() &&
                          !key.empty();
      value = !bracket ? attribute_of(run_, value, key)
              : number ? element_of(run_, value, TemplateValue(index))
                       : element_of(run_, value, make_text(run_.budget(), key));
      field.remove_prefix(std::min(close + (bracket ? 1 : 0), field.size()));
    }
    return value;
  }

  const TemplateValue& argument(std::string_view name) {
    if (name.empty() || starts_number(name)) {
      const size_t index = name.empty() ? next_++ : static_cast<size_t>(take_number(name));
      if (index >= arguments_.positional.size())
        template_fault("IndexError", "the format wants more values than it is given");
      return arguments_.positional[index];
    }
    for (const auto& [own, value] : arguments_.named) {
      if (own == name) return value;
    }
    template_fault("KeyError", "the format wants '" + std::string(name.substr(0, 60)) + "'");
  }

  TemplateInterpreter& run_;
  TemplateText out_;
  const TemplateArguments& arguments_;
  size_t next_ = 0;
};

}  // namespace

TemplateValue format_percent(TemplateBudget& budget, std::string_view format,
                             const TemplateValue& values) {
  return PercentFormat(budget, values).run(format);
}

TemplateValue format_braces(TemplateInterpreter& run, std::string_view format,
                            const TemplateArguments& arguments) {
  return BraceFormat(run, arguments).run(format);
}

}  // namespace weft::text
