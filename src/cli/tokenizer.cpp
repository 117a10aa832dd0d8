// `weft tokenizer`: what a tokenizer is made of. Its other verbs have files of their own.
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/verb.h"
#include "data/prepare.h"
#include "text/tokenizer_info.h"

namespace weft::cli {
namespace {

void run_info(const std::string& where, bool json) {
  const auto tokenizer = text::load_tokenizer(where);
  const text::TokenizerInfo info = text::tokenizer_info(*tokenizer);
  nlohmann::ordered_json out;
  out["kind"] = info.kind;
  out["vocab_size"] = info.vocab_size;
  if (info.ids_without_token > 0) out["ids_without_token"] = info.ids_without_token;
  out["merges"] = info.merges;
  out["added_tokens"] = info.added_tokens;
  for (const auto& special : info.special)
    out[special.role] = {{"token", special.token}, {"id", special.id}};
  for (const auto& [part, description] : info.pipeline) out[part] = description;
  out["hash"] = data::tokenizer_hash(*tokenizer);
  print_values(out, json);
}

void add_info(Verb& parent) {
  struct Options {
    std::string tokenizer;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  Verb verb = parent.add_verb("info", "Tell what a tokenizer is made of");
  verb.footer("Example:\n  weft tokenizer info runs/demo/tokenizer.json");
  verb.add_option("tokenizer", options->tokenizer, kTokenizerFiles).required();
  verb.add_flag("--json", options->json, "as JSON");
  verb.callback([options] { run_info(options->tokenizer, options->json); });
}

}  // namespace

void add_tokenizer(Verb& app) {
  Verb verb = app.add_verb("tokenizer", "Train and try tokenizers");
  verb.footer("Example:\n  weft tokenizer train --help");
  verb.needs_verb();
  add_tokenizer_train(verb);
  add_tokenizer_coders(verb);
  add_info(verb);
  add_tokenizer_bench(verb);
  add_tokenizer_chat(verb);
}

}  // namespace weft::cli
