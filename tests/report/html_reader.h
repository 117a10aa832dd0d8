// Reads a page as strictly as tests need it: tags in order with their attributes, properly nested,
// every attribute quoted. Throws std::runtime_error for anything else.
#pragma once

#include <cctype>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace weft::report {

struct HtmlTag {
  std::string name;
  std::map<std::string, std::string> attributes;  // values as written, still escaped
  std::string text;  // up to the next tag; of script and style all of it
};

class HtmlReader {
 public:
  static std::vector<HtmlTag> read(std::string_view page) {
    HtmlReader reader(page);
    while (reader.at_ + 1 < page.size()) reader.next();  // the last newline is left
    if (!reader.open_.empty()) throw std::runtime_error("not closed: " + reader.open_.back());
    return reader.tags_;
  }

 private:
  explicit HtmlReader(std::string_view page) : page_(page) {
    const std::string_view doctype = "<!DOCTYPE html>\n";
    if (!page.starts_with(doctype)) throw std::runtime_error("no doctype");
    at_ = doctype.size();
  }

  void next() {
    if (page_[at_] != '<') {
      const std::string text = until("<");
      if (!open_.empty() && open_.back() == tags_.back().name) tags_.back().text += text;
      return;
    }
    ++at_;
    if (page_[at_] == '/') {
      ++at_;
      close(until(">"));
      ++at_;
      return;
    }
    open();
  }

  void open() {
    static const std::set<std::string> kVoid{"meta", "path"};  // path: written as "/>"
    HtmlTag tag{.name = word(), .attributes = {}, .text = {}};
    while (page_[at_] == ' ' || page_[at_] == '\n') {
      ++at_;
      read_attribute(tag);
    }
    if (page_[at_] == '/') ++at_;
    expect('>');
    if (tag.name == "script" || tag.name == "style") tag.text = until("</" + tag.name);
    if (!kVoid.contains(tag.name)) open_.push_back(tag.name);
    tags_.push_back(tag);
  }

  void read_attribute(HtmlTag& tag) {
    const std::string name = word();
    std::string value;
    if (page_[at_] == '=') {
      ++at_;
      expect('"');
      value = until("\"");
      expect('"');
    }
    if (name.empty() || !tag.attributes.emplace(name, value).second) {
      throw std::runtime_error("bad attribute '" + name + "' of " + tag.name);
    }
  }

  void close(const std::string& name) {
    if (open_.empty() || open_.back() != name) throw std::runtime_error("stray </" + name + ">");
    open_.pop_back();
  }

  std::string word() {
    const size_t begin = at_;
    while (at_ < page_.size() && (std::isalnum(page_[at_]) != 0 || page_[at_] == '-')) ++at_;
    return std::string(page_.substr(begin, at_ - begin));
  }

  std::string until(std::string_view end) {
    const size_t found = page_.find(end, at_);
    if (found == std::string_view::npos) throw std::runtime_error("no " + std::string(end));
    const std::string text(page_.substr(at_, found - at_));
    at_ = found;
    return text;
  }

  void expect(char c) {
    if (at_ >= page_.size() || page_[at_] != c) {
      throw std::runtime_error("expected " + std::string(1, c) + " at " +
                               std::string(page_.substr(at_, 40)));
    }
    ++at_;
  }

  std::string_view page_;
  size_t at_ = 0;
  std::vector<std::string> open_;
  std::vector<HtmlTag> tags_;
};

}  // namespace weft::report
