#include "config/layers.h"

#include <algorithm>
#include <charconv>

#include "config/yaml_reader.h"
#include "core/quote.h"
#include "weft/error.h"

namespace weft::config {
namespace {

constexpr size_t kMaxExtends = 10;

bool is_index(std::string_view key) {
  return !key.empty() && key.size() <= 6 &&
         std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
}

size_t index_of(std::string_view key) {
  size_t index = 0;
  std::from_chars(key.data(), key.data() + key.size(), index);
  return index;
}

void lay_over_list(Tree& base, Tree layer, Report& report, std::string_view path) {
  if (base.is_null()) {
    base = Tree::list();
    base.at = layer.at;
  }
  for (TreeEntry& entry : layer.entries) {
    const size_t index = index_of(entry.key);
    if (!base.is_list() || index > base.items.size()) {
      const std::string what =
          base.is_list() ? "has " + std::to_string(base.items.size()) + " items" : "is not a list";
      report.error(entry.at, "", quote(path) + " " + what + ", so it has no item " + entry.key);
      continue;
    }
    if (index == base.items.size()) base.items.emplace_back();
    lay_over(base.items[index], std::move(entry.value), report, join_path(path, entry.key));
  }
}

Tree parse_config(std::string_view text, const std::string& name) {
  Tree tree = parse_yaml(text, name);
  if (tree.is_map()) return tree;
  if (tree.is_null()) throw Error(name + ": the config is empty");
  std::string message =
      tree.at.to_string() + ": a config is a map of keys ('key: value'); this is ";
  message += tree.is_list() ? "a list" : "the text " + quote(tree.text, 60);
  if (tree.is_scalar() && tree.text.find(':') != std::string::npos)
    message += "; a space is missing after the colon";
  throw Error(message);
}

// Reads a file and what it extends.
class FileLayers {
 public:
  FileLayers(const Schema& schema, Report& report, const ReadText& read_text)
      : schema_(schema), report_(report), read_text_(read_text) {}

  Tree read(const Path& file) {
    return with_bases(parse_config(read_text_(file), printable(file.native())), file);
  }

 private:
  Tree with_bases(Tree layer, const Path& file) {
    chain_.push_back(file.lexically_normal());
    Tree base = base_of(layer, file);
    layer.erase("extends");
    resolve_names(layer, schema_, report_);
    if (base.is_null()) return layer;
    base.at = layer.at;
    lay_over(base, std::move(layer), report_);
    return base;
  }

  Tree base_of(const Tree& layer, const Path& file) {
    const Tree* extends = layer.find("extends");
    if (extends == nullptr) return {};
    const std::string at = extends->at.to_string() + ": extends: ";
    if (!extends->is_scalar() || extends->text.empty())
      throw Error(at + "give the path of one file, relative to this one");
    const Path base = (file.parent_path() / extends->text).lexically_normal();
    if (std::find(chain_.begin(), chain_.end(), base) != chain_.end())
      throw Error(at + circle(base));
    if (chain_.size() >= kMaxExtends)
      throw Error(at + "more than " + std::to_string(kMaxExtends) + " files extend each other");
    try {
      return with_bases(parse_config(read_text_(base), printable(base.native())), base);
    } catch (const FileError& error) {
      throw Error(at + error.what());
    }
  }

  std::string circle(const Path& base) const {
    std::string text = "the files extend each other in a circle: ";
    for (auto it = std::find(chain_.begin(), chain_.end(), base); it != chain_.end(); ++it)
      text += it->string() + " -> ";
    return text + base.string();
  }

  const Schema& schema_;
  Report& report_;
  const ReadText& read_text_;
  std::vector<Path> chain_;
};

// "a[0].b" as "a", "0", "b".
std::vector<std::string> split_path(std::string_view path, const std::string& origin) {
  std::vector<std::string> keys(1);
  bool after_bracket = false;
  for (const char c : path) {
    if (c == ']') {
      after_bracket = true;
    } else if (c == '.' && after_bracket) {
      after_bracket = false;
      keys.emplace_back();
    } else if (c == '.' || c == '[') {
      after_bracket = false;
      keys.emplace_back();
    } else {
      keys.back() += c;
    }
  }
  const bool is_odd =
      std::any_of(keys.begin(), keys.end(), [](const std::string& key) { return key.empty(); });
  if (is_odd || keys.size() > static_cast<size_t>(kMaxTreeDepth))
    throw Error(origin + ": " + quote(path) + " is not the name of a key; write key or a.b.c");
  return keys;
}

}  // namespace

std::string read_config_text(const Path& file) {
  return read_text_file(file, kMaxTreeBytes);
}

void lay_over(Tree& base, Tree layer, Report& report, std::string_view path) {
  if (layer.by_index) return lay_over_list(base, std::move(layer), report, path);
  if (!layer.is_map()) {
    base = std::move(layer);
    return;
  }
  if (!base.is_map()) {
    base = Tree::map();
    base.at = layer.at;
  }
  for (TreeEntry& entry : layer.entries) {
    TreeEntry* below = base.entry(entry.key);
    if (below == nullptr) {
      base.entries.push_back({entry.key, entry.written, entry.at, Tree()});
      below = &base.entries.back();
    }
    below->at = entry.at;
    below->written = entry.written;
    lay_over(below->value, std::move(entry.value), report, join_path(path, entry.key));
  }
}

Tree parse_override(std::string_view argument) {
  const std::string origin = "command line: " + std::string(argument.substr(0, 200));
  const size_t equals = argument.find('=');
  if (equals == std::string_view::npos || equals == 0)
    throw Error("command line: " + quote(argument) + " is not key=value");
  const std::vector<std::string> keys = split_path(argument.substr(0, equals), origin);
  Tree value = parse_yaml_argument(argument.substr(equals + 1), origin);
  const auto source = std::make_shared<const std::string>(origin);
  const Position at{source, 0, 0};
  value.at = at;
  for (auto key = keys.rbegin(); key != keys.rend(); ++key) {
    Tree map = Tree::map();
    map.at = at;
    map.by_index = is_index(*key);
    map.entries.push_back({*key, *key, at, std::move(value)});
    value = std::move(map);
  }
  return value;
}

Tree load_layers(const Path& file, std::span<const std::string> overrides, const Schema& schema,
                 Report& report, const ReadText& read_text) {
  Tree tree = FileLayers(schema, report, read_text).read(file);
  for (const std::string& argument : overrides) {
    Tree layer = parse_override(argument);
    if (layer.by_index) throw Error("command line: " + quote(argument) + " names no key");
    resolve_names(layer, schema, report);
    lay_over(tree, std::move(layer), report);
  }
  return tree;
}

}  // namespace weft::config
