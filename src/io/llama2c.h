// Reads the first binary format of karpathy/llama2.c ("legacy", version 0): a Llama checkpoint in
// fp32 and its tokenizer.bin. The tensors come out under Hugging Face's names and in its layout, so
// that they can be written as a folder which any program opens. Nothing is written in this format.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/mapped_file.h"
#include "core/quote.h"
#include "io/tensor_to_write.h"

namespace weft::io {

// The seven numbers at the start of the file, with Hugging Face's names.
struct Llama2cConfig {
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;
  int64_t vocab_size = 0;
  int64_t max_position_embeddings = 0;
  bool tie_word_embeddings = true;  // in the file: the sign of vocab_size

  int64_t head_size() const { return hidden_size / num_attention_heads; }
  // config.json of the same model. llama2.c fixes rms_norm_eps at 1e-5 and the rotary base at
  // 10000.
  std::string to_json() const;
};

// Checks a whole file's bytes: the sizes must be possible and need exactly these bytes. `source`
// begins every message.
Llama2cConfig parse_llama2c(std::span<const std::byte> file, const std::string& source);

// The tensors of a checked file. They refer to `file`, which must outlive the writing. The rows of
// the query and key weights are put in the order of Hugging Face's rotary embedding, which turns
// element i of a head with element i + size / 2; llama2.c turns neighbours.
std::vector<TensorToWrite> llama2c_tensors(const Llama2cConfig& config,
                                           std::span<const std::byte> file);

class Llama2cFile {
 public:
  explicit Llama2cFile(const Path& file)
      : file_(file), config_(parse_llama2c(file_.bytes(), quote_path(file))) {}

  const Llama2cConfig& config() const { return config_; }
  // This object must outlive the writing.
  std::vector<TensorToWrite> tensors() const { return llama2c_tensors(config_, file_.bytes()); }

 private:
  MappedFile file_;
  Llama2cConfig config_;
};

// tokenizer.bin: the pieces of a SentencePiece byte-pair encoding, a space written as a space (not
// as U+2581), bytes as "<0x0A>", with the scores that order the merges. The first three are
// unknown, begin and end of text.
struct Llama2cTokenizer {
  struct Piece {
    std::string text;
    float score = 0;
  };
  std::vector<Piece> pieces;  // the index is the token's id
};

// As a vocab_size: as many pieces as there are.
inline constexpr int64_t kAnyVocabulary = -1;

// Error unless the file has exactly `vocab_size` pieces (that of the model it belongs to).
Llama2cTokenizer read_llama2c_tokenizer(const Path& file, int64_t vocab_size);
Llama2cTokenizer parse_llama2c_tokenizer(std::string_view bytes, int64_t vocab_size,
                                         const std::string& source);

}  // namespace weft::io
