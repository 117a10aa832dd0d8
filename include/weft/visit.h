// The visitor protocol. A struct of parameters has one member function
//
//     template <class Visitor> void visit(Visitor&& v) {
//       v("eps", eps, {.help = "added to the variance", .min = 0});
//     }
//
// and parsing, range checks, printing, comparing, hashing and documentation are visitors of it.
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace weft {

// What is known of a field besides its name and type. All of it is optional.
struct FieldInfo {
  std::string_view help = {};
  double min = -std::numeric_limits<double>::infinity();  // inclusive
  double max = std::numeric_limits<double>::infinity();   // inclusive
  bool above_min = false;                                 // `min` itself is not allowed
  bool below_max = false;                                 // `max` itself is not allowed
  bool required = false;
  bool may_change = false;        // may differ between a checkpoint and the run that resumes it
  std::string_view aliases = {};  // other accepted names, separated by spaces; using one is noted
  std::string_view choices = {};  // allowed words, separated by spaces
  std::string_view unit = {};
  std::string_view synonyms = {};    // other names, as good as the field's own: nothing is noted
  std::string_view unset_word = {};  // of an optional: the word that leaves it unset, as "auto"
  char count_unit = 0;  // accepts counts: 't' 10Gt (tokens), 'u' 100Ku (updates), 'e' 5e (epochs)
  bool one_or_more = false;  // of a list: a single value stands for a list of one
};

// Enumerations print through an overload of `name_of`, found by argument-dependent lookup.
template <class T>
void print_field(std::ostream& out, const T& value) {
  if constexpr (std::is_same_v<T, bool>) out << (value ? "true" : "false");
  else if constexpr (std::is_enum_v<T>) out << name_of(value);
  else out << value;
}

template <class T>
void print_field(std::ostream& out, const std::vector<T>& values) {
  out << "[";
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out << ", ";
    print_field(out, values[i]);
  }
  out << "]";
}

template <class T>
void print_field(std::ostream& out, const std::optional<T>& value) {
  if (value) print_field(out, *value);
  else out << "none";
}

// "eps=1e-05, axis=1": a struct's fields on one line.
template <class P>
std::string describe(const P& params) {
  std::ostringstream out;
  out.precision(9);
  bool first = true;
  P copy = params;
  copy.visit([&](std::string_view name, const auto& value, const FieldInfo& = {}) {
    out << (first ? "" : ", ") << name << "=";
    print_field(out, value);
    first = false;
  });
  return out.str();
}

}  // namespace weft
