#include "text/template_interpreter.h"

#include <algorithm>
#include <utility>

#include "text/template_builtins.h"
#include "text/template_strings.h"

namespace weft::text {

class TemplateInterpreter::Deeper {
 public:
  explicit Deeper(TemplateInterpreter& run) : run_(run) {
    run.budget_.step();
    const int limit = run.budget_.limits().depth;
    if (run.depth_ >= limit)
      TemplateBudget::exceeded("nests calls and blocks more than ", limit, " deep");
    ++run.depth_;
  }
  ~Deeper() { --run_.depth_; }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;

 private:
  TemplateInterpreter& run_;
};

TemplateInterpreter::Scope::Scope(TemplateInterpreter& run, std::shared_ptr<TemplateFrame> around)
    : run_(run), before_(std::move(run.frame_)) {
  run_.frame_ = std::make_shared<TemplateFrame>();
  run_.frame_->around = std::move(around);
}

TemplateInterpreter::Scope::~Scope() {
  run_.frame_ = std::move(before_);
}

TemplateInterpreter::TemplateInterpreter(const TemplateLimits& limits, std::optional<int64_t> now)
    : budget_(limits), now_(now), root_(budget_), frame_(std::make_shared<TemplateFrame>()) {}

// Values in a namespace may lead back to it.
TemplateInterpreter::~TemplateInterpreter() {
  for (const auto& one : namespaces_) one->attributes.clear();
}

TemplateValue TemplateInterpreter::evaluate(const TemplateExpression& expression) {
  try {
    const Deeper deeper(*this);
    return expression.evaluate(*this);
  } catch (TemplateFault& fault) {
    if (fault.line == 0) fault.line = expression.line;
    throw;
  }
}

TemplateArguments TemplateInterpreter::evaluate(const ArgumentNodes& nodes) {
  TemplateArguments arguments;
  for (const ExpressionPtr& one : nodes.positional) arguments.positional.push_back(evaluate(*one));
  for (const auto& [name, one] : nodes.named) arguments.named.emplace_back(name, evaluate(*one));
  return arguments;
}

TemplateFlow TemplateInterpreter::execute(const Statements& statements) {
  for (const auto& statement : statements) {
    try {
      const Deeper deeper(*this);
      const TemplateFlow flow = statement->execute(*this);
      if (flow != TemplateFlow::kOn) return flow;
    } catch (TemplateFault& fault) {
      if (fault.line == 0) fault.line = statement->line;
      throw;
    }
  }
  return TemplateFlow::kOn;
}

TemplateValue TemplateInterpreter::call(const TemplateValue& callee, TemplateArguments arguments) {
  const Deeper deeper(*this);
  refuse_undefined(callee);
  const TemplateFunction* function = callee.function();
  if (function == nullptr || !function->callable())
    template_fault("TypeError", "'" + std::string(type_name(callee)) + "' object is not callable");
  return function->call(*this, std::move(arguments));
}

TemplateValue TemplateInterpreter::variable(const std::string& name) const {
  for (const TemplateFrame* frame = frame_.get(); frame != nullptr; frame = frame->around.get()) {
    const auto found = frame->values.find(name);
    if (found != frame->values.end()) return found->second;
  }
  const TemplateBuiltin* global = find_global(name);
  return global != nullptr ? builtin_value(*global, {})
                           : make_undefined("'" + name + "' is undefined");
}

void TemplateInterpreter::set(const std::string& name, TemplateValue value) {
  budget_.make(sizeof(TemplateValue) + name.size());
  frame_->values.insert_or_assign(name, std::move(value));
}

void TemplateInterpreter::assign(const TemplateTarget& target, TemplateValue value) {
  if (target.is_tuple) {
    TemplateValues parts = elements_of(budget_, value);
    if (parts.size() != target.parts.size())
      template_fault("ValueError", "cannot unpack " + std::to_string(parts.size()) +
                                       " values into " + std::to_string(target.parts.size()) +
                                       " names");
    for (size_t i = 0; i < parts.size(); ++i) assign(target.parts[i], std::move(parts[i]));
    return;
  }
  if (target.attribute.empty()) return set(target.name, std::move(value));
  const TemplateValue object = variable(target.name);
  const auto* space = object.get_if<TemplateValue::Namespace>();
  if (space == nullptr)
    template_fault("TemplateRuntimeError", "cannot assign attribute on non-namespace object");
  if (target.attribute.starts_with("_"))
    template_fault("SecurityError", "attributes of a namespace cannot begin with an underscore");
  budget_.make(sizeof(TemplateValue) + target.attribute.size());
  for (auto& [name, held] : (*space)->attributes) {
    if (name == target.attribute) {
      held = std::move(value);
      return;
    }
  }
  (*space)->attributes.emplace_back(target.attribute, std::move(value));
}

TemplateValue TemplateInterpreter::make_namespace(
    std::vector<std::pair<std::string, TemplateValue>> attributes) {
  budget_.make(sizeof(TemplateNamespace) + attributes.size() * 2 * sizeof(TemplateValue));
  for (const auto& [name, value] : attributes) {
    if (name.starts_with("_"))
      template_fault("SecurityError", "attributes of a namespace cannot begin with an underscore");
  }
  namespaces_.push_back(
      std::make_shared<TemplateNamespace>(TemplateNamespace{std::move(attributes)}));
  return TemplateValue(namespaces_.back());
}

void TemplateInterpreter::write(std::string_view text) {
  const int64_t limit = budget_.limits().output;
  if (out_ == &root_ && text.size() > static_cast<size_t>(limit) -
                                          std::min(root_.text().size(), static_cast<size_t>(limit)))
    TemplateBudget::exceeded("prints more than ", limit, " bytes");
  *out_ << text;
}

std::string TemplateInterpreter::capture(const std::function<void()>& body) {
  TemplateText text(budget_);
  TemplateText* outside = std::exchange(out_, &text);
  try {
    body();
  } catch (...) {
    out_ = outside;
    throw;
  }
  out_ = outside;
  return text.take();
}

// As transformers counts: from the end of the whole output so far, even within a captured block.
void TemplateInterpreter::write_generation(const std::string& text) {
  const std::string& all = root_.text();
  counted_chars_ += count_chars(std::string_view(all).substr(counted_bytes_));
  counted_bytes_ = all.size();
  spans_.push_back({counted_chars_, counted_chars_ + count_chars(text), counted_bytes_,
                    counted_bytes_ + text.size()});
  write(text);
}

namespace {

class Macro : public TemplateFunction {
 public:
  Macro(const MacroDefinition& definition, std::weak_ptr<TemplateFrame> scope)
      : definition_(definition), scope_(std::move(scope)) {}

