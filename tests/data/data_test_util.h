// What tests of this room share: a tokenizer whose ids are easy to read, and tokens folders made
// without text.
#pragma once

#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "data/content_hash.h"
#include "data/dataset_writer.h"
#include "data/token_stream.h"
#include "tests/core/temporary_folder.h"
#include "text/tokenizer.h"

namespace weft::data {

// Ids are bytes; then come the end of a text and, optionally, its beginning.
class ByteIds final : public text::Tokenizer {
 public:
  static constexpr int32_t kEos = 256, kBos = 257;

  struct Options {
    bool has_eos = true;
    bool adds_bos = false;
    int32_t vocab_size = 258;
    std::string refuses = "";  // text that it cannot encode
  };
  ByteIds() : ByteIds(Options()) {}
  explicit ByteIds(const Options& options) : options_(options) {
    if (options_.has_eos) special_.eos = kEos;
    if (options_.adds_bos) special_.bos = kBos;
    files_.push_back({"tokenizer.json", "{\"vocab\": " + std::to_string(vocab_size()) + "}"});
    files_.push_back({"tokenizer_config.json", "{}"});
  }

  void append_ids(std::string_view text, const text::EncodeOptions& options,
                  std::vector<int32_t>& ids) const override {
    if (!options_.refuses.empty() && text.find(options_.refuses) != text.npos)
      throw Error("no token for '" + options_.refuses + "'");
    if (options.add_special_tokens && options_.adds_bos) ids.push_back(kBos);
    for (const char c : text) ids.push_back(static_cast<uint8_t>(c));
  }
  std::string_view name() const override { return "bytes"; }
  int32_t vocab_size() const override { return options_.vocab_size; }
  std::string_view token_text(int32_t) const override { return ""; }
  std::optional<int32_t> token_id(std::string_view) const override { return std::nullopt; }
  bool is_special(int32_t id) const override { return id >= kEos; }
  const text::SpecialIds& special_ids() const override { return special_; }
  std::span<const text::TokenizerFile> files() const override { return files_; }

 protected:
  std::string decode_ids(std::span<const int32_t> ids, const text::DecodeOptions&) const override {
    std::string text;
    for (const int32_t id : ids)
      if (id < kEos) text += static_cast<char>(id);
    return text;
  }

 private:
  Options options_;
  text::SpecialIds special_;
  std::vector<text::TokenizerFile> files_;
};

struct FolderOptions {
  int32_t vocab_size = 300;
  int32_t eos = 299;
  int64_t shard_tokens = 1 << 20;
  std::string tokenizer_hash = "0123";
};

// A tokens folder whose train split holds these documents (their end tokens are added).
inline Path write_tokens_folder(const Path& folder,
                                const std::vector<std::vector<int32_t>>& documents,
                                const FolderOptions& options = {}) {
  std::filesystem::create_directories(folder);
  DatasetWriter writer(real_file_system(), folder,
                       {.vocab_size = options.vocab_size,
                        .bos_token_id = std::nullopt,
                        .eos_token_id = options.eos,
                        .shard_tokens = options.shard_tokens});
  for (const std::vector<int32_t>& document : documents)
    writer.add({.split = Split::kTrain,
                .begins_document = true,
                .ends_document = true,
                .bytes = static_cast<int64_t>(document.size()),
                .tokens = document});
  DatasetManifest manifest;
  manifest.tokenizer = "bytes";
  manifest.tokenizer_hash = options.tokenizer_hash;
  manifest.vocab_size = options.vocab_size;
  manifest.eos_token_id = options.eos;
  manifest.splits = writer.finish();
  write_file_atomically(real_file_system(), folder / kManifestName, to_json(manifest));
  return folder;
}

// 0, 1, 2, ... as one document of `tokens` - 1 tokens and its end.
inline std::vector<int32_t> counting(int64_t tokens, int32_t below) {
  std::vector<int32_t> ids(static_cast<size_t>(tokens - 1));
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(i) % below;
  return ids;
}

inline std::vector<int32_t> all_tokens(const TokenStream& stream) {
  std::vector<int32_t> tokens(static_cast<size_t>(stream.tokens()));
  stream.read(0, tokens);
  return tokens;
}

}  // namespace weft::data
