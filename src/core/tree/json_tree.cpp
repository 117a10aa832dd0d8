#include "core/tree/json_tree.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <unordered_set>

#include "core/quote.h"
#include "core/strict_json.h"
#include "core/tree/scalars.h"
#include "weft/error.h"

namespace weft {
namespace {

constexpr JsonLimits kLimits{
    .bytes = kMaxTreeBytes, .depth = kMaxTreeDepth, .values = kMaxTreeValues};

class TreeBuilder final : public JsonEvents {
 public:
  TreeBuilder(std::string_view text, std::string_view source)
      : text_(text), source_(std::make_shared<const std::string>(source)) {}

  void null() override {
    Tree tree;
    tree.text = "null";
    add(std::move(tree));
  }
  void boolean(bool value) override { add(Tree::scalar(value ? "true" : "false")); }
  void integer(int64_t value) override { add(Tree::scalar(std::to_string(value))); }
  void large_integer(uint64_t value) override { add(Tree::scalar(std::to_string(value))); }
  void real(double value) override { add(Tree::scalar(real_text(value))); }
  void string(std::string& value) override { add(Tree::scalar(value, true)); }
  void key(std::string& name) override {
    if (!keys_.back().insert(name).second)
      throw Error("duplicate key " + quote(name) + "; first given at " +
                  open_.back().position_of(name).to_string());
    open_.back().entries.push_back({name, name, here(), Tree()});
  }
  void start_object() override { open(Tree::map()); }
  void end_object() override { close(); }
  void start_array() override { open(Tree::list()); }
  void end_array() override { close(); }

  Tree take() { return std::move(root_); }

 private:
  Position here() {
    const size_t to = std::max(offset(), counted_);
    const std::string_view passed = text_.substr(counted_, to - counted_);
    line_ += static_cast<int>(std::count(passed.begin(), passed.end(), '\n'));
    if (const size_t newline = passed.rfind('\n'); newline != std::string_view::npos)
      line_start_ = counted_ + newline + 1;
    counted_ = to;
    return {source_, line_, static_cast<int>(to - line_start_) + 1};
  }
  void add(Tree value) {
    value.at = here();
    put(std::move(value));
  }
  void open(Tree value) {
    value.at = here();
    open_.push_back(std::move(value));
    keys_.emplace_back();
  }
  void close() {
    Tree done = std::move(open_.back());
    open_.pop_back();
    keys_.pop_back();
    put(std::move(done));
  }
  void put(Tree value) {
    if (open_.empty()) root_ = std::move(value);
    else if (open_.back().is_list()) open_.back().items.push_back(std::move(value));
    else open_.back().entries.back().value = std::move(value);
  }

  std::string_view text_;
  std::shared_ptr<const std::string> source_;
  size_t counted_ = 0, line_start_ = 0;
  int line_ = 1;
  Tree root_;
  std::vector<Tree> open_;
  std::vector<std::unordered_set<std::string>> keys_;  // of each open object
};

void write_string(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.append("\\").push_back(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      out += c;
    } else {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
      out += escape.data();
    }
  }
  out += '"';
}

void write_json(const Tree& tree, const std::string& indent, std::string& out) {
  const std::string inner = indent + "  ";
  const char* separator = "\n";
  switch (tree.kind) {
    case Tree::Kind::kNull: out += "null"; return;
    case Tree::Kind::kScalar:
      if (tree.quoted) write_string(tree.text, out);
      else out += tree.text;
      return;
    case Tree::Kind::kList:
      out += '[';
      for (const Tree& item : tree.items) {
        out.append(separator).append(inner);
        write_json(item, inner, out);
        separator = ",\n";
      }
      out += tree.items.empty() ? "]" : "\n" + indent + "]";
      return;
    case Tree::Kind::kMap:
      out += '{';
      for (const TreeEntry& entry : tree.entries) {
        out.append(separator).append(inner);
        write_string(entry.key, out);
        out += ": ";
        write_json(entry.value, inner, out);
        separator = ",\n";
      }
      out += tree.entries.empty() ? "}" : "\n" + indent + "}";
  }
}

}  // namespace

Tree parse_json_tree(std::string_view text, std::string_view source) {
  TreeBuilder builder(text, source);
  parse_json_events(text, source, kLimits, builder);
  return builder.take();
}

Tree read_json_tree(const Path& file) {
  return parse_json_tree(read_text_file(file, kLimits.bytes), printable(file.native()));
}

std::string to_json(const Tree& tree) {
  std::string out;
  write_json(tree, "", out);
  return out += '\n';
}

}  // namespace weft
