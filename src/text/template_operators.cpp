#include "text/template_operators.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "text/template_builtins.h"
#include "text/template_format.h"
#include "text/template_interpreter.h"
#include "text/template_strings.h"

namespace weft::text {
namespace {

std::string name_of(const TemplateValue& value) {
  return std::string(type_name(value));
}

[[noreturn]] void overflow() {
  template_fault("OverflowError", "the result does not fit into 64 bits");
}

std::optional<double> as_real(const TemplateValue& value) {
  if (const double* real = value.get_if<double>()) return *real;
  if (const auto integer = as_integer(value)) return static_cast<double>(*integer);
  return std::nullopt;
}

constexpr std::string_view symbol(BinaryOperator op) {
  constexpr std::array<std::string_view, 7> kSymbols = {"+",  "-", "*",          "/",
                                                        "//", "%", "** or pow()"};
  return kSymbols[static_cast<size_t>(op)];
}

[[noreturn]] void unsupported(BinaryOperator op, const TemplateValue& a, const TemplateValue& b) {
  const bool concatenates =
      op == BinaryOperator::kAdd &&
      (a.text() || (a.sequence() && a.sequence()->form <= SequenceForm::kTuple));
  if (concatenates)
    template_fault("TypeError", "can only concatenate " + name_of(a) + " (not \"" + name_of(b) +
                                    "\") to " + name_of(a));
  template_fault("TypeError", "unsupported operand type(s) for " + std::string(symbol(op)) + ": '" +
                                  name_of(a) + "' and '" + name_of(b) + "'");
}

int64_t power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  if (base == 1 || base == 0) return exponent == 0 ? 1 : base;
  if (base == -1) return exponent % 2 == 0 ? 1 : -1;
  for (int64_t i = 0; i < exponent; ++i) {
    if (__builtin_mul_overflow(result, base, &result)) overflow();  // within 64 rounds
  }
  return result;
}

TemplateValue integers(BinaryOperator op, int64_t a, int64_t b) {
  int64_t result = 0;
  bool fits = true;
  switch (op) {
    case BinaryOperator::kAdd: fits = !__builtin_add_overflow(a, b, &result); break;
    case BinaryOperator::kSubtract: fits = !__builtin_sub_overflow(a, b, &result); break;
    case BinaryOperator::kMultiply: fits = !__builtin_mul_overflow(a, b, &result); break;
    case BinaryOperator::kPower: result = power(a, b); break;
    case BinaryOperator::kFloorDivide:
    case BinaryOperator::kModulo:
      if (b == -1) {
        if (op == BinaryOperator::kModulo) return TemplateValue(int64_t{0});
        fits = !__builtin_sub_overflow(int64_t{0}, a, &result);
        break;
      }
      result = op == BinaryOperator::kModulo ? a % b : a / b;
      if (a % b != 0 && (a < 0) != (b < 0)) result += op == BinaryOperator::kModulo ? b : -1;
      break;
    case BinaryOperator::kDivide: break;
  }
  if (!fits) overflow();
  return TemplateValue(result);
}

TemplateValue reals(BinaryOperator op, double a, double b) {
  switch (op) {
    case BinaryOperator::kAdd: return TemplateValue(a + b);
    case BinaryOperator::kSubtract: return TemplateValue(a - b);
    case BinaryOperator::kMultiply: return TemplateValue(a * b);
    case BinaryOperator::kDivide: return TemplateValue(a / b);
    case BinaryOperator::kPower: {
      const double result = std::pow(a, b);
      if (std::isnan(result) && a < 0) template_fault("ValueError", "the result is no real number");
      return TemplateValue(result);
    }
    default: break;
  }
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  if (op == BinaryOperator::kModulo) return TemplateValue(rest);
  return TemplateValue(std::nearbyint((a - rest) / b));
}

// Nothing if one of them is no number.
std::optional<TemplateValue> numbers(BinaryOperator op, const TemplateValue& a,
                                     const TemplateValue& b) {
  const auto x = as_real(a), y = as_real(b);
  if (!x || !y) return std::nullopt;
  const bool divides = op == BinaryOperator::kDivide || op == BinaryOperator::kFloorDivide ||
                       op == BinaryOperator::kModulo;
  if (*y == 0 && divides) template_fault("ZeroDivisionError", "division by zero");
  if (*x == 0 && *y < 0 && op == BinaryOperator::kPower)
    template_fault("ZeroDivisionError", "zero to a negative power");
  const auto i = as_integer(a), j = as_integer(b);
  const bool exact =
      i && j && op != BinaryOperator::kDivide && !(op == BinaryOperator::kPower && *j < 0);
  return exact ? integers(op, *i, *j) : reals(op, *x, *y);
}

std::optional<TemplateValue> repeated(TemplateBudget& budget, const TemplateValue& value,
                                      const TemplateValue& times) {
  const auto given = as_integer(times);
  if (!given) return std::nullopt;
  const auto count = static_cast<size_t>(std::max<int64_t>(*given, 0));
  if (const std::string* text = value.text()) {
    budget.make(count, text->size());
    std::string result;
    if (text->empty()) return value;
    result.reserve(count * text->size());
    for (size_t i = 0; i < count; ++i) result += *text;
    return TemplateValue(std::make_shared<const std::string>(std::move(result)));
  }
  const TemplateSequence* sequence = value.sequence();
  if (sequence == nullptr || sequence->form > SequenceForm::kTuple) return std::nullopt;
  budget.make(count, sequence->items.size() * sizeof(TemplateValue));
  TemplateValues items;
  if (!sequence->items.empty()) {
    for (size_t i = 0; i < count; ++i)
      items.insert(items.end(), sequence->items.begin(), sequence->items.end());
  }
  return make_sequence(budget, sequence->form, std::move(items));
}

std::optional<TemplateValue> joined(TemplateBudget& budget, const TemplateValue& a,
                                    const TemplateValue& b) {
  if (a.text() && b.text()) {
    TemplateText result(budget);
    result << *a.text() << *b.text();
    return result.value();
  }
  const TemplateSequence *x = a.sequence(), *y = b.sequence();
  if (!x || !y || x->form != y->form || x->form > SequenceForm::kTuple) return std::nullopt;
  budget.make(x->items.size() + y->items.size(), sizeof(TemplateValue));
  TemplateValues items = x->items;
  items.insert(items.end(), y->items.begin(), y->items.end());
  return make_sequence(budget, x->form, std::move(items));
}

// As Jinja names a value in "'dict object' has no attribute 'x'".
std::string described(const TemplateValue& value) {
  return value.is_none() ? "None" : name_of(value) + " object";
}

TemplateValue no_attribute(const TemplateValue& value, std::string_view name) {
  return make_undefined("'" + described(value) + "' has no attribute '" + std::string(name) + "'");
}

TemplateValue unsafe(const TemplateValue& value, std::string_view name) {
  return make_undefined("access to attribute '" + std::string(name) + "' of '" + name_of(value) +
                            "' object is unsafe.",
                        "SecurityError");
}

// What Python's getattr finds, within the sandbox.
std::optional<TemplateValue> own_attribute(TemplateInterpreter& run, const TemplateValue& value,
                                           std::string_view name) {
  if (name.starts_with("__") || is_mutating_method(value, name)) return unsafe(value, name);
  if (const auto* space = value.get_if<TemplateValue::Namespace>()) {
    run.budget().step(1 + static_cast<int64_t>((*space)->attributes.size() / 8));
    if (const TemplateValue* held = (*space)->find(name)) return *held;
  }
  if (const TemplateFunction* function = value.function()) return function->attribute(run, name);
  const TemplateBuiltin* method = find_method(value, name);
  if (method == nullptr) return std::nullopt;
  return builtin_value(*method, value);
}

// Where a Python index lies in a sequence of `size`; nothing outside.
std::optional<size_t> position(int64_t index, size_t size) {
  const int64_t at = index < 0 ? index + static_cast<int64_t>(size) : index;
  if (at < 0 || at >= static_cast<int64_t>(size)) return std::nullopt;
  return static_cast<size_t>(at);
}

std::optional<TemplateValue> own_element(TemplateBudget& budget, const TemplateValue& value,
                                         const TemplateValue& key) {
  if (const TemplateDict* dict = value.dict()) {
    if (const TemplateValue* found = dict->find(budget, key)) return *found;
    return std::nullopt;
  }
  const auto index = as_integer(key);
  if (!index) return std::nullopt;
  if (const TemplateSequence* sequence = value.sequence()) {
    const auto at = position(*index, sequence->items.size());
    const bool numbered =
        sequence->form <= SequenceForm::kTuple || sequence->form == SequenceForm::kRange;
    return at && numbered ? std::optional(sequence->items[*at]) : std::nullopt;
  }
  const std::string* text = value.text();
  if (text == nullptr) return std::nullopt;
  budget.make(text->size(), sizeof(size_t));
  const std::vector<size_t> offsets = char_offsets(*text);
  const auto at = position(*index, offsets.size() - 1);
  if (!at) return std::nullopt;
  return make_text(budget, text->substr(offsets[*at], offsets[*at + 1] - offsets[*at]));
}

struct Range {
  int64_t start, stop, step;
};

// As Python's slice.indices.
Range resolve(const SliceBounds& bounds, int64_t size) {
  const auto integer = [](const TemplateValue& value, int64_t absent) {
    if (value.is_none()) return absent;
    const auto given = as_integer(value);
    if (!given) template_fault("TypeError", "slice indices must be integers or None");
    return *given;
  };
  const int64_t step = integer(bounds.step, 1);
  if (step == 0) template_fault("ValueError", "slice step cannot be zero");
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  const auto within = [&](int64_t at) { return std::clamp(at < 0 ? at + size : at, low, high); };
  const auto bound = [&](const TemplateValue& value, int64_t absent) {
    return value.is_none() ? absent : within(integer(value, 0));
  };
  return {bound(bounds.start, step > 0 ? low : high), bound(bounds.stop, step > 0 ? high : low),
          step};
}

template <class Body>
void for_each_in(const Range& range, const Body& body) {
  for (int64_t at = range.start; range.step > 0 ? at < range.stop : at > range.stop;) {
    body(static_cast<size_t>(at));
    if (__builtin_add_overflow(at, range.step, &at)) break;
  }
}

void refuse_undefined(const TemplateValue& a, const TemplateValue& b) {
  weft::text::refuse_undefined(a);
  weft::text::refuse_undefined(b);
}

}  // namespace

