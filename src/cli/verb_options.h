// The options of a verb, as the command line has them. What reads them is CLI11, which is named in
// three .cpp files only: it takes a compiler ten seconds wherever its templates are used.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
class Option;
}  // namespace CLI

namespace weft::cli {

// A handle: copies are the same option.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option& required(bool yes = true);
  Option& shows_default();                       // --help tells the value that it has now
  Option& between(int64_t least, int64_t most);  // both allowed
  Option& among(const std::vector<std::string>& words);
  Option& not_empty();  // --name "" is an error, not the same as leaving it out
  Option& needs(const Option& other);
  Option& excludes(const Option& other);
  Option& values(int least, int most);  // how many words it takes
  Option& one_value_each();             // given again for every further value

 private:
  CLI::Option* option_;
};

// A handle: copies are the same verb.
class Verb {
 public:
  explicit Verb(CLI::App* app) : app_(app) {}

  Verb add_verb(const std::string& name, const std::string& purpose);
  void needs_verb();                                // it does nothing by itself
  void footer(const std::string& text);             // below the options in --help
  void callback(const std::function<void()>& run);  // when the line has been read and names it

  // "-o,--output", or "output" for a word without a name. `value` outlives the reading of the line.
  // For the types that verb_options.cpp lists.
  template <typename T>
  Option add_option(const std::string& names, T& value, const std::string& help);
  template <typename T>  // bool, or an optional one
  Option add_flag(const std::string& names, T& value, const std::string& help);
  Option option(const std::string& name) const;

 private:
  CLI::App* app_;
};

// Thrown by a verb that has said all there is to say: the process ends with this exit code.
struct EndWith {
  int code;
};

}  // namespace weft::cli
