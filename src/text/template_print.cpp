#include "text/template_print.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "text/unicode.h"

namespace weft::text {
namespace {

// "\x07", "\u4f60": with the letters that Python and JSON use.
std::string hexadecimal(const char* format, uint32_t code) {
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, format, code);
  return buffer;
}

// What Python does not show as it is: controls, and spaces other than the ASCII one.
bool is_printable(uint32_t code) {
  if (code < 0x7f) return code >= 0x20;
  if (code < 0xa1 || code == 0xad || code == kInvalidByte) return false;
  const uint16_t classes = class_table()[code];
  constexpr uint16_t kShown = kLetter | kMark | kNumber | kPunctuation | kSymbol;
  return (classes & kShown) != 0 && (classes & kSpace) == 0;
}

std::string repr_char(uint32_t code, char quote) {
  if (code == static_cast<uint32_t>(quote) || code == '\\')
    return std::string("\\") + static_cast<char>(code);
  if (code == '\n') return "\\n";
  if (code == '\r') return "\\r";
  if (code == '\t') return "\\t";
  return hexadecimal(code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x", code);
}

void print_quoted(TemplateText& out, const std::string& text) {
  const bool apostrophes = text.find('\'') != std::string::npos;
  const char quote = apostrophes && text.find('"') == std::string::npos ? '"' : '\'';
  out << std::string_view(&quote, 1);
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_at(text, at);
    if (is_printable(c.code) && c.code != '\\' && c.code != static_cast<uint32_t>(quote)) {
      out << std::string_view(text).substr(at, c.size);
    } else {
      out << repr_char(c.code, quote);
    }
    at += c.size;
  }
  out << std::string_view(&quote, 1);
}

void print_items(TemplateText& out, const TemplateValues& items) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out << ", ";
    print_repr(out, items[i]);
  }
}

void print_range(TemplateText& out, const TemplateValues& items) {
  const auto at = [&](size_t i) { return *items[i].get_if<int64_t>(); };
  if (items.empty()) {
    out << "range(0, 0)";
    return;
  }
  const int64_t step = items.size() > 1 ? at(1) - at(0) : 1;
  out << "range(" << std::to_string(at(0)) << ", " << std::to_string(at(items.size() - 1) + step);
  if (step != 1) out << ", " << std::to_string(step);
  out << ")";
}

void print_sequence(TemplateText& out, const TemplateSequence& sequence, std::string_view name) {
  switch (sequence.form) {
    case SequenceForm::kGenerator: out << "<generator object>"; return;
    case SequenceForm::kRange: return print_range(out, sequence.items);
    case SequenceForm::kTuple:
      out << "(";
      print_items(out, sequence.items);
      out << (sequence.items.size() == 1 ? ",)" : ")");
      return;
    default: break;
  }
  const bool view = sequence.form != SequenceForm::kList;
  if (view) out << name << "(";
  out << "[";
  print_items(out, sequence.items);
  out << (view ? "])" : "]");
}

void print_dict(TemplateText& out, const TemplateDict& dict) {
  out << "{";
  for (size_t i = 0; i < dict.entries.size(); ++i) {
    if (i > 0) out << ", ";
    print_repr(out, dict.entries[i].first);
    out << ": ";
    print_repr(out, dict.entries[i].second);
  }
  out << "}";
}

// A namespace may hold itself: what is in it is not shown.
void print_object(TemplateText& out, const TemplateValue& value) {
  const TemplateFunction* function = value.function();
  out << (function != nullptr ? function->description() : "<Namespace>");
}

std::string json_float(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return float_repr(value);
}

class JsonPrinter {
 public:
  JsonPrinter(TemplateText& out, const JsonStyle& style) : out_(out), style_(style) {}

  void value(const TemplateValue& value, int level) {
    out_.budget().step();
    if (const std::string* text = value.text()) return string(*text);
    if (const TemplateDict* dict = value.dict()) return object(*dict, level);
    const TemplateSequence* sequence = value.sequence();
    if (sequence != nullptr && sequence->form <= SequenceForm::kTuple)
      return array(*sequence, level);
    out_ << scalar(value);
  }

 private:
  static std::string scalar(const TemplateValue& value) {
    if (value.is_none()) return "null";
    if (const bool* flag = value.get_if<bool>()) return *flag ? "true" : "false";
    if (const int64_t* integer = value.get_if<int64_t>()) return std::to_string(*integer);
    if (const double* real = value.get_if<double>()) return json_float(*real);
    template_fault("TypeError",
                   "Object of type " + std::string(type_name(value)) + " is not JSON serializable");
  }

