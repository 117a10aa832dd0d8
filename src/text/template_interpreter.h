// Runs a template's tree: variables and their scopes, output, calls, and the charge for every step.
// One rendering, one interpreter, one thread. Not here: what nodes do (template_evaluate.cpp,
// template_execute.cpp), what users call (chat_template.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/template_print.h"
#include "text/template_tree.h"

namespace weft::text {

// Variables, and those around them.
struct TemplateFrame {
  std::unordered_map<std::string, TemplateValue> values;
  std::shared_ptr<TemplateFrame> around;
};

struct TemplateSpan {
  size_t begin, end;            // characters of the rendered text
  size_t begin_byte, end_byte;  // the same in bytes
};

class TemplateInterpreter {
 public:
  // `now`: seconds since 1970 in local time, for strftime_now; a template that asks for the time
  // fails without it.
  TemplateInterpreter(const TemplateLimits& limits, std::optional<int64_t> now);
  ~TemplateInterpreter();
  TemplateInterpreter(const TemplateInterpreter&) = delete;
  TemplateInterpreter& operator=(const TemplateInterpreter&) = delete;

  TemplateBudget& budget() { return budget_; }
  std::optional<int64_t> now() const { return now_; }
  const std::string& output() const { return root_.text(); }
  const std::vector<TemplateSpan>& spans() const { return spans_; }

  TemplateValue evaluate(const TemplateExpression& expression);
  TemplateArguments evaluate(const ArgumentNodes& nodes);
  TemplateFlow execute(const Statements& statements);
  TemplateValue call(const TemplateValue& callee, TemplateArguments arguments);

  TemplateValue variable(const std::string& name) const;
  void set(const std::string& name, TemplateValue value);
  void assign(const TemplateTarget& target, TemplateValue value);
  const std::shared_ptr<TemplateFrame>& frame() const { return frame_; }
  TemplateValue make_namespace(std::vector<std::pair<std::string, TemplateValue>> attributes);

  void write(std::string_view text);
  // What `body` prints, instead of printing it.
  std::string capture(const std::function<void()>& body);
  std::string capture(const Statements& statements) {
    return capture([&] { execute(statements); });
  }
  // Writes `text` and remembers it as the assistant's.
  void write_generation(const std::string& text);

  // Variables set while it lives are gone afterwards.
  class Scope {
   public:
    Scope(TemplateInterpreter& run, std::shared_ptr<TemplateFrame> around);
    explicit Scope(TemplateInterpreter& run) : Scope(run, run.frame_) {}
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    TemplateInterpreter& run_;
    std::shared_ptr<TemplateFrame> before_;
  };

 private:
  class Deeper;

  TemplateBudget budget_;
  std::optional<int64_t> now_;
  TemplateText root_;
  TemplateText* out_ = &root_;
  std::vector<TemplateSpan> spans_;
  size_t counted_bytes_ = 0, counted_chars_ = 0;  // of root_, up to the last span
  std::shared_ptr<TemplateFrame> frame_;
  std::vector<std::shared_ptr<TemplateNamespace>> namespaces_;
  int depth_ = 0;
};

// {% macro %} as a value, and what stands in a call block. Its outer variables are those of where
// it was defined.
TemplateValue macro_value(const MacroDefinition& macro, const TemplateInterpreter& run);

}  // namespace weft::text