void refuse_undefined(const TemplateValue& value) {
  if (const auto* undefined = value.get_if<TemplateValue::Undefined>())
    template_fault((*undefined)->kind, (*undefined)->message);
}

TemplateValue apply(TemplateBudget&, UnaryOperator op, const TemplateValue& value) {
  if (op == UnaryOperator::kNot) return TemplateValue(!truth(value));
  refuse_undefined(value);
  const bool negative = op == UnaryOperator::kNegative;
  if (const double* real = value.get_if<double>()) return TemplateValue(negative ? -*real : *real);
  const auto integer = as_integer(value);
  if (!integer)
    template_fault("TypeError", "bad operand type for unary " + std::string(negative ? "-" : "+") +
                                    ": '" + name_of(value) + "'");
  return negative ? integers(BinaryOperator::kSubtract, 0, *integer) : TemplateValue(*integer);
}

TemplateValue apply(TemplateBudget& budget, BinaryOperator op, const TemplateValue& a,
                    const TemplateValue& b) {
  if (auto result = numbers(op, a, b)) return std::move(*result);
  if (op == BinaryOperator::kModulo && a.text()) return format_percent(budget, *a.text(), b);
  refuse_undefined(a, b);
  std::optional<TemplateValue> result;
  if (op == BinaryOperator::kAdd) result = joined(budget, a, b);
  if (op == BinaryOperator::kMultiply) {
    result = repeated(budget, a, b);
    if (!result) result = repeated(budget, b, a);
  }
  if (!result) unsupported(op, a, b);
  return std::move(*result);
}

