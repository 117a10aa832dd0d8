#include "cli/command_line.h"

#include "core/quote.h"
#include "core/tree/tree.h"
#include "weft/error.h"

namespace weft::cli {
namespace {

std::vector<const CLI::App*> verbs_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<std::string> verb_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : verbs_of(app)) names.push_back(verb->get_name());
  return names;
}

const CLI::App* find_verb(const CLI::App& app, const std::string& name) {
  for (const CLI::App* verb : verbs_of(app))
    if (verb->get_name() == name) return verb;
  return nullptr;
}

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& names) {
  const std::string found(nearest(word, std::vector<std::string_view>(names.begin(), names.end())));
  return found.empty() ? "" : "; did you mean '" + found + "'?";
}

// The verb that the command line names, with the words that lead to it.
struct Named {
  const CLI::App* app = nullptr;
  std::string path = "weft";  // "weft tokenizer train"
  size_t words = 0;           // of the command line that belong to the path

  // How messages begin, behind the program's name.
  std::string start() const { return words == 0 ? "" : path.substr(path.find(' ') + 1) + ": "; }
};

Named named_verb(const CLI::App& app, const std::vector<std::string>& arguments) {
  Named named{&app};
  for (const std::string& word : arguments) {
    const CLI::App* next = find_verb(*named.app, word);
    if (next == nullptr) break;
    named.app = next;
    named.path += " " + word;
    ++named.words;
  }
  return named;
}

std::vector<std::string> option_names(const CLI::App& verb) {
  std::vector<std::string> names;
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

// "Could not convert: --steps = many", which the library says of words for numbers.
std::string in_our_words(const std::string& message) {
  constexpr std::string_view kStart = "Could not convert: ", kEquals = " = ";
  const size_t equals = message.find(kEquals);
  if (!message.starts_with(kStart) || equals == std::string::npos) return message;
  return message.substr(kStart.size(), equals - kStart.size()) + ": " +
         quote(message.substr(equals + kEquals.size())) +
         " is not a number of the kind that it takes";
}

// The first word that looks like an option and is none; empty if there is none.
std::string unknown_option(const CLI::App& verb, const std::vector<std::string>& arguments) {
  for (const std::string& word : arguments) {
    if (word == "--") break;
    const std::string name = word.substr(0, word.find('='));
    if (name.starts_with("--") && verb.get_option_no_throw(name) == nullptr) return name;
  }
  return {};
}

}  // namespace

void check_verbs(const CLI::App& app, const std::vector<std::string>& arguments) {
  const Named named = named_verb(app, arguments);
  const std::vector<std::string> verbs = verb_names(*named.app);
  if (verbs.empty()) return;
  const std::string advice = "; " + named.path + " --help shows what each does";
  if (named.words == arguments.size())
    throw Error(named.start() + "a verb is missing; allowed: " + list_of(verbs) + advice);
  const std::string& word = arguments[named.words];
  if (word.starts_with("-")) return;  // an option of the program itself, such as --help
  throw Error(named.start() + "the verb " + quote(word) + " is not known" +
              did_you_mean(word, verbs) + "; allowed: " + list_of(verbs));
}

std::string command_line_message(const CLI::App& app, const std::vector<std::string>& arguments,
                                 const CLI::ParseError& error) {
  const Named named = named_verb(app, arguments);
  const std::string advice = "; " + named.path + " --help shows all options";
  const std::string option = unknown_option(*named.app, arguments);
  if (!option.empty())
    return named.start() + "the option " + quote(option) + " is not known" +
           did_you_mean(option, option_names(*named.app)) + advice;
  return named.start() + in_our_words(error.what()) + advice;
}

}  // namespace weft::cli
