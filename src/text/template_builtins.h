// Functions that templates may call: filters, tests, methods of values, globals. Each is a row of a
// table that names its parameters; nothing else can be reached from a template. Not here: macros
// (template_interpreter.h).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "text/template_value.h"

namespace weft::text {

class TemplateInterpreter;

// What a builtin is called with: its parameters in order, those not given as nothing, and beyond
// them, for a builtin of any number of arguments, the rest.
class BoundArguments {
 public:
  BoundArguments(std::vector<std::optional<TemplateValue>> values, TemplateArguments rest)
      : values_(std::move(values)), rest_(std::move(rest)) {}

  bool has(size_t i) const { return i < values_.size() && values_[i].has_value(); }
  // None where it is not given.
  const TemplateValue& at(size_t i) const;
  bool flag(size_t i, bool absent = false) const { return has(i) ? truth(at(i)) : absent; }
  // TypeError for another type.
  int64_t integer(size_t i, int64_t absent) const;
  const std::string& text(size_t i) const;
  const TemplateArguments& rest() const { return rest_; }

 private:
  std::vector<std::optional<TemplateValue>> values_;
  TemplateArguments rest_;
};

struct TemplateBuiltin {
  std::string_view name;
  std::string_view parameters;  // "old new [count]": those in brackets may be left out; "...": any
  TemplateValue (*call)(TemplateInterpreter& run, const TemplateValue& self,
                        const BoundArguments& arguments);
};

// Null where there is none of this name.
const TemplateBuiltin* find_filter(std::string_view name);
const TemplateBuiltin* find_test(std::string_view name);
const TemplateBuiltin* find_global(std::string_view name);
const TemplateBuiltin* find_method(const TemplateValue& value, std::string_view name);
// Whether it is a method of Python's that changes its value, which the sandbox refuses.
bool is_mutating_method(const TemplateValue& value, std::string_view name);

// `self` is the value that a filter, test or method is of. TypeError for wrong arguments.
TemplateValue call_builtin(TemplateInterpreter& run, const TemplateBuiltin& builtin,
                           const TemplateValue& self, TemplateArguments arguments);

// A builtin as a value: a global, or a method together with the value that it is of.
TemplateValue builtin_value(const TemplateBuiltin& builtin, TemplateValue self);

// The tables, each in the file of its kind.
std::span<const TemplateBuiltin> text_filters();
std::span<const TemplateBuiltin> list_filters();
std::span<const TemplateBuiltin> template_tests();
std::span<const TemplateBuiltin> text_methods();
std::span<const TemplateBuiltin> dict_methods();
std::span<const TemplateBuiltin> list_methods();
std::span<const TemplateBuiltin> template_globals();

}  // namespace weft::text
