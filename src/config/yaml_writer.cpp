#include "config/yaml_writer.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "config/yaml_text.h"

namespace weft::config {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_word_character(char c) {
  constexpr std::string_view kOthers = "0123456789_-./";
  return is_letter(c) || kOthers.find(c) != std::string_view::npos;
}

// Text that no reader of YAML 1.1 or 1.2 takes for a number, boolean, null or syntax.
bool is_plain_text(const std::string& text) {
  if (text.empty() || !(is_letter(text[0]) || text[0] == '_' || text[0] == '/')) return false;
  if (!std::all_of(text.begin(), text.end(), is_word_character)) return false;
  std::string lower = text;
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  constexpr std::array kWords{"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  return std::find(kWords.begin(), kWords.end(), lower) == kWords.end();
}

// One code point in double quotes; escapes what may not stand there as it is.
void write_character(std::string_view character, uint32_t value, std::string& out) {
  if (value == '"' || value == '\\') {
    out.append("\\").append(character);
  } else if (value == '\n') {
    out += "\\n";
  } else if (is_printable(value) && value != '\r' && value != '\t' && value != 0x85) {
    out += character;
  } else {
    std::array<char, 16> escape{};
    std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(value));
    out += escape.data();
  }
}

std::string in_quotes(std::string_view text) {
  std::string result = "\"";
  while (!text.empty()) {
    const CodePoint c = decode_utf8(text);
    const size_t length =
        std::max<size_t>(c.length, 1);  // paths may hold any bytes: kept as they are
    if (c.length == 0) result += text[0];
    else write_character(text.substr(0, length), c.value, result);
    text.remove_prefix(length);
  }
  return result + "\"";
}

std::string scalar_text(const Tree& tree) {
  if (tree.is_null()) return "null";
  return tree.quoted && !is_plain_text(tree.text) ? in_quotes(tree.text) : tree.text;
}

std::string key_text(const std::string& key) {
  return is_plain_text(key) ? key : in_quotes(key);
}

bool is_flat(const Tree& tree) {
  return !tree.is_map() && std::all_of(tree.items.begin(), tree.items.end(), is_flat);
}

// A value that fits behind its key: a scalar, a list of scalars, an empty map.
std::string flat_text(const Tree& tree) {
  if (tree.is_map()) return "{}";
  if (!tree.is_list()) return scalar_text(tree);
  std::string text;
  for (const Tree& item : tree.items) text += (text.empty() ? "" : ", ") + flat_text(item);
  return "[" + text + "]";
}

void write_value(const Tree& tree, const std::string& indent, std::string& out);

// `first` stands before the first key: the indentation, or that and "- ".
void write_map(const Tree& map, const std::string& indent, std::string first, std::string& out) {
  for (const TreeEntry& entry : map.entries) {
    out += first + key_text(entry.key) + ":";
    write_value(entry.value, indent, out);
    first = indent;
  }
}

void write_value(const Tree& tree, const std::string& indent, std::string& out) {
  const bool is_empty = tree.entries.empty() && tree.items.empty();
  if (is_empty || is_flat(tree)) {
    out += " " + flat_text(tree) + "\n";
    return;
  }
  out += "\n";
  if (tree.is_map()) return write_map(tree, indent + "  ", indent + "  ", out);
  for (const Tree& item : tree.items) {
    if (item.is_map() && !item.entries.empty()) {
      write_map(item, indent + "    ", indent + "  - ", out);
    } else {
      out += indent + "  -";
      write_value(item, indent + "  ", out);
    }
  }
}

}  // namespace

std::string to_yaml(const Tree& map) {
  std::string out;
  if (map.entries.empty()) return "{}\n";
  write_map(map, "", "", out);
  return out;
}

}  // namespace weft::config
