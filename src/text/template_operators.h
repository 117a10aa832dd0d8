// What operators, attributes and elements of values are, as Python and Jinja's sandbox define them.
// Not here: methods (template_builtins.h), evaluation of trees (template_interpreter.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "text/template_value.h"

namespace weft::text {

enum class UnaryOperator { kNot, kNegative, kPositive };
enum class BinaryOperator { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };
enum class CompareOperator {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
};

TemplateValue apply(TemplateBudget& budget, UnaryOperator op, const TemplateValue& value);
TemplateValue apply(TemplateBudget& budget, BinaryOperator op, const TemplateValue& a,
                    const TemplateValue& b);
bool compare(TemplateBudget& budget, CompareOperator op, const TemplateValue& a,
             const TemplateValue& b);
bool contains(TemplateBudget& budget, const TemplateValue& container, const TemplateValue& value);

// value.name and value[key]: undefined where there is none. An attribute is looked for among
// methods first and among a dict's keys then, an element the other way around.
TemplateValue attribute_of(TemplateInterpreter& run, const TemplateValue& value,
                           std::string_view name);
TemplateValue element_of(TemplateInterpreter& run, const TemplateValue& value,
                         const TemplateValue& key);

// value[start:stop:step] of a list, tuple or text; none stands for a bound that is not given.
struct SliceBounds {
  TemplateValue start, stop, step;
};
TemplateValue slice_of(TemplateBudget& budget, const TemplateValue& value,
                       const SliceBounds& bounds);

// Python's len; TypeError for what has none.
int64_t length_of(TemplateBudget& budget, const TemplateValue& value);

// Throws the error of an undefined value; does nothing for others.
void refuse_undefined(const TemplateValue& value);

}  // namespace weft::text