  TemplateValue call(TemplateInterpreter& run, TemplateArguments arguments) const override {
    auto around = scope_.lock();
    if (!around)
      template_fault("TemplateRuntimeError",
                     "the macro '" + definition_.name + "' is called after its block has ended");
    const TemplateInterpreter::Scope scope(run, std::move(around));
    bind(run, std::move(arguments));
    return make_text(run.budget(), run.capture(definition_.body));
  }
  std::string description() const override { return "<Macro '" + definition_.name + "'>"; }
  const char* type_name() const override { return "Macro"; }

 private:
  void bind(TemplateInterpreter& run, TemplateArguments arguments) const;

  const MacroDefinition& definition_;
  std::weak_ptr<TemplateFrame> scope_;  // weak: the frame may hold this macro
};

void Macro::bind(TemplateInterpreter& run, TemplateArguments arguments) const {
  const auto& parameters = definition_.parameters;
  if (arguments.positional.size() > parameters.size())
    template_fault("TypeError", "macro '" + definition_.name + "' takes not more than " +
                                    std::to_string(parameters.size()) + " argument(s)");
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, preset] = parameters[i];
    const auto named =
        std::find_if(arguments.named.begin(), arguments.named.end(),
                     [&, wanted = &name](const auto& one) { return one.first == *wanted; });
    if (i < arguments.positional.size()) {
      run.set(name, std::move(arguments.positional[i]));
    } else if (named != arguments.named.end()) {
      run.set(name, std::move(named->second));
      arguments.named.erase(named);
    } else {
      run.set(name, preset ? run.evaluate(*preset)
                           : make_undefined("parameter '" + name + "' was not provided"));
    }
  }
  for (auto& [name, value] : arguments.named) {
    if (name != "caller")
      template_fault("TypeError",
                     "macro '" + definition_.name + "' takes no keyword argument '" + name + "'");
    run.set(name, std::move(value));
  }
}

}  // namespace

TemplateValue macro_value(const MacroDefinition& macro, const TemplateInterpreter& run) {
  return TemplateValue(std::make_shared<const Macro>(macro, run.frame()));
}

}  // namespace weft::text