  void string(const std::string& text) {
    out_ << "\"";
    for (size_t at = 0; at < text.size();) {
      const Utf8Char c = utf8_at(text, at);
      character(c.code, std::string_view(text).substr(at, c.size));
      at += c.size;
    }
    out_ << "\"";
  }

  void character(uint32_t code, std::string_view bytes) {
    constexpr std::string_view kNamed = "\"\\\n\r\t\b\f", kLetters = "\"\\nrtbf";
    const size_t named =
        code < 0x80 ? kNamed.find(static_cast<char>(code)) : std::string_view::npos;
    if (named != std::string_view::npos) {
      out_ << "\\" << kLetters.substr(named, 1);
    } else if (code < 0x20 || (style_.ascii && code >= 0x7f && code < 0x10000)) {
      out_ << (code == 0x7f ? std::string(bytes) : hexadecimal("\\u%04x", code));
    } else if (style_.ascii && code >= 0x10000) {
      out_ << hexadecimal("\\u%04x", 0xD800 + ((code - 0x10000) >> 10))
           << hexadecimal("\\u%04x", 0xDC00 + ((code - 0x10000) & 0x3FF));
    } else {
      out_ << bytes;
    }
  }

  void new_line(int level) {
    if (!style_.lines) return;
    out_ << "\n";
    for (int i = 0; i < level; ++i) out_ << style_.indent;
  }

  void array(const TemplateSequence& sequence, int level) {
    if (sequence.items.empty()) {
      out_ << "[]";
      return;
    }
    out_ << "[";
    for (size_t i = 0; i < sequence.items.size(); ++i) {
      if (i > 0) out_ << style_.item_separator;
      new_line(level + 1);
      value(sequence.items[i], level + 1);
    }
    new_line(level);
    out_ << "]";
  }

  void key(const TemplateValue& key) {
    if (const std::string* text = key.text()) return string(*text);
    if (key.sequence() != nullptr || key.function() != nullptr || key.is_undefined())
      template_fault("TypeError", "keys must be str, int, float, bool or None, not " +
                                      std::string(type_name(key)));
    out_ << "\"" << scalar(key) << "\"";
  }

  void object(const TemplateDict& dict, int level) {
    if (dict.entries.empty()) {
      out_ << "{}";
      return;
    }
    auto entries = dict.entries;
    if (style_.sort_keys)
      std::stable_sort(entries.begin(), entries.end(), [&](const auto& a, const auto& b) {
        return less(out_.budget(), a.first, b.first);
      });
    out_ << "{";
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out_ << style_.item_separator;
      new_line(level + 1);
      key(entries[i].first);
      out_ << style_.key_separator;
      value(entries[i].second, level + 1);
    }
    new_line(level);
    out_ << "}";
  }

  TemplateText& out_;
  const JsonStyle& style_;
};

}  // namespace

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string shortest(buffer, end);
  const size_t e = shortest.find('e');
  const int exponent = std::atoi(shortest.c_str() + e + 1);
  if (exponent < -4 || exponent >= 16) return shortest;
  const auto fixed =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr;
  const std::string plain(buffer, fixed);
  return plain.find('.') == std::string::npos ? plain + ".0" : plain;
}

void print_repr(TemplateText& out, const TemplateValue& value) {
  out.budget().step();
  if (const std::string* text = value.text()) return print_quoted(out, *text);
  if (value.is_undefined()) {
    out << "Undefined";
    return;
  }
  print(out, value);
}

void print(TemplateText& out, const TemplateValue& value) {
  if (const std::string* text = value.text()) {
    out << *text;
  } else if (value.is_none()) {
    out << "None";
  } else if (const bool* flag = value.get_if<bool>()) {
    out << (*flag ? "True" : "False");
  } else if (const int64_t* integer = value.get_if<int64_t>()) {
    out << std::to_string(*integer);
  } else if (const double* real = value.get_if<double>()) {
    out << float_repr(*real);
  } else if (const TemplateSequence* sequence = value.sequence()) {
    print_sequence(out, *sequence, type_name(value));
  } else if (const TemplateDict* dict = value.dict()) {
    print_dict(out, *dict);
  } else if (!value.is_undefined()) {
    print_object(out, value);
  }
}

std::string printed(TemplateBudget& budget, const TemplateValue& value) {
  TemplateText out(budget);
  print(out, value);
  return out.take();
}

void print_json(TemplateText& out, const TemplateValue& value, const JsonStyle& style) {
  JsonPrinter(out, style).value(value, 0);
}

}  // namespace weft::text
