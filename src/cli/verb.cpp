#include "cli/verb.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "weft/kernel_choice.h"

namespace weft::cli {

void print_values(const nlohmann::ordered_json& values, bool json) {
  if (json) {
    std::cout << values.dump(2) << "\n";
    return;
  }
  for (const auto& [name, value] : values.items())
    std::cout << name << " " << (value.is_string() ? value.get<std::string>() : value.dump())
              << "\n";
}

void add_kernels_option(Verb& verb, std::string& word) {
  verb.add_option("--kernels", word, "auto: the fastest; reference: plain and slow, portable bits")
      .among({"auto", "reference"});
}

void choose_kernels_by(const std::string& word) {
  if (word.empty()) return;
  choose_kernels(word == name_of(KernelChoice::kReference) ? KernelChoice::kReference
                                                           : KernelChoice::kAuto);
}

void add_text_options(Verb& verb, std::string& text_field, std::string& invalid_utf8) {
  verb.add_option("--text-field", text_field, "where .jsonl lines hold text").shows_default();
  verb.add_option("--invalid-utf8", invalid_utf8, "bytes that are no text: error, replace or skip")
      .shows_default();
}

data::InvalidUtf8 parse_invalid_utf8(const std::string& word) {
  for (const auto policy :
       {data::InvalidUtf8::kError, data::InvalidUtf8::kReplace, data::InvalidUtf8::kSkip})
    if (name_of(policy) == word) return policy;
  throw Error("--invalid-utf8: '" + word + "' is not known; allowed: error, replace, skip");
}

}  // namespace weft::cli
