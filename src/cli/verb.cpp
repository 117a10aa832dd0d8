#include "cli/verb.h"

#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "core/quote.h"
#include "weft/kernel_choice.h"

namespace weft::cli {

std::string json_text(const nlohmann::ordered_json& values, int indent) {
  return values.dump(indent, ' ', is_terminal(STDOUT_FILENO),
                     nlohmann::ordered_json::error_handler_t::replace);
}

void print_values(const nlohmann::ordered_json& values, bool json) {
  if (json) {
    std::cout << json_text(values, 2) << "\n";
    return;
  }
  for (const auto& [name, value] : values.items())
    std::cout << name << " "
              << printable(value.is_string() ? value.get<std::string>() : json_text(value, -1))
              << "\n";
}

void add_kernels_option(Verb& verb, std::string& word) {
  verb.add_option("--kernels", word,
                  "auto: the fastest; on the CPU also reference: plain and slow, portable bits; on "
                  "a GPU also own, or vendor: cuBLASLt and cuDNN where they serve")
      .among({"auto", "reference", "own", "vendor"});
}

void choose_kernels_by(const std::string& word) {
  for (const KernelChoice choice : values_of(KernelChoice{}))
    if (name_of(choice) == word) choose_kernels(choice);
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