bool contains(TemplateBudget& budget, const TemplateValue& container, const TemplateValue& value) {
  if (const std::string* text = container.text()) {
    if (value.text() == nullptr)
      template_fault("TypeError",
                     "'in <string>' requires string as left operand, not " + name_of(value));
    budget.scan(text->size() + value.text()->size());
    return find_text(*text, *value.text()) != std::string_view::npos;
  }
  if (const TemplateDict* dict = container.dict()) return dict->find(budget, value) != nullptr;
  if (container.is_undefined()) return false;
  const TemplateSequence* sequence = container.sequence();
  if (sequence == nullptr)
    template_fault("TypeError", "argument of type '" + name_of(container) + "' is not iterable");
  return std::any_of(sequence->items.begin(), sequence->items.end(),
                     [&](const TemplateValue& item) { return equal(budget, item, value); });
}

bool compare(TemplateBudget& budget, CompareOperator op, const TemplateValue& a,
             const TemplateValue& b) {
  switch (op) {
    case CompareOperator::kEqual: return equal(budget, a, b);
    case CompareOperator::kNotEqual: return !equal(budget, a, b);
    case CompareOperator::kIn: return contains(budget, b, a);
    case CompareOperator::kNotIn: return !contains(budget, b, a);
    default: break;
  }
  refuse_undefined(a, b);
  switch (op) {
    case CompareOperator::kLess: return less(budget, a, b);
    case CompareOperator::kGreater: return less(budget, b, a);
    case CompareOperator::kLessEqual: return less(budget, a, b) || equal(budget, a, b);
    default: return less(budget, b, a) || equal(budget, a, b);
  }
}

