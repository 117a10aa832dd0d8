// A SentencePiece tokenizer.model as it is written. Not here: what is done with it
// (sentencepiece_tokenizer.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_document.h"

namespace weft::text {

struct SentencePieceFile {
  enum class PieceType { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };
  enum class ModelType { kUnigram = 1, kBpe = 2 };

  struct Piece {
    std::string text;
    float score = 0;
    PieceType type = PieceType::kNormal;
  };

  std::vector<Piece> pieces;  // by id
  ModelType model_type = ModelType::kUnigram;
  bool byte_fallback = false;
  bool space_is_suffix = false;  // "treat_whitespace_as_suffix"
  std::string bos_piece = "<s>", eos_piece = "</s>", pad_piece = "<pad>";
  std::string unknown_surface = " \u2047 ";  // what an unknown piece is decoded to

  std::string character_map;  // compiled (precompiled_map.h); empty: none
  bool add_dummy_prefix = true;
  bool remove_extra_spaces = true;
  bool escape_spaces = true;

  int32_t unknown_id = 0;
};

// Throws Error, beginning with `origin`, for what is malformed or of an unknown model type. Every
// piece is there once, is not empty, is UTF-8; there is one unknown piece, and with byte fallback
// there are all 256 bytes.
SentencePieceFile parse_sentencepiece_file(std::string_view content, const std::string& origin,
                                           size_t most_pieces = kMaxVocabulary);

}  // namespace weft::text
