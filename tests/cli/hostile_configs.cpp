// Malformed configs: config.json, YAML, checkpoint manifests, settings.
#include "hostile_files.h"

namespace weft::test {
namespace {

const std::string kModel =
    R"({"model_type": "llama", "hidden_size": 64, "intermediate_size": 128,
 "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
 "vocab_size": 300, "max_position_embeddings": 128})";

const std::string kRun =
    "model: {model_type: llama, vocab_size: 264, hidden_size: 16, intermediate_size: 32,\n"
    "  num_hidden_layers: 2, num_attention_heads: 2, max_position_embeddings: 64}\n"
    "datasets: [{path: tokens}]\n"
    "sequence_len: 16\n"
    "max_steps: 2\n"
    "output_dir: run\n";

}  // namespace

HostileFiles hostile_model_configs() {
  HostileFiles files;
  const auto whole = [&](const std::string& bytes, const std::string& message) {
    files.push_back(
        {.what = bytes.substr(0, 100), .path = "config.json", .bytes = bytes, .message = message});
  };
  const auto with = [&](std::string_view from, std::string_view to, const std::string& message) {
    whole(changed(kModel, from, to), message);
  };
  whole("", "config.json:1:1: syntax error: it is empty");
  whole(" \n\t", "config.json:1:1: syntax error: it is empty");
  whole("null", "config.json:1:1: 'null' is not a map of keys");
  whole("[]", "config.json:1:1");
  whole("\"llama\"", "config.json:1:1");
  whole("{}", "model_type");
  whole(std::string("{\"a\":1}\0", 8), "a zero byte");
  whole("\xff\xfe{\0}\0", "syntax error");
  whole("{\"a\":\"\xc0\xaf\"}", "syntax error");
  whole(repeated("[", 65), "nested deeper than 64 levels");
  whole("{\"a\":" + repeated("{\"a\":", 100), "nested deeper than 64 levels");
  whole("[" + repeated("1,", 20001) + "1]", "more than 20000 values");
  whole(kModel.substr(0, 60), "syntax error");
  whole(kModel + "{}", "syntax error");
  with("64,", "64,,", "syntax error");
  with("64", "064", "config.json:1:40: syntax error");
  with("64", "0x40", "syntax error");
  with("64", "+64", "syntax error");
  with("64", "64.5", "config.json:1:40: hidden_size: '64.5' is not an integer");
  with("64", "\"64\"", "config.json:1:40: hidden_size: '64' in quotes is not an integer");
  with("64", "NaN", "syntax error");
  with("64", "1e400", "config.json:1:40: number overflow");
  with("64", "-64", "hidden_size: '-64' is out of range");
  with("64", "0", "hidden_size: '0' is out of range");
  with("64", "9000000000", "hidden_size: '9000000000' is out of range");
  with("64", "9223372036854775808", "hidden_size");
  with("64", "66", "hidden_size (66)");
  with("64", "[64]", "hidden_size: a list of 1 is not an integer");
  with("64", "null", "hidden_size");
  with("\"hidden_size\"", "\"hidden_siez\"",
       "unknown key 'hidden_siez'; did you mean 'hidden_size'?");
  with("\"vocab_size\"", "\"hidden_size\"", "duplicate key 'hidden_size'");
  with("\"vocab_size\": 300", "\"vocab_size\": 1e99", "vocab_size");
  with("llama", "bert", "model_type: 'bert' in quotes is not known");
  with("llama", "\\u001b]0;x\\u0007", "'\\x1b]0;x\\x07'");
  with("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3", "num_key_value_heads");
  with("\"num_hidden_layers\": 2", "\"num_hidden_layers\": true",
       "num_hidden_layers: 'true' is not");
  return files;
}

HostileFiles hostile_manifests() {
  HostileFiles files;
  const auto manifest = [&](const std::string& bytes, const std::string& message) {
    files.push_back({.what = bytes.substr(0, 100),
                     .path = "manifest.json",
                     .bytes = bytes,
                     .message = message});
  };
  manifest("", "it is empty");
  manifest("{", "syntax error");
  manifest("[]", "an object is needed");
  manifest("{}", "'manifest_xxh3_128' is missing");
  manifest(R"({"manifest_xxh3_128":1})", "'manifest_xxh3_128' is a number");
  manifest(R"({"manifest_xxh3_128":""})", "its own hash does not match");
  manifest(R"({"manifest_xxh3_128":"a","manifest_xxh3_128":"b"})", "appears twice");
  manifest(R"({"format":"weft checkpoint","version":1,"step":1,"notes":{},"files":[],)"
           R"("manifest_xxh3_128":"00000000000000000000000000000000"})",
           "its own hash does not match; it is damaged");
  manifest(R"({"manifest_xxh3_128":)" + repeated("[", 10), "nested deeper than 4 levels");
  manifest("{\"a\":\"\x1b\"}", "syntax error");
  return files;
}