TemplateValue attribute_of(TemplateInterpreter& run, const TemplateValue& value,
                           std::string_view name) {
  refuse_undefined(value);
  if (auto found = own_attribute(run, value, name)) return std::move(*found);
  if (const TemplateDict* dict = value.dict()) {
    run.budget().step(1 + static_cast<int64_t>(dict->entries.size() / 8));
    if (const TemplateValue* held = dict->find(name)) return *held;
  }
  return no_attribute(value, name);
}

TemplateValue element_of(TemplateInterpreter& run, const TemplateValue& value,
                         const TemplateValue& key) {
  refuse_undefined(value);
  if (auto found = own_element(run.budget(), value, key)) return std::move(*found);
  const std::string* name = key.text();
  if (name == nullptr)
    return make_undefined(described(value) + " has no element " + printed(run.budget(), key));
  if (auto found = own_attribute(run, value, *name)) return std::move(*found);
  return no_attribute(value, *name);
}

TemplateValue slice_of(TemplateBudget& budget, const TemplateValue& value,
                       const SliceBounds& bounds) {
  refuse_undefined(value);
  if (const std::string* text = value.text()) {
    budget.make(text->size(), sizeof(size_t));
    const std::vector<size_t> offsets = char_offsets(*text);
    std::string result;
    for_each_in(resolve(bounds, static_cast<int64_t>(offsets.size()) - 1),
                [&](size_t i) { result.append(*text, offsets[i], offsets[i + 1] - offsets[i]); });
    return make_text(budget, std::move(result));
  }
  const TemplateSequence* sequence = value.sequence();
  const bool sliced = sequence != nullptr && (sequence->form <= SequenceForm::kTuple ||
                                              sequence->form == SequenceForm::kRange);
  if (!sliced) return make_undefined(described(value) + " has no slices");
  TemplateValues items;
  budget.make(sequence->items.size(), sizeof(TemplateValue));
  for_each_in(resolve(bounds, static_cast<int64_t>(sequence->items.size())),
              [&](size_t i) { items.push_back(sequence->items[i]); });
  return make_sequence(budget, sequence->form, std::move(items));
}

int64_t length_of(TemplateBudget& budget, const TemplateValue& value) {
  if (const std::string* text = value.text()) {
    budget.scan(text->size());
    return static_cast<int64_t>(count_chars(*text));
  }
  if (const TemplateDict* dict = value.dict()) return static_cast<int64_t>(dict->entries.size());
  if (value.is_undefined()) return 0;
  const TemplateSequence* sequence = value.sequence();
  if (sequence == nullptr || sequence->form == SequenceForm::kGenerator)
    template_fault("TypeError", "object of type '" + name_of(value) + "' has no len()");
  return static_cast<int64_t>(sequence->items.size());
}

}  // namespace weft::text
