// The member "decoder" of a tokenizer.json: how tokens become text again. Not here: streaming
// (StreamDecoder in tokenizer.h).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_fields.h"
#include "text/tokenizer.h"

namespace weft::text {

// One step of decoding: rewrites the list of token texts. Immutable.
class DecoderStep {
 public:
  virtual ~DecoderStep() = default;
  virtual void apply(std::vector<std::string>& tokens, const DecodeOptions& options) const = 0;
};

class TokenDecoder {
 public:
  // BPEDecoder, ByteFallback, ByteLevel, CTC, Fuse, Metaspace, Replace, Strip, WordPiece and
  // Sequence of them; null puts a space between tokens. Throws Error naming `path` and what is
  // unknown or malformed.
  TokenDecoder(const Json& component, const std::string& path);

  // Whether decoding is nothing but bytes_of_token() for each token, one after the other.
  bool only_byte_level() const { return only_byte_level_; }
  std::string decode(std::vector<std::string> tokens, const DecodeOptions& options) const;

  // What ByteLevel makes of a token: the bytes that its letters stand for, or the token itself
  // where a character is no such letter.
  static std::string bytes_of_token(std::string_view token);

 private:
  void read(const Json& component, const std::string& path, int depth);
  bool read_step(const std::string& type, JsonFields& fields);

  std::string path_;
  bool only_byte_level_ = false;
  bool joins_with_spaces_ = false;
  bool fused_ = false;  // while reading: the steps so far leave a single text
  std::vector<std::unique_ptr<const DecoderStep>> steps_;
};

}  // namespace weft::text
