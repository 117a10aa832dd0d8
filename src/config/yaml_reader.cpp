#include "config/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <unordered_map>
#include <unordered_set>

#include "config/yaml_text.h"
#include "core/quote.h"
#include "weft/error.h"

namespace weft::config {
namespace {

bool ends_word(char c) {
  return std::string_view(" \t\r\n,]}#").find(c) != std::string_view::npos;
}

// The null that is written at `at`, or "" where nothing is written. The parser does not tell.
std::string_view written_null(std::string_view text, size_t at) {
  constexpr std::array<std::string_view, 4> kNulls{"~", "null", "Null", "NULL"};
  const std::string_view rest = text.substr(std::min(at, text.size()));
  for (const std::string_view word : kNulls)
    if (rest.starts_with(word) && (rest.size() == word.size() || ends_word(rest[word.size()])))
      return word;
  return "";
}

// True if the quoted text that begins at `at`, or behind an anchor there, is closed. The
// parser takes the end of the file for the closing quote where a line ends before it.
bool is_closed(std::string_view text, size_t at) {
  if (text.substr(std::min(at, text.size()), 1) == "&")
    at = text.find_first_not_of(" \r\n", text.find_first_of(" \r\n", at));
  if (at >= text.size() || (text[at] != '"' && text[at] != '\'')) return true;
  const char quote_mark = text[at];
  for (++at; at < text.size(); ++at) {
    if (quote_mark == '"' && text[at] == '\\') {
      ++at;
    } else if (text[at] == quote_mark) {
      const bool is_doubled = quote_mark == '\'' && text.substr(at + 1, 1) == "'";
      if (!is_doubled) return true;
      ++at;
    }
  }
  return false;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, std::shared_ptr<const std::string> source)
      : text_(text), source_(std::move(source)) {}

  Tree take() { return std::move(root_); }
  Position position(const YAML::Mark& mark) const {
    return {source_, mark.line + 1, mark.column + 1};
  }
  [[noreturn]] static void refuse(const Position& at, const std::string& message) {
    throw Error(at.to_string() + ": " + message);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (has_document_) refuse(position(mark), "a second document; a config is one YAML document");
    has_document_ = true;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (expects_key()) refuse(position(mark), "a key is missing before the colon");
    Tree tree;
    tree.text = written_null(text_, static_cast<size_t>(mark.pos));
    tree.at = tree.text.empty() && !open_.empty() && open_.back().tree.is_map()
                  ? open_.back().tree.entries.back().at
                  : position(mark);
    add(std::move(tree), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (expects_key()) refuse(position(mark), "an alias cannot be a key; write the key");
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) refuse(position(mark), "the alias stands inside its own anchor");
    const Position at = position(mark);
    count_all(found->second, at);
    Tree copy = found->second;
    copy.at = at;
    add(std::move(copy), 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    if (tag == "!" && !is_closed(text_, static_cast<size_t>(mark.pos)))
      refuse(position(mark), "the quote is never closed");
    if (expects_key()) return add_key(position(mark), value, tag == "!", anchor);
    Tree tree = Tree::scalar(value, tag == "!");
    tree.at = position(mark);
    add(std::move(tree), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, Tree::list(), anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, Tree::map(), anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Tree tree;
    YAML::anchor_t anchor = 0;
    bool expects_key = false;
    std::unordered_set<std::string> keys;
  };

  bool expects_key() const { return !open_.empty() && open_.back().expects_key; }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (tag.empty() || tag == "?" || tag == "!") return;
    refuse(position(mark), "the tag " + quote(tag) + " is not read; remove it");
  }

  void add_key(const Position& at, const std::string& key, bool quoted, YAML::anchor_t anchor) {
    if (key == "<<" && !quoted)
      refuse(at,
             "merge keys ('<<') are not read; write the keys, or put them into a file and name it "
             "with extends:");
    if (anchor != 0) refuse(at, "an anchor on a key; put it on the value");
    Open& map = open_.back();
    if (!map.keys.insert(key).second)
      refuse(at, "duplicate key " + quote(key) + "; first given at " +
                     map.tree.position_of(key).to_string() + "; remove one of them");
    count(at);
    map.tree.entries.push_back({key, key, at, Tree()});
    map.expects_key = false;
  }

  void open(const YAML::Mark& mark, const std::string& tag, Tree tree, YAML::anchor_t anchor) {
    const Position at = position(mark);
    refuse_tag(mark, tag);
    if (expects_key()) refuse(at, "a key must be text, not a list or map");
    if (static_cast<int>(open_.size()) >= kMaxTreeDepth)
      refuse(at, "nested deeper than " + std::to_string(kMaxTreeDepth) + " levels");
    tree.at = at;
    open_.push_back({std::move(tree), anchor, false, {}});
    open_.back().expects_key = open_.back().tree.is_map();
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.tree), done.anchor);
  }

  void add(Tree tree, YAML::anchor_t anchor) {
    count(tree.at);
    if (anchor != 0) {
      count_all(tree, tree.at);
      anchors_[anchor] = tree;
    }
    if (open_.empty()) {
      root_ = std::move(tree);
    } else if (open_.back().tree.is_list()) {
      open_.back().tree.items.push_back(std::move(tree));
    } else {
      open_.back().tree.entries.back().value = std::move(tree);
      open_.back().expects_key = true;
    }
  }

  void count(const Position& at) {
    if (++values_ > kMaxTreeValues)
      refuse(at, "more than " + std::to_string(kMaxTreeValues) +
                     " values, aliases counted as often as they are used");
  }
  void count_all(const Tree& tree, const Position& at) {
    count(at);
    for (const Tree& item : tree.items) count_all(item, at);
    for (const TreeEntry& entry : tree.entries) count_all(entry.value, at);
  }

  std::string_view text_;
  std::shared_ptr<const std::string> source_;
  bool has_document_ = false;
  int64_t values_ = 0;
  Tree root_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, Tree> anchors_;
};

// yaml-cpp's reasons are short; the usual causes are worth a word.
std::string reason_of(const YAML::ParserException& error) {
  constexpr std::string_view kUnknownAnchor = "the referenced anchor is not defined";
  std::string reason = "not valid YAML: " + error.msg;
  if (error.msg.starts_with(kUnknownAnchor))  // newer versions go on with the name
    return "not valid YAML: " + std::string(kUnknownAnchor);
  if (error.msg.find("flow") != std::string::npos)
    return reason + "; is a bracket or comma missing?";
  if (error.msg.find("map") != std::string::npos)
    reason += "; is a line indented differently from its neighbours, or a colon missing?";
  return reason;
}

void set_position(Tree& tree, const Position& at) {
  tree.at = at;
  for (Tree& item : tree.items) set_position(item, at);
  for (TreeEntry& entry : tree.entries) {
    entry.at = at;
    set_position(entry.value, at);
  }
}

}  // namespace

Tree parse_yaml(std::string_view text, std::string_view source) {
  const auto name = std::make_shared<const std::string>(source);
  text = check_yaml_text(text, name);
  TreeBuilder builder(text, name);
  std::istringstream stream{std::string(text)};
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::ParserException& error) {
    TreeBuilder::refuse(builder.position(error.mark), reason_of(error));
  }
  return builder.take();
}

Tree parse_yaml_argument(std::string_view text, std::string_view origin) {
  Tree tree = parse_yaml(text, origin);
  set_position(tree, {std::make_shared<const std::string>(origin), 0, 0});
  return tree;
}

}  // namespace weft::config
