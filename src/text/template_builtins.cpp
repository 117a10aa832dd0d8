// Look-up and calls of builtins; their tables are in template_filters.cpp,
// template_list_filters.cpp, template_tests.cpp, template_methods.cpp and template_globals.cpp.
#include "text/template_builtins.h"

#include <algorithm>

#include "text/template_interpreter.h"
#include "text/template_strings.h"

namespace weft::text {
namespace {

const TemplateBuiltin* find_in(std::span<const TemplateBuiltin> table, std::string_view name) {
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const TemplateBuiltin& row) { return row.name == name; });
  return found == table.end() ? nullptr : &*found;
}

[[noreturn]] void wrong(const TemplateBuiltin& builtin, const std::string& what) {
  template_fault("TypeError", std::string(builtin.name) + "() " + what);
}

class Builtin : public TemplateFunction {
 public:
  Builtin(const TemplateBuiltin& builtin, TemplateValue self)
      : builtin_(builtin), self_(std::move(self)) {}
  TemplateValue call(TemplateInterpreter& run, TemplateArguments arguments) const override {
    return call_builtin(run, builtin_, self_, std::move(arguments));
  }
  std::string description() const override {
    return "<function " + std::string(builtin_.name) + ">";
  }
  int depth() const override { return self_.depth() + 1; }

 private:
  const TemplateBuiltin& builtin_;
  TemplateValue self_;
};

// A parameter list of TemplateBuiltin, read once per call.
struct Parameters {
  std::vector<std::string_view> names;
  size_t required = 0;
  bool any = false;  // more may be given
};

Parameters parse(std::string_view list) {
  Parameters result;
  for (std::string_view word : split(list, {})) {
    if (word == "...") {
      result.any = true;
    } else if (word.starts_with('[')) {
      result.names.push_back(word.substr(1, word.size() - 2));
    } else {
      result.names.push_back(word);
      ++result.required;
    }
  }
  return result;
}

}  // namespace

const TemplateValue& BoundArguments::at(size_t i) const {
  static const TemplateValue kNone;
  return has(i) ? *values_[i] : kNone;
}

int64_t BoundArguments::integer(size_t i, int64_t absent) const {
  if (!has(i) || at(i).is_none()) return absent;
  const auto given = as_integer(at(i));
  if (!given)
    template_fault("TypeError", "'" + std::string(type_name(at(i))) +
                                    "' object cannot be interpreted as an integer");
  return *given;
}

const std::string& BoundArguments::text(size_t i) const {
  const std::string* given = at(i).text();
  if (given == nullptr)
    template_fault("TypeError", "argument must be str, not " + std::string(type_name(at(i))));
  return *given;
}

const TemplateBuiltin* find_filter(std::string_view name) {
  const TemplateBuiltin* found = find_in(text_filters(), name);
  return found != nullptr ? found : find_in(list_filters(), name);
}
const TemplateBuiltin* find_test(std::string_view name) {
  return find_in(template_tests(), name);
}
const TemplateBuiltin* find_global(std::string_view name) {
  return find_in(template_globals(), name);
}

const TemplateBuiltin* find_method(const TemplateValue& value, std::string_view name) {
  if (value.text() != nullptr) return find_in(text_methods(), name);
  if (value.dict() != nullptr) return find_in(dict_methods(), name);
  const TemplateSequence* sequence = value.sequence();
  const bool indexed = sequence != nullptr && sequence->form <= SequenceForm::kTuple;
  return indexed ? find_in(list_methods(), name) : nullptr;
}

bool is_mutating_method(const TemplateValue& value, std::string_view name) {
  constexpr std::array<std::string_view, 8> kOfLists = {"append", "clear",  "extend",  "insert",
                                                        "pop",    "remove", "reverse", "sort"};
  constexpr std::array<std::string_view, 5> kOfDicts = {"clear", "pop", "popitem", "setdefault",
                                                        "update"};
  const auto in = [&](const auto& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (value.dict() != nullptr) return in(kOfDicts);
  const TemplateSequence* sequence = value.sequence();
  return sequence != nullptr && sequence->form == SequenceForm::kList && in(kOfLists);
}

TemplateValue call_builtin(TemplateInterpreter& run, const TemplateBuiltin& builtin,
                           const TemplateValue& self, TemplateArguments arguments) {
  run.budget().step();
  const Parameters parameters = parse(builtin.parameters);
  const size_t known = parameters.names.size();
  std::vector<std::optional<TemplateValue>> values(known);
  TemplateArguments rest;
  for (size_t i = 0; i < arguments.positional.size(); ++i) {
    if (i < known) {
      values[i] = std::move(arguments.positional[i]);
    } else if (parameters.any) {
      rest.positional.push_back(std::move(arguments.positional[i]));
    } else {
      wrong(builtin, "takes at most " + std::to_string(known) + " arguments, " +
                         std::to_string(arguments.positional.size()) + " are given");
    }
  }
  for (auto& [name, value] : arguments.named) {
    const auto place = std::find(parameters.names.begin(), parameters.names.end(), name);
    const auto i = static_cast<size_t>(place - parameters.names.begin());
    if (i < known && values[i]) wrong(builtin, "got multiple values for argument '" + name + "'");
    if (i < known) {
      values[i] = std::move(value);
    } else if (parameters.any) {
      rest.named.emplace_back(name, std::move(value));
    } else {
      wrong(builtin, "got an unexpected keyword argument '" + name + "'");
    }
  }
  for (size_t i = 0; i < parameters.required; ++i) {
    if (!values[i])
      wrong(builtin, "misses its argument '" + std::string(parameters.names[i]) + "'");
  }
  return builtin.call(run, self, BoundArguments(std::move(values), std::move(rest)));
}

TemplateValue builtin_value(const TemplateBuiltin& builtin, TemplateValue self) {
  return TemplateValue(std::make_shared<const Builtin>(builtin, std::move(self)));
}

}  // namespace weft::text
