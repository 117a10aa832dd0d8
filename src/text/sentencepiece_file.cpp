// Reads a tokenizer.model (sentencepiece_file.h). Field numbers are those of SentencePiece's
// sentencepiece_model.proto.
#include "text/sentencepiece_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_set>

#include "core/quote.h"
#include "text/byte_alphabet.h"
#include "text/protobuf_reader.h"
#include "text/utf8.h"
#include "weft/error.h"

namespace weft::text {
namespace {

using Piece = SentencePieceFile::Piece;
using PieceType = SentencePieceFile::PieceType;
using ModelType = SentencePieceFile::ModelType;

Piece read_piece(ProtobufReader fields) {
  Piece piece;
  while (fields.next()) {
    if (fields.number() == 1) piece.text = fields.bytes();
    if (fields.number() == 2) piece.score = fields.real();
    if (fields.number() != 3) continue;
    const uint64_t type = fields.integer();
    if (type < 1 || type > 6) fields.fail("a piece is of the unknown type " + std::to_string(type));
    piece.type = static_cast<PieceType>(type);
  }
  if (piece.text.empty()) fields.fail("a piece is empty");
  if (piece.text.size() > kMaxTokenBytes) {
    fields.fail("a piece is longer than " + std::to_string(kMaxTokenBytes) + " bytes");
  }
  if (valid_utf8_prefix(piece.text) != piece.text.size()) fields.fail("a piece is not UTF-8");
  if (!std::isfinite(piece.score)) fields.fail("the score of a piece is not finite");
  return piece;
}

ModelType read_model_type(const ProtobufReader& fields) {
  const uint64_t type = fields.integer();
  constexpr std::array<const char*, 5> kNames = {"0", "unigram", "bpe", "word", "char"};
  if (type != 1 && type != 2) {
    fields.fail(std::string("the model type ") +
                (type < kNames.size() ? kNames[type] : std::to_string(type).c_str()) +
                " is not known; known: unigram, bpe");
  }
  return static_cast<ModelType>(type);
}

void read_trainer(ProtobufReader fields, SentencePieceFile& file) {
  while (fields.next()) {
    switch (fields.number()) {
      case 3: file.model_type = read_model_type(fields); break;
      case 24: file.space_is_suffix = fields.flag(); break;
      case 35: file.byte_fallback = fields.flag(); break;
      case 44: file.unknown_surface = fields.bytes(); break;
      case 46: file.bos_piece = fields.bytes(); break;
      case 47: file.eos_piece = fields.bytes(); break;
      case 48: file.pad_piece = fields.bytes(); break;
      default: break;  // how it was trained
    }
  }
  if (valid_utf8_prefix(file.unknown_surface) != file.unknown_surface.size() ||
      file.unknown_surface.size() > kMaxTokenBytes) {
    fields.fail("unk_surface is not UTF-8, or too long");
  }
}

void read_normalizer(ProtobufReader fields, SentencePieceFile& file) {
  while (fields.next()) {
    switch (fields.number()) {
      case 2: file.character_map = fields.bytes(); break;
      case 3: file.add_dummy_prefix = fields.flag(); break;
      case 4: file.remove_extra_spaces = fields.flag(); break;
      case 5: file.escape_spaces = fields.flag(); break;
      default: break;  // the name and the rules that the map was compiled from
    }
  }
}

// A character map for decoding is never written by the usual trainers.
void refuse_denormalizer(ProtobufReader fields) {
  while (fields.next()) {
    if (fields.number() == 2 && !fields.bytes().empty())
      fields.fail("a map for decoding (denormalizer_spec) is not supported");
  }
}

void check_pieces(SentencePieceFile& file, const std::string& origin) {
  std::unordered_set<std::string_view> known;
  int unknown = 0;
  for (size_t id = 0; id < file.pieces.size(); ++id) {
    const Piece& piece = file.pieces[id];
    if (!known.insert(piece.text).second)
      throw Error(origin + ": the piece " + quote(piece.text) + " is there twice");
    if (piece.type != PieceType::kUnknown) continue;
    file.unknown_id = static_cast<int32_t>(id);
    ++unknown;
  }
  if (unknown != 1) {
    throw Error(origin + ": has " + std::to_string(unknown) +
                " unknown pieces; a tokenizer.model has exactly one");
  }
  for (uint32_t byte = 0; file.byte_fallback && byte < 256; ++byte) {
    const std::string text = byte_piece(static_cast<uint8_t>(byte));
    if (!known.contains(text)) throw Error(origin + ": byte_fallback needs the piece " + text);
  }
}

}  // namespace

SentencePieceFile parse_sentencepiece_file(std::string_view content, const std::string& origin,
                                           size_t most_pieces) {
  SentencePieceFile file;
  ProtobufReader fields(content, origin);
  while (fields.next()) {
    if (fields.number() == 1) {
      if (file.pieces.size() == most_pieces)
        fields.fail("more than " + std::to_string(most_pieces) + " pieces");
      file.pieces.push_back(read_piece(fields.message()));
    }
    if (fields.number() == 2) read_trainer(fields.message(), file);
    if (fields.number() == 3) read_normalizer(fields.message(), file);
    if (fields.number() == 5) refuse_denormalizer(fields.message());
  }
  check_pieces(file, origin);
  return file;
}

}  // namespace weft::text
