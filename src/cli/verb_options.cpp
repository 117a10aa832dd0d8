#include "cli/verb_options.h"

#include <CLI/CLI.hpp>
#include <optional>

namespace weft::cli {

Option& Option::required(bool yes) {
  option_->required(yes);
  return *this;
}

Option& Option::shows_default() {
  option_->capture_default_str();
  return *this;
}

Option& Option::between(int64_t least, int64_t most) {
  const auto refusal = [least, most](const std::string& word) -> std::string {
    int64_t value = 0;
    if (CLI::detail::lexical_cast(word, value) && value >= least && value <= most) return {};
    return "Value " + word + " not in range " + std::to_string(least) + " to " +
           std::to_string(most);
  };
  const std::string description =
      "INT in [" + std::to_string(least) + " - " + std::to_string(most) + "]";
  option_->check(CLI::Validator(refusal, description));  // the library's words differ by version
  return *this;
}

Option& Option::among(const std::vector<std::string>& words) {
  option_->check(CLI::IsMember(words));
  return *this;
}

Option& Option::not_empty() {
  const auto refusal = [](const std::string& word) {
    return std::string(word.empty() ? "the value is empty; give one, or leave the option out" : "");
  };
  option_->check(CLI::Validator(refusal, ""));
  return *this;
}

Option& Option::needs(const Option& other) {
  option_->needs(other.option_);
  return *this;
}

Option& Option::excludes(const Option& other) {
  option_->excludes(other.option_);
  return *this;
}

Option& Option::values(int least, int most) {
  option_->expected(least, most);
  return *this;
}

Option& Option::one_value_each() {
  option_->allow_extra_args(false);
  return *this;
}

Verb Verb::add_verb(const std::string& name, const std::string& purpose) {
  return Verb(app_->add_subcommand(name, purpose));
}

void Verb::needs_verb() {
  app_->require_subcommand(1);
}

void Verb::footer(const std::string& text) {
  app_->footer(text);
}

void Verb::callback(const std::function<void()>& run) {
  app_->callback(run);
}

template <typename T>
Option Verb::add_option(const std::string& names, T& value, const std::string& help) {
  return Option(app_->add_option(names, value, help));
}

template <typename T>
Option Verb::add_flag(const std::string& names, T& value, const std::string& help) {
  return Option(app_->add_flag(names, value, help));
}

Option Verb::option(const std::string& name) const {
  return Option(app_->get_option(name));
}

template Option Verb::add_option(const std::string&, std::string&, const std::string&);
template Option Verb::add_option(const std::string&, std::vector<std::string>&, const std::string&);
template Option Verb::add_option(const std::string&, int&, const std::string&);
template Option Verb::add_option(const std::string&, int64_t&, const std::string&);
template Option Verb::add_option(const std::string&, uint64_t&, const std::string&);
template Option Verb::add_option(const std::string&, double&, const std::string&);
template Option Verb::add_option(const std::string&, std::optional<uint64_t>&, const std::string&);
template Option Verb::add_option(const std::string&, std::optional<std::string>&,
                                 const std::string&);
template Option Verb::add_option(const std::string&, std::optional<int64_t>&, const std::string&);
template Option Verb::add_flag(const std::string&, bool&, const std::string&);
template Option Verb::add_flag(const std::string&, std::optional<bool>&, const std::string&);

}  // namespace weft::cli
