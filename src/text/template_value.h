// What a template's expressions are made of: Python's None, bool, int, float, str, list, tuple and
// dict, Jinja's undefined, namespace and functions. Values never change (a namespace's attributes
// do), so copies share. Not here: operators on them (template_operators.h), how they print
// (template_print.h).
//
// Differences from Python: integers have 64 bits, and what is beyond is an error; what would be a
// generator is computed at once (but is true, has no length and no elements by number, as there).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "text/template_budget.h"

namespace weft::text {

class TemplateValue;
using TemplateValues = std::vector<TemplateValue>;

// Prints as nothing and is false; most other uses throw `kind` with `message`.
struct TemplateUndefined {
  const char* kind = "UndefinedError";
  std::string message;
};

struct TemplateNone {};

enum class SequenceForm { kList, kTuple, kGenerator, kRange, kKeys, kValues, kItems };

struct TemplateSequence;
struct TemplateDict;
struct TemplateNamespace;
class TemplateFunction;

class TemplateValue {
 public:
  using Text = std::shared_ptr<const std::string>;
  using Undefined = std::shared_ptr<const TemplateUndefined>;
  using Sequence = std::shared_ptr<const TemplateSequence>;
  using Dict = std::shared_ptr<const TemplateDict>;
  using Namespace = std::shared_ptr<TemplateNamespace>;
  using Function = std::shared_ptr<const TemplateFunction>;
  using Any = std::variant<TemplateNone, Undefined, bool, int64_t, double, Text, Sequence, Dict,
                           Namespace, Function>;

  TemplateValue() = default;                        // None
  TemplateValue(Any any) : any_(std::move(any)) {}  // NOLINT: a value is what it holds

  template <class T>
  const T* get_if() const {
    return std::get_if<T>(&any_);
  }
  bool is_none() const { return get_if<TemplateNone>() != nullptr; }
  bool is_undefined() const { return get_if<Undefined>() != nullptr; }
  // Null where the value is something else.
  const std::string* text() const;
  const TemplateSequence* sequence() const;
  const TemplateDict* dict() const;
  const TemplateFunction* function() const;
  // Levels of values within this one.
  int depth() const;

 private:
  Any any_;
};

struct TemplateSequence {
  SequenceForm form;
  TemplateValues items;
  int depth;
};

struct TemplateDict {
  std::vector<std::pair<TemplateValue, TemplateValue>> entries;  // in the order of insertion
  int depth;

  // Null where there is none.
  const TemplateValue* find(TemplateBudget& budget, const TemplateValue& key) const;
  const TemplateValue* find(std::string_view key) const;
};

// The interpreter owns all of them and empties them at its end: they may hold themselves.
struct TemplateNamespace {
  std::vector<std::pair<std::string, TemplateValue>> attributes;
  const TemplateValue* find(std::string_view name) const;
};

// What a call gives.
struct TemplateArguments {
  TemplateValues positional;
  std::vector<std::pair<std::string, TemplateValue>> named;
};

class TemplateInterpreter;

// A macro, a method of a value, a global function, or `loop`, which has attributes too.
class TemplateFunction {
 public:
  virtual ~TemplateFunction() = default;
  virtual TemplateValue call(TemplateInterpreter& interpreter,
                             TemplateArguments arguments) const = 0;
  // Nothing where it has no such attribute.
  virtual std::optional<TemplateValue> attribute(TemplateInterpreter&, std::string_view) const {
    return std::nullopt;
  }
  // As Python prints it: "<function raise_exception>".
  virtual std::string description() const = 0;
  virtual const char* type_name() const { return "function"; }
  virtual bool callable() const { return true; }
  virtual int depth() const { return 0; }
};

// Each charges the budget for what it makes.
TemplateValue make_text(TemplateBudget& budget, std::string text);
TemplateValue make_sequence(TemplateBudget& budget, SequenceForm form, TemplateValues items);
// Of two entries with equal keys the latter's value counts, at the former's place.
TemplateValue make_dict(TemplateBudget& budget,
                        std::vector<std::pair<TemplateValue, TemplateValue>> entries);
TemplateValue make_undefined(std::string message, const char* kind = "UndefinedError");

// JSON as a value; keys keep their order. `source` begins every message. Throws Error for what
// is not strict JSON (core/strict_json.h) and for integers beyond 64 bits.
TemplateValue template_value_from_json(std::string_view json, std::string_view source);

// "str", "NoneType", "dict": as in Python's messages.
std::string_view type_name(const TemplateValue& value);

bool truth(const TemplateValue& value);

// Python's ==.
bool equal(TemplateBudget& budget, const TemplateValue& a, const TemplateValue& b);

// Python's <. TypeError for values without an order.
bool less(TemplateBudget& budget, const TemplateValue& a, const TemplateValue& b);

// An int or a bool as an int; anything else: nothing.
std::optional<int64_t> as_integer(const TemplateValue& value);

// The elements that `for` sees: of a sequence, the characters of a text, the keys of a dict.
// TypeError for others.
TemplateValues elements_of(TemplateBudget& budget, const TemplateValue& value);

}  // namespace weft::text