HostileFiles hostile_yaml() {
  HostileFiles files;
  const auto whole = [&](const std::string& bytes, const std::string& message) {
    files.push_back(
        {.what = bytes.substr(0, 100), .path = "run.yaml", .bytes = bytes, .message = message});
  };
  const auto with = [&](std::string_view from, std::string_view to, const std::string& message) {
    whole(changed(kRun, from, to), message);
  };
  whole("", "the config is empty");
  whole("- a\n", "run.yaml:1:1: a config is a map of keys");
  whole("a: 1\na: 2\n", "run.yaml:2:1: duplicate key 'a'");
  whole("a: &x [*x]\n", "the alias stands inside its own anchor");
  whole("a: !!python/object/apply:os.system [ls]\n", "is not read; remove it");
  whole("a:\n\tb: 1\n", "tab in the indentation");
  whole("a: \xff\n", "not UTF-8");
  whole("a: \x1b[31m\n", "control character U+001B");
  whole(std::string("a: \0b\n", 6), "control character U+0000");
  whole("a: " + repeated("[", 1000) + repeated("]", 1000), "nested deeper than 64 levels");
  whole(std::string((256 << 10) + 1, '#'), "a config has at most 262144");
  whole(std::string(10 << 20, 'a'), "it has 10485760 bytes, at most 1048576 are read");
  whole("a: [" + repeated("1,", 20001) + "]", "more than 20000 values");
  whole("a: 1\n---\nb: 1\n", "a second document");
  whole("a: {<<: {b: 1}}\n", "merge keys");
  whole("a: \"x\n", "the quote is never closed");
  whole("extends: run.yaml\n", "run.yaml");
  whole("extends: ../../../etc/passwd\n", "run.yaml:1:10: extends");
  with("max_steps: 2", "max_steps: 010", "a leading zero means octal");
  with("max_steps: 2", "max_steps: 1_000", "without underscores");
  with("max_steps: 2", "max_step: 2", "did you mean 'max_steps'?");
  with("sequence_len: 16", "sequence_len: 128", "sequence_len (128)");
  with("hidden_size: 16", "hidden_size: 17", "hidden_size");
  with("hidden_size: 16", "hidden_size: 99999999999", "out of range");
  with("[{path: tokens}]", "[]", "the list is empty");
  with("output_dir: run", "output_dir: run\nlearning_rate: .nan", "'.nan' is not a number");
  with("output_dir: run", "output_dir: run\ndeterministic: no", "write false");
  with("output_dir: run", "output_dir: run\nlearning_rate: .nan\nsave_stepz: 3", "; ");
  return files;
}

HostileFiles hostile_settings() {
  HostileFiles files;
  for (const char* name :
       {"generation_config.json", "tokenizer_config.json", "special_tokens_map.json"}) {
    const auto file = [&](const std::string& bytes, const std::string& message) {
      files.push_back({.what = std::string(name) + " " + bytes.substr(0, 60),
                       .path = name,
                       .bytes = bytes,
                       .message = message});
    };
    file("[]", "a JSON object is needed");
    file("{\"a\":1,\"a\":2}", "the key 'a' appears twice");
    file("{" + repeated("\"a\":{", 65), "nested deeper than 64 levels");
    file("{\"a\":\"\xed\xa0\x80\"}", "syntax error");
    file("{\"a\":tru}", "syntax error");
  }
  const std::string ids = ", allowed is an id, which is an integer, or a list of ids";
  const std::map<std::string, std::string> of_wrong_kinds = {
      {R"({"eos_token_id":"</s>"})", "eos_token_id is \"</s>\"" + ids},
      {R"({"eos_token_id":2.5})", "eos_token_id is 2.5" + ids},
      {R"({"eos_token_id":true})", "eos_token_id is true" + ids},
      {R"({"eos_token_id":[1,[2]]})", "eos_token_id is [1,[2]]" + ids},
      {R"({"eos_token_id":9223372036854775808})", "eos_token_id is 9223372036854775808" + ids},
      {R"({"bos_token_id":{"id":1}})", "bos_token_id is {\"id\":1}" + ids},
      {R"({"pad_token_id":"\u001b[2J"})", "pad_token_id is \"\\u001b[2J\"" + ids},
      {R"({"temperature":"hot"})", "temperature is \"hot\", allowed is a number"},
      {R"({"top_k":[50]})", "top_k is [50], allowed is a number"},
      {R"({"do_sample":"yes"})", "do_sample is \"yes\", allowed is true or false"}};
  for (const auto& [bytes, message] : of_wrong_kinds)
    files.push_back({.what = "generation_config.json " + bytes,
                     .path = "generation_config.json",
                     .bytes = bytes,
                     .message = message});
  files.push_back({.what = "too many values",
                   .path = "generation_config.json",
                   .bytes = "{\"a\":[" + repeated("0,", 400'000) + "0]}",
                   .message = "values; at most that many are read"});
  files.push_back({.what = "state",
                   .path = "state.json",
                   .bytes = "{}",
                   .message = "state.json: not a trainer state of Weft: key 'updates' not found"});
  files.push_back({.what = "negative state",
                   .path = "state.json",
                   .bytes = R"({"updates":-1})",
                   .message = "state.json"});
  return files;
}

}  // namespace weft::test
