// Jinja's tests: what stands behind `is`.
#include <algorithm>
#include <array>

#include "text/template_builtins.h"
#include "text/template_interpreter.h"
#include "text/template_strings.h"

namespace weft::text {
namespace {

using Run = TemplateInterpreter;
using Self = TemplateValue;
using Arguments = BoundArguments;

TemplateValue answer(bool value) {
  return TemplateValue(value);
}

int64_t whole(const Self& self) {
  const auto given = as_integer(self);
  if (!given) {
    refuse_undefined(self);
    template_fault("TypeError", "unsupported operand type(s) for %: '" +
                                    std::string(type_name(self)) + "' and 'int'");
  }
  return *given;
}

TemplateValue is_defined(Run&, const Self& self, const Arguments&) {
  return answer(!self.is_undefined());
}
TemplateValue is_undefined(Run&, const Self& self, const Arguments&) {
  return answer(self.is_undefined());
}
TemplateValue is_none(Run&, const Self& self, const Arguments&) {
  return answer(self.is_none());
}
TemplateValue is_boolean(Run&, const Self& self, const Arguments&) {
  return answer(self.get_if<bool>() != nullptr);
}
template <bool kWhich>
TemplateValue is_constant(Run&, const Self& self, const Arguments&) {
  const bool* flag = self.get_if<bool>();
  return answer(flag != nullptr && *flag == kWhich);
}
TemplateValue is_integer(Run&, const Self& self, const Arguments&) {
  return answer(self.get_if<int64_t>() != nullptr);
}
TemplateValue is_float(Run&, const Self& self, const Arguments&) {
  return answer(self.get_if<double>() != nullptr);
}
TemplateValue is_number(Run&, const Self& self, const Arguments&) {
  return answer(as_integer(self) || self.get_if<double>() != nullptr);
}
TemplateValue is_string(Run&, const Self& self, const Arguments&) {
  return answer(self.text() != nullptr);
}
TemplateValue is_mapping(Run&, const Self& self, const Arguments&) {
  return answer(self.dict() != nullptr);
}
TemplateValue is_iterable(Run&, const Self& self, const Arguments&) {
  return answer(self.text() || self.dict() || self.sequence() || self.is_undefined());
}
TemplateValue is_sequence(Run&, const Self& self, const Arguments&) {
  const TemplateSequence* sequence = self.sequence();
  const bool indexed = sequence != nullptr && (sequence->form <= SequenceForm::kTuple ||
                                               sequence->form == SequenceForm::kRange);
  return answer(self.text() || self.dict() || indexed || self.is_undefined());
}
TemplateValue is_callable(Run&, const Self& self, const Arguments&) {
  const TemplateFunction* function = self.function();
  return answer((function != nullptr && function->callable()) || self.is_undefined());
}
TemplateValue is_odd(Run&, const Self& self, const Arguments&) {
  return answer(whole(self) % 2 != 0);
}
TemplateValue is_even(Run&, const Self& self, const Arguments&) {
  return answer(whole(self) % 2 == 0);
}
TemplateValue is_divisible(Run& run, const Self& self, const Arguments& arguments) {
  const TemplateValue rest = apply(run.budget(), BinaryOperator::kModulo, self, arguments.at(0));
  return answer(!truth(rest));
}
template <CompareOperator kOperator>
TemplateValue compares(Run& run, const Self& self, const Arguments& arguments) {
  return answer(compare(run.budget(), kOperator, self, arguments.at(0)));
}
TemplateValue is_same(Run& run, const Self& self, const Arguments& arguments) {
  return answer(type_name(self) == type_name(arguments.at(0)) &&
                equal(run.budget(), self, arguments.at(0)));
}
template <bool kIsUpper>
TemplateValue has_case(Run& run, const Self& self, const Arguments&) {
  const TemplateValue text = make_text(run.budget(), printed(run.budget(), self));
  return call_builtin(run, *find_method(text, kIsUpper ? "isupper" : "islower"), text, {});
}
TemplateValue is_filter(Run&, const Self& self, const Arguments&) {
  return answer(self.text() != nullptr && find_filter(*self.text()) != nullptr);
}
TemplateValue is_test(Run&, const Self& self, const Arguments&) {
  return answer(self.text() != nullptr && find_test(*self.text()) != nullptr);
}
TemplateValue is_escaped(Run&, const Self&, const Arguments&) {
  return answer(false);
}

constexpr std::array<TemplateBuiltin, 39> kTests = {{
    {"defined", "", is_defined},
    {"undefined", "", is_undefined},
    {"none", "", is_none},
    {"boolean", "", is_boolean},
    {"true", "", is_constant<true>},
    {"false", "", is_constant<false>},
    {"integer", "", is_integer},
    {"float", "", is_float},
    {"number", "", is_number},
    {"string", "", is_string},
    {"mapping", "", is_mapping},
    {"iterable", "", is_iterable},
    {"sequence", "", is_sequence},
    {"callable", "", is_callable},
    {"odd", "", is_odd},
    {"even", "", is_even},
    {"divisibleby", "num", is_divisible},
    {"eq", "other", compares<CompareOperator::kEqual>},
    {"equalto", "other", compares<CompareOperator::kEqual>},
    {"==", "other", compares<CompareOperator::kEqual>},
    {"ne", "other", compares<CompareOperator::kNotEqual>},
    {"!=", "other", compares<CompareOperator::kNotEqual>},
    {"lt", "other", compares<CompareOperator::kLess>},
    {"lessthan", "other", compares<CompareOperator::kLess>},
    {"<", "other", compares<CompareOperator::kLess>},
    {"le", "other", compares<CompareOperator::kLessEqual>},
    {"<=", "other", compares<CompareOperator::kLessEqual>},
    {"gt", "other", compares<CompareOperator::kGreater>},
    {"greaterthan", "other", compares<CompareOperator::kGreater>},
    {">", "other", compares<CompareOperator::kGreater>},
    {"ge", "other", compares<CompareOperator::kGreaterEqual>},
    {">=", "other", compares<CompareOperator::kGreaterEqual>},
    {"in", "seq", compares<CompareOperator::kIn>},
    {"sameas", "other", is_same},
    {"upper", "", has_case<true>},
    {"lower", "", has_case<false>},
    {"filter", "", is_filter},
    {"test", "", is_test},
    {"escaped", "", is_escaped},
}};

}  // namespace

std::span<const TemplateBuiltin> template_tests() {
  return kTests;
}

}  // namespace weft::text
