// Malformed files of every format that Weft reads, made here by changing sound ones, and the words
// in which each must be refused. No such file lies in the repository.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weft::test {

struct HostileFile {
  std::string what;                              // what is wrong with it, for a failing test
  std::string path;                              // as it is given to `weft inspect`
  std::string bytes;                             // of the file `path`, unless that is a folder
  std::string message;                           // part of what must be said
  std::map<std::string, std::string> more = {};  // other files that must lie there
};

using HostileFiles = std::vector<HostileFile>;

HostileFiles hostile_safetensors();
HostileFiles hostile_indexes();
HostileFiles hostile_pickles();
HostileFiles hostile_model_configs();
HostileFiles hostile_manifests();
HostileFiles hostile_tokenizer_json();
HostileFiles hostile_vocabularies();  // tokenizer.model, vocab.json, vocab.txt
HostileFiles hostile_yaml();
HostileFiles hostile_settings();  // generation_config.json and the like
HostileFiles hostile_llama2c();
HostileFiles hostile_shards();  // shards of tokens and their dataset.json

// `text` with the first `from` in it, which must be there, replaced.
std::string changed(std::string text, std::string_view from, std::string_view to);
// A safetensors file with any header and `data_bytes` bytes of data.
std::string safetensors_file(std::string_view header, size_t data_bytes);
// `count` times `part`.
std::string repeated(std::string_view part, size_t count);

}  // namespace weft::test
