// What the rest of Weft knows of tokenizers: text to ids, ids to text, and the files by which other
// tools know the same tokenizer. How a tokenizer works inside is not told here.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/encoding.h"

namespace weft::text {

struct EncodeOptions {
  // Whether the tokenizer's own frame (a BOS token, say) is put around the text.
  bool add_special_tokens = true;
  // Whether the text of a special token ("<|endoftext|>") becomes that token. False treats it as
  // ordinary text, which is right for text that strangers wrote.
  bool find_special_tokens = true;
  // BPE dropout (Provilkov et al., 2020, arXiv:1910.13267): each merge is left out with the
  // tokenizer's probability, by random numbers that depend on this key and the text alone. Absent,
  // as in evaluation: all merges are done, whatever the tokenizer's file says.
  std::optional<uint64_t> dropout_key = {};
};

struct DecodeOptions {
  bool skip_special_tokens = true;
  // Bytes that are not UTF-8 become U+FFFD, as in Hugging Face's library. False returns the bytes
  // that the tokens stand for; then byte-level tokenizers give back any input exactly.
  bool replace_invalid_utf8 = true;
  // The ids continue a text that was decoded before, so what a decoder does at the start of a text
  // (dropping a leading space) is not done.
  bool continues = false;
};

// Tokens with a role; absent where the tokenizer has none. Taken from tokenizer_config.json beside
// the file, else from names that the field uses ("</s>").
struct SpecialIds {
  std::optional<int32_t> bos, eos, pad, unk;
};

struct TokenizerFile {
  std::string name;  // "tokenizer.json"
  std::string content;
};

// Immutable after it was made: every function may be called from any number of threads.
class Tokenizer {
 public:
  Tokenizer() = default;
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;
  virtual ~Tokenizer() = default;

  // Appends the ids of `text` to `ids`. Text need not be valid UTF-8 for byte-level tokenizers;
  // others take invalid bytes for U+FFFD. Throws Error where a character has no token and the
  // tokenizer has no unknown token: text is never dropped.
  virtual void append_ids(std::string_view text, const EncodeOptions& options,
                          std::vector<int32_t>& ids) const = 0;
  std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options = {}) const;

  // The first place behind `from` where `text` may be cut in two whose ids, the frame aside, are
  // those of the whole, one after the other; text.size() if there is none. So threads can share a
  // text. Unless dropout is asked for, whose random numbers run through the whole text.
  virtual size_t next_cut(std::string_view text, size_t from) const;

  // A text, or a text and its pair, as rows for a model: the one that is kept, then those that
  // truncation cut off. Bytes that are not UTF-8 have offsets like any others. Throws Error as
  // append_ids() does, where truncation cannot be done, and where the tokenizer knows no pairs.
  virtual std::vector<Encoding> encode_rows(std::string_view text,
                                            std::optional<std::string_view> pair,
                                            const RowOptions& options) const;
  // With the truncation and padding that the tokenizer's file asks for. append_ids() and encode()
  // never cut or fill up a text, whatever the file says.
  virtual RowOptions row_options() const { return {}; }

  // Throws Error for an id outside [0, vocab_size()).
  std::string decode(std::span<const int32_t> ids, const DecodeOptions& options = {}) const {
    return decode_ids(ids, options);
  }

  // "bytes", "chars", or the model: "bpe", "unigram", "wordpiece",
  // "wordlevel", "sentencepiece bpe", ...
  virtual std::string_view name() const = 0;
  // Ids are below it, special tokens included. Some files leave ids without a token: no text has
  // them, and they are decoded to nothing.
  virtual int32_t vocab_size() const = 0;
  // The token as the vocabulary writes it (byte-level: "Ġthe"); its bytes: decode({id}). Empty for
  // an id without a token.
  virtual std::string_view token_text(int32_t id) const = 0;
  virtual std::optional<int32_t> token_id(std::string_view token_text) const = 0;
  virtual bool is_special(int32_t id) const = 0;
  virtual const SpecialIds& special_ids() const = 0;
  // The probability by which EncodeOptions::dropout_key leaves out merges.
  virtual double dropout() const { return 0; }
  // What an exported folder needs so that other tools encode alike: tokenizer.json or
  // tokenizer.model (byte for byte as read, where it was read), tokenizer_config.json,
  // special_tokens_map.json.
  virtual std::span<const TokenizerFile> files() const = 0;

 protected:
  virtual std::string decode_ids(std::span<const int32_t> ids,
                                 const DecodeOptions& options) const = 0;
};

// Text of generated tokens as it comes, in whole UTF-8 characters: bytes of an unfinished character
// wait for the next token. One stream, one thread.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens = true)
      : tokenizer_(tokenizer), skip_special_tokens_(skip_special_tokens) {}

  // The text that `id` completes; often empty.
  std::string push(int32_t id);
  // What still waits, an unfinished character as U+FFFD; the decoder is then as new.
  std::string finish();

 private:
  const Tokenizer& tokenizer_;
  bool skip_special_tokens_;
  bool continues_ = false;
  std::string waiting_;
};

// `where` is "bytes", the path of a tokenizer.json, tokenizer.model, vocab.txt or vocab.json (with
// a merges.txt beside it), or a folder that holds one. Throws Error naming the file and the
// component that is malformed or unknown.
std::unique_ptr<const Tokenizer> load_tokenizer(const std::string& where);

// Whether load_tokenizer() would find one of its files in this folder.
bool has_tokenizer(const std::string& folder);

// Ids 0..255 are the bytes, 256 is "<|endoftext|>", the end of a text.
std::unique_ptr<const Tokenizer> make_bytes_tokenizer();

struct CharsOptions {
  // "<unk>", say: characters that the corpus lacks become this token. Empty: they are an error that
  // names them.
  std::string unknown_token;
  std::string end_token = "<|endoftext|>";
};

// A token for each code point of `corpus` (given in pieces of whole characters), in code point
// order, after the special tokens: the end token is id 0, the unknown token, if any, id 1. Throws
// Error if the corpus is not UTF-8 or has no characters.
std::unique_ptr<const Tokenizer> make_chars_tokenizer(std::span<const std::string_view> corpus,
                                                      const CharsOptions& options = {});

// A vocabulary in the manner of llama2.c and SentencePiece's BPE, ids in order: <unk>, <s>, </s>,
// 256 byte pieces "<0x00>".."<0xFF>", then pieces with plain spaces; a higher score merges earlier.
struct ScoredPiece {
  std::string piece;
  float score = 0;
};
std::unique_ptr<const Tokenizer> make_llama2_tokenizer(std::span<const ScoredPiece> pieces);

// The tokenizer described by the content of a tokenizer.json. `origin` names it in messages.
std::unique_ptr<const Tokenizer> parse_tokenizer_json(std::string content,
                                                      const std::string& origin);

// The tokenizer described by the content of a SentencePiece tokenizer.model.
std::unique_ptr<const Tokenizer> parse_tokenizer_model(std::string content,
                                                       const std::string& origin);

}  // namespace weft::text
