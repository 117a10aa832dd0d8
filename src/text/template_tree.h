// A template as a tree: expressions give values, statements print and set. Made by the parser
// (template_parser.h), which bounds its depth; run by the interpreter (template_interpreter.h),
// which charges every step. Nodes never change: one tree may be run by many threads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "text/template_builtins.h"
#include "text/template_operators.h"
#include "text/template_value.h"

namespace weft::text {

class TemplateInterpreter;

struct TemplateExpression {
  virtual ~TemplateExpression() = default;
  virtual TemplateValue evaluate(TemplateInterpreter& run) const = 0;
  int line = 0;
  int depth = 0;  // of expressions within this one
};
using ExpressionPtr = std::unique_ptr<const TemplateExpression>;
using Expressions = std::vector<ExpressionPtr>;

// How a statement ended.
enum class TemplateFlow { kOn, kBreak, kContinue };

struct TemplateStatement {
  virtual ~TemplateStatement() = default;
  virtual TemplateFlow execute(TemplateInterpreter& run) const = 0;
  int line = 0;
};
using Statements = std::vector<std::unique_ptr<const TemplateStatement>>;

// Expressions.

struct ConstantNode : TemplateExpression {
  TemplateValue value;
  TemplateValue evaluate(TemplateInterpreter& run) const override;
};

struct NameNode : TemplateExpression {
  std::string name;
  TemplateValue evaluate(TemplateInterpreter& run) const override;
};

struct SequenceNode : TemplateExpression {
  SequenceForm form = SequenceForm::kList;
  Expressions items;
  TemplateValue evaluate(TemplateInterpreter& run) const override;
};

struct DictNode : TemplateExpression {
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries;
  TemplateValue evaluate(TemplateInterpreter& run) const override;
};

struct UnaryNode : TemplateExpression {
  UnaryOperator op = UnaryOperator::kNot;
  ExpressionPtr operand;
  TemplateValue evaluate(TemplateInterpreter& run) const override;
};

struct BinaryNode : TemplateExpression {
  BinaryOperator op = BinaryOperator::kAdd;
  ExpressionPtr left, right;
  TemplateValue evaluate(TemplateInterpreter& run) const override;
};

// `and`, `or`: the value of the side that decided.
struct LogicNode : TemplateExpression {
  bool is_and = false;
  ExpressionPtr left, right;
  TemplateValue evaluate(TemplateInterpreter& run) const override;
};

struct ConcatNode : TemplateExpression {
  Expressions parts;
  TemplateValue evaluate(TemplateInterpreter& run) const override;
};

// a < b <= c: each is evaluated once, and none after a false one.
struct CompareNode : TemplateExpression {
  ExpressionPtr first;
  std::vector<std::pair<CompareOperator, ExpressionPtr>> others;
  TemplateValue evaluate(TemplateInterpreter& run) const override;
};

// `then if condition else otherwise`; without `otherwise`, undefined.
struct ConditionalNode : TemplateExpression {
  ExpressionPtr condition, then, otherwise;
  TemplateValue evaluate(TemplateInterpreter& run) const override;
};

struct AttributeNode : TemplateExpression {
  ExpressionPtr object;
  std::string name;
  TemplateValue evaluate(TemplateInterpreter& run) const override;
};

struct ItemNode : TemplateExpression {
  ExpressionPtr object, key;
  TemplateValue evaluate(TemplateInterpreter& run) const override;
};

// Bounds that are not given are null.
struct SliceNode : TemplateExpression {
  ExpressionPtr object, start, stop, step;
  TemplateValue evaluate(TemplateInterpreter& run) const override;
};

struct ArgumentNodes {
  Expressions positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
};

struct CallNode : TemplateExpression {
  ExpressionPtr callee;
  ArgumentNodes arguments;
  TemplateValue evaluate(TemplateInterpreter& run) const override;
};

// `value | filter(arguments)`. Without a `value`, what a filter block holds.
struct FilterNode : TemplateExpression {
  ExpressionPtr value;
  std::string name;
  const TemplateBuiltin* filter = nullptr;  // null: unknown, in a branch that may not be taken
  ArgumentNodes arguments;
  TemplateValue evaluate(TemplateInterpreter& run) const override;
  TemplateValue apply(TemplateInterpreter& run, TemplateValue to) const;
};

struct TestNode : TemplateExpression {
  ExpressionPtr value;
  std::string name;
  const TemplateBuiltin* test = nullptr;
  bool negated = false;
  ArgumentNodes arguments;
  TemplateValue evaluate(TemplateInterpreter& run) const override;
};

// What `for` and `set` assign to: a name, an attribute of a namespace, or a tuple of targets.
struct TemplateTarget {
  std::string name = {};
  std::string attribute = {};
  std::vector<TemplateTarget> parts = {};
  bool is_tuple = false;
  int line = 0;
};

// Statements.

struct DataNode : TemplateStatement {
  std::string text;
  TemplateFlow execute(TemplateInterpreter& run) const override;
};

struct PrintNode : TemplateStatement {
  ExpressionPtr value;
  TemplateFlow execute(TemplateInterpreter& run) const override;
};

struct IfNode : TemplateStatement {
  std::vector<std::pair<ExpressionPtr, Statements>> branches;
  Statements otherwise;
  TemplateFlow execute(TemplateInterpreter& run) const override;
};

struct ForNode : TemplateStatement {
  TemplateTarget target;
  ExpressionPtr over, condition;  // `condition` may be null
  bool recursive = false;
  Statements body, otherwise;
  TemplateFlow execute(TemplateInterpreter& run) const override;
  // Goes through `elements`; depth is 0 for the statement itself, more in loop(...).
  void loop(TemplateInterpreter& run, const TemplateValue& elements, int loop_depth) const;
};

struct SetNode : TemplateStatement {
  TemplateTarget target;
  ExpressionPtr value;
  TemplateFlow execute(TemplateInterpreter& run) const override;
};

// {% set name %}...{% endset %}, {% set name | filter %}; {% filter f %}...{% endfilter %} has no
// target and prints.
struct BlockNode : TemplateStatement {
  std::optional<TemplateTarget> target;
  std::vector<std::unique_ptr<const FilterNode>> filters;
  Statements body;
  TemplateFlow execute(TemplateInterpreter& run) const override;
};

struct WithNode : TemplateStatement {
  std::vector<std::pair<TemplateTarget, ExpressionPtr>> values;
  Statements body;
  TemplateFlow execute(TemplateInterpreter& run) const override;
};

// What macros and call blocks are: parameters (defaults may be null) and a body.
struct MacroDefinition {
  std::string name;
  std::vector<std::pair<std::string, ExpressionPtr>> parameters;
  Statements body;
};

struct MacroNode : TemplateStatement {
  MacroDefinition macro;
  TemplateFlow execute(TemplateInterpreter& run) const override;
};

struct CallBlockNode : TemplateStatement {
  MacroDefinition caller;
  std::unique_ptr<const CallNode> call;
  TemplateFlow execute(TemplateInterpreter& run) const override;
};

// {% generation %}: what it prints is the assistant's.
struct GenerationNode : TemplateStatement {
  Statements body;
  TemplateFlow execute(TemplateInterpreter& run) const override;
};

struct JumpNode : TemplateStatement {
  TemplateFlow flow = TemplateFlow::kBreak;
  TemplateFlow execute(TemplateInterpreter& run) const override;
};

}  // namespace weft::text
