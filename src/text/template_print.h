// Values as text: Python's str and repr, JSON. Not here: formats with places to fill
// (template_format.h).
#pragma once

#include <string>
#include <string_view>

#include "text/template_value.h"

namespace weft::text {

// A text that grows within the budget.
class TemplateText {
 public:
  explicit TemplateText(TemplateBudget& budget) : budget_(budget) {}
  TemplateText& operator<<(std::string_view more) {
    budget_.make(more.size());
    text_ += more;
    return *this;
  }
  TemplateBudget& budget() { return budget_; }
  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }
  TemplateValue value() {
    return TemplateValue(std::make_shared<const std::string>(std::move(text_)));
  }

 private:
  TemplateBudget& budget_;
  std::string text_;
};

// As `{{ value }}` prints it.
void print(TemplateText& out, const TemplateValue& value);
std::string printed(TemplateBudget& budget, const TemplateValue& value);
// As it prints within a list: texts in quotes.
void print_repr(TemplateText& out, const TemplateValue& value);

// Python's repr of a float: the shortest digits that read back as the same number.
std::string float_repr(double value);

struct JsonStyle {
  bool ascii = false;       // others than ASCII as \uXXXX
  std::string indent = {};  // of a level; used if `lines`
  bool lines = false;
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};
// Python's json.dumps. TypeError for what JSON cannot say.
void print_json(TemplateText& out, const TemplateValue& value, const JsonStyle& style);

}  // namespace weft::text
