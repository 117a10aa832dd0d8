// The stage `html`: what a browser would show as text. No parser of HTML: a scanner that knows
// which elements hold no text and which stand on lines of their own.
#include <algorithm>
#include <array>
#include <charconv>

#include "data/clean/html_entities.h"
#include "data/clean/stage_registry.h"
#include "text/utf8.h"

namespace weft::data {
namespace {

constexpr std::array<std::string_view, 9> kSilent = {
    "head", "iframe", "noscript", "object", "script", "style", "svg", "template", "textarea"};
constexpr std::array<std::string_view, 11> kParagraphs = {
    "article", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "p", "pre", "section"};
constexpr std::array<std::string_view, 29> kLines = {
    "address", "aside", "body",     "br",         "caption", "dd",     "details", "div",
    "dl",      "dt",    "fieldset", "figcaption", "figure",  "footer", "form",    "header",
    "hr",      "html",  "li",       "main",       "nav",     "ol",     "option",  "summary",
    "table",   "tbody", "thead",    "tr",         "ul"};

template <size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

class Extraction {
 public:
  Extraction(std::string_view html, std::string& out) : html_(html), out_(out) {}

  void run() {
    while (at_ < html_.size()) {
      const char c = html_[at_];
      if (c == '<' && at_tag()) pass_tag();
      else if (c == '&') add_entity();
      else add_text();
    }
    while (!out_.empty() && is_space(out_.back())) out_.pop_back();
  }
  int64_t tags() const { return tags_; }
  int64_t entities() const { return entities_; }

 private:
  bool at_tag() const {
    if (at_ + 1 >= html_.size()) return false;
    const char c = html_[at_ + 1];
    return is_letter(c) || c == '!' || c == '?' ||
           (c == '/' && at_ + 2 < html_.size() && is_letter(html_[at_ + 2]));
  }

  void pass_tag() {
    ++tags_;
    if (html_.substr(at_).starts_with("<!--")) {
      const size_t end = html_.find("-->", at_ + 4);
      at_ = end == html_.npos ? html_.size() : end + 3;
      return;
    }
    const bool closes = html_[at_ + 1] == '/';
    const std::string name = tag_name(at_ + (closes ? 2 : 1));
    at_ = tag_end(at_ + 1);
    if (name == "pre") preformatted_ = !closes;
    if (is_one_of(kParagraphs, name)) break_lines(2);
    else if (is_one_of(kLines, name)) break_lines(1);
    else if (name == "td" || name == "th") add_space();
    if (!closes && is_one_of(kSilent, name)) pass_silent(name);
  }

  std::string tag_name(size_t begin) const {
    std::string name;
    for (size_t i = begin; i < html_.size() && name.size() < 12; ++i) {
      if (!is_letter(html_[i]) && !(html_[i] >= '0' && html_[i] <= '9')) break;
      name += lower(html_[i]);
    }
    return name;
  }

  // After the '>' that is in no attribute's quotes. A tag of more than 64 KiB is none.
  size_t tag_end(size_t at) const {
    constexpr size_t kLongest = 64 << 10;
    const size_t limit = std::min(html_.size(), at + kLongest);
    char quote = 0;
    for (size_t i = at; i < limit; ++i) {
      const char c = html_[i];
      if (quote != 0) quote = c == quote ? 0 : quote;
      else if ((c == '"' || c == '\'') && html_[i - 1] == '=') quote = c;
      else if (c == '>') return i + 1;
    }
    const size_t end = html_.find('>', at);  // a quote that is never closed
    return end == html_.npos ? html_.size() : end + 1;
  }

  // To the end tag of an element that holds no text; where there is none, to the end.
  void pass_silent(const std::string& name) {
    for (size_t i = html_.find("</", at_); i != html_.npos; i = html_.find("</", i + 2)) {
      if (tag_name(i + 2) != name) continue;
      at_ = tag_end(i + 1);
      return;
    }
    if (name != "head") at_ = html_.size();
  }

  void add_text() {
    const char c = html_[at_++];
    if (!is_space(c)) out_ += c;
    else if (preformatted_) out_ += c;
    else add_space();
  }

  void add_space() {
    if (!out_.empty() && !is_space(out_.back())) out_ += ' ';
  }

  void break_lines(size_t wanted) {
    while (!out_.empty() && out_.back() == ' ') out_.pop_back();
    if (out_.empty()) return;
    size_t have = 0;
    while (have < out_.size() && out_[out_.size() - 1 - have] == '\n') ++have;
    for (; have < wanted; ++have) out_ += '\n';
  }

  void add_entity() {
    constexpr size_t kLongest = 12;
    const size_t end = html_.substr(at_, kLongest).find(';');
    const uint32_t code = end == html_.npos ? 0 : entity_code(html_.substr(at_ + 1, end - 1));
    if (code == 0) {
      out_ += html_[at_++];
      return;
    }
    ++entities_;
    at_ += end + 1;
    if (code == 0xA0 || code == ' ') add_space();
    else text::append_utf8(out_, code);
  }

  static uint32_t entity_code(std::string_view name) {
    if (!name.starts_with('#')) return html_entity(name);
    name.remove_prefix(1);
    const bool hex = name.starts_with('x') || name.starts_with('X');
    if (hex) name.remove_prefix(1);
    uint32_t code = 0;
    const auto [end, error] =
        std::from_chars(name.data(), name.data() + name.size(), code, hex ? 16 : 10);
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (error != std::errc() || end != name.data() + name.size() || surrogate) return 0;
    return code <= 0x10FFFF ? code : 0;
  }

  std::string_view html_;
  std::string& out_;
  size_t at_ = 0;
  bool preformatted_ = false;
  int64_t tags_ = 0;
  int64_t entities_ = 0;
};

// An end tag, a doctype or a paragraph: text about inequalities has none of them.
bool looks_like_html(std::string_view text) {
  for (size_t i = text.find('<'); i != text.npos; i = text.find('<', i + 1)) {
    const std::string_view rest = text.substr(i + 1, 9);
    if (rest.size() >= 3 && rest[0] == '/' && is_letter(rest[1])) return true;
    std::string word(rest);
    std::transform(word.begin(), word.end(), word.begin(), lower);
    if (word.starts_with("!doctype") || word.starts_with("p>") || word.starts_with("br>") ||
        word.starts_with("br/") || word.starts_with("br /") || word.starts_with("html"))
      return true;
  }
  return false;
}

class HtmlStage final : public Stage {
 public:
  explicit HtmlStage(bool always) : always_(always) {}

  void apply(std::string_view text, std::string& changed, StageResult& result) const override {
    if (!always_ && !looks_like_html(text)) return;
    Extraction extraction(text, changed);
    extraction.run();
    result.changed = true;
    result.note("tag removed", extraction.tags());
    result.note("named or numbered character replaced", extraction.entities());
  }

 private:
  bool always_;
};

}  // namespace

std::unique_ptr<const Stage> make_html(const StageConfig& config) {
  return std::make_unique<HtmlStage>(config.always.value_or(false));
}

}  // namespace weft::data
