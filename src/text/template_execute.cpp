// What statements do (template_tree.h).
#include <utility>

#include "text/template_interpreter.h"

namespace weft::text {
namespace {

// `loop`, of one iteration.
class Loop : public TemplateFunction {
 public:
  Loop(const ForNode& node, TemplateValue elements, size_t index, int depth)
      : node_(node), elements_(std::move(elements)), index_(index), depth_(depth) {}

  TemplateValue call(TemplateInterpreter& run, TemplateArguments arguments) const override {
    if (arguments.positional.size() != 1 || !arguments.named.empty())
      template_fault("TypeError", "loop() takes what to go through");
    return make_text(run.budget(),
                     run.capture([&] { node_.loop(run, arguments.positional[0], depth_ + 1); }));
  }
  bool callable() const override { return node_.recursive; }
  const char* type_name() const override { return "LoopContext"; }
  std::string description() const override { return "<LoopContext>"; }
  int depth() const override { return elements_.depth() + 1; }

  std::optional<TemplateValue> attribute(TemplateInterpreter&,
                                         std::string_view name) const override;

 private:
  TemplateValue number(size_t value) const { return TemplateValue(static_cast<int64_t>(value)); }

  const ForNode& node_;
  TemplateValue elements_;
  size_t index_;
  int depth_;
};

// loop.cycle(a, b): one after the other.
class Cycle : public TemplateFunction {
 public:
  explicit Cycle(size_t index) : index_(index) {}
  TemplateValue call(TemplateInterpreter&, TemplateArguments arguments) const override {
    if (arguments.positional.empty()) template_fault("TypeError", "no items for cycling given");
    return arguments.positional[index_ % arguments.positional.size()];
  }
  std::string description() const override { return "<bound method cycle>"; }
  const char* type_name() const override { return "method"; }

 private:
  size_t index_;
};

std::optional<TemplateValue> Loop::attribute(TemplateInterpreter&, std::string_view name) const {
  const TemplateValues& items = elements_.sequence()->items;
  const size_t size = items.size();
  if (name == "index") return number(index_ + 1);
  if (name == "index0") return number(index_);
  if (name == "revindex") return number(size - index_);
  if (name == "revindex0") return number(size - index_ - 1);
  if (name == "first") return TemplateValue(index_ == 0);
  if (name == "last") return TemplateValue(index_ + 1 == size);
  if (name == "length") return number(size);
  if (name == "depth") return TemplateValue(int64_t{depth_} + 1);
  if (name == "depth0") return TemplateValue(int64_t{depth_});
  if (name == "cycle") return TemplateValue(std::make_shared<const Cycle>(index_));
  if (name == "previtem")
    return index_ > 0 ? items[index_ - 1] : make_undefined("there is no previous item");
  if (name == "nextitem")
    return index_ + 1 < size ? items[index_ + 1] : make_undefined("there is no next item");
  return std::nullopt;
}

}  // namespace

TemplateFlow DataNode::execute(TemplateInterpreter& run) const {
  run.write(text);
  return TemplateFlow::kOn;
}

TemplateFlow PrintNode::execute(TemplateInterpreter& run) const {
  const TemplateValue shown = run.evaluate(*value);
  if (const std::string* text = shown.text()) {
    run.write(*text);
  } else {
    run.write(printed(run.budget(), shown));
  }
  return TemplateFlow::kOn;
}

TemplateFlow IfNode::execute(TemplateInterpreter& run) const {
  for (const auto& [condition, body] : branches) {
    if (truth(run.evaluate(*condition))) return run.execute(body);
  }
  return run.execute(otherwise);
}

TemplateFlow ForNode::execute(TemplateInterpreter& run) const {
  loop(run, run.evaluate(*over), 0);
  return TemplateFlow::kOn;
}

void ForNode::loop(TemplateInterpreter& run, const TemplateValue& value, int loop_depth) const {
  TemplateValues items = elements_of(run.budget(), value);
  if (condition) {
    TemplateValues kept;
    for (TemplateValue& item : items) {
      const TemplateInterpreter::Scope scope(run);
      run.assign(target, item);
      if (truth(run.evaluate(*condition))) kept.push_back(std::move(item));
    }
    items = std::move(kept);
  }
  const TemplateValue elements = make_sequence(run.budget(), SequenceForm::kList, std::move(items));
  bool any_completed = false;  // Jinja's `else` also runs if every round was cut short
  for (size_t i = 0; i < elements.sequence()->items.size(); ++i) {
    const TemplateInterpreter::Scope scope(run);
    run.set("loop", TemplateValue(std::make_shared<const Loop>(*this, elements, i, loop_depth)));
    run.assign(target, elements.sequence()->items[i]);
    const TemplateFlow flow = run.execute(body);
    any_completed |= flow == TemplateFlow::kOn;
    if (flow == TemplateFlow::kBreak) break;
  }
  if (any_completed) return;
  const TemplateInterpreter::Scope scope(run);
  run.execute(otherwise);
}

TemplateFlow SetNode::execute(TemplateInterpreter& run) const {
  run.assign(target, run.evaluate(*value));
  return TemplateFlow::kOn;
}

TemplateFlow BlockNode::execute(TemplateInterpreter& run) const {
  std::string body_text;
  {
    const TemplateInterpreter::Scope scope(run);
    body_text = run.capture(body);
  }
  TemplateValue value = make_text(run.budget(), std::move(body_text));
  for (const auto& filter : filters) value = filter->apply(run, std::move(value));
  if (target) {
    run.assign(*target, std::move(value));
  } else {
    run.write(printed(run.budget(), value));
  }
  return TemplateFlow::kOn;
}

TemplateFlow WithNode::execute(TemplateInterpreter& run) const {
  TemplateValues given;
  for (const auto& [target, value] : values) given.push_back(run.evaluate(*value));
  const TemplateInterpreter::Scope scope(run);
  for (size_t i = 0; i < values.size(); ++i) run.assign(values[i].first, std::move(given[i]));
  return run.execute(body);
}

TemplateFlow MacroNode::execute(TemplateInterpreter& run) const {
  run.set(macro.name, macro_value(macro, run));
  return TemplateFlow::kOn;
}

TemplateFlow CallBlockNode::execute(TemplateInterpreter& run) const {
  const TemplateValue callee = run.evaluate(*call->callee);
  TemplateArguments arguments = run.evaluate(call->arguments);
  arguments.named.emplace_back("caller", macro_value(caller, run));
  run.write(printed(run.budget(), run.call(callee, std::move(arguments))));
  return TemplateFlow::kOn;
}

TemplateFlow GenerationNode::execute(TemplateInterpreter& run) const {
  const TemplateInterpreter::Scope scope(run);
  run.write_generation(run.capture(body));
  return TemplateFlow::kOn;
}

TemplateFlow JumpNode::execute(TemplateInterpreter&) const {
  return flow;
}

}  // namespace weft::text
