// What expressions give (template_tree.h).
#include <utility>

#include "text/template_interpreter.h"

namespace weft::text {

TemplateValue ConstantNode::evaluate(TemplateInterpreter&) const {
  return value;
}

TemplateValue NameNode::evaluate(TemplateInterpreter& run) const {
  return run.variable(name);
}

TemplateValue SequenceNode::evaluate(TemplateInterpreter& run) const {
  TemplateValues values;
  for (const ExpressionPtr& item : items) values.push_back(run.evaluate(*item));
  return make_sequence(run.budget(), form, std::move(values));
}

TemplateValue DictNode::evaluate(TemplateInterpreter& run) const {
  std::vector<std::pair<TemplateValue, TemplateValue>> values;
  for (const auto& [key, value] : entries)
    values.emplace_back(run.evaluate(*key), run.evaluate(*value));
  return make_dict(run.budget(), std::move(values));
}

TemplateValue UnaryNode::evaluate(TemplateInterpreter& run) const {
  return apply(run.budget(), op, run.evaluate(*operand));
}

TemplateValue BinaryNode::evaluate(TemplateInterpreter& run) const {
  const TemplateValue a = run.evaluate(*left);
  return apply(run.budget(), op, a, run.evaluate(*right));
}

TemplateValue LogicNode::evaluate(TemplateInterpreter& run) const {
  TemplateValue value = run.evaluate(*left);
  return truth(value) == is_and ? run.evaluate(*right) : value;
}

TemplateValue ConcatNode::evaluate(TemplateInterpreter& run) const {
  TemplateText text(run.budget());
  for (const ExpressionPtr& part : parts) print(text, run.evaluate(*part));
  return text.value();
}

TemplateValue CompareNode::evaluate(TemplateInterpreter& run) const {
  TemplateValue left = run.evaluate(*first);
  for (const auto& [op, node] : others) {
    TemplateValue right = run.evaluate(*node);
    if (!compare(run.budget(), op, left, right)) return TemplateValue(false);
    left = std::move(right);
  }
  return TemplateValue(true);
}

TemplateValue ConditionalNode::evaluate(TemplateInterpreter& run) const {
  if (truth(run.evaluate(*condition))) return run.evaluate(*then);
  if (otherwise) return run.evaluate(*otherwise);
  return make_undefined("the inline if-expression on line " + std::to_string(line) +
                        " evaluated to false and no else section was defined.");
}

TemplateValue AttributeNode::evaluate(TemplateInterpreter& run) const {
  return attribute_of(run, run.evaluate(*object), name);
}

TemplateValue ItemNode::evaluate(TemplateInterpreter& run) const {
  const TemplateValue value = run.evaluate(*object);
  return element_of(run, value, run.evaluate(*key));
}

TemplateValue SliceNode::evaluate(TemplateInterpreter& run) const {
  const TemplateValue value = run.evaluate(*object);
  const auto bound = [&](const ExpressionPtr& node) {
    return node ? run.evaluate(*node) : TemplateValue();
  };
  SliceBounds bounds;
  bounds.start = bound(start);
  bounds.stop = bound(stop);
  bounds.step = bound(step);
  return slice_of(run.budget(), value, bounds);
}

TemplateValue CallNode::evaluate(TemplateInterpreter& run) const {
  const TemplateValue function = run.evaluate(*callee);
  return run.call(function, run.evaluate(arguments));
}

TemplateValue FilterNode::evaluate(TemplateInterpreter& run) const {
  return apply(run, run.evaluate(*value));
}

TemplateValue FilterNode::apply(TemplateInterpreter& run, TemplateValue to) const {
  if (filter == nullptr)
    template_fault("TemplateRuntimeError", "No filter named '" + name + "' found.");
  return call_builtin(run, *filter, to, run.evaluate(arguments));
}

TemplateValue TestNode::evaluate(TemplateInterpreter& run) const {
  if (test == nullptr)
    template_fault("TemplateRuntimeError", "No test named '" + name + "' found.");
  const TemplateValue of = run.evaluate(*value);
  return TemplateValue(truth(call_builtin(run, *test, of, run.evaluate(arguments))) != negated);
}

}  // namespace weft::text
