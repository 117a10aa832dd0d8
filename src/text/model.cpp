// Which model a tokenizer.json describes (model.h).
#include "text/model.h"

#include "core/quote.h"
#include "text/bpe_model.h"
#include "text/tokenizer_document.h"
#include "text/unigram_model.h"
#include "text/word_level_model.h"
#include "text/word_piece_model.h"

namespace weft::text {
namespace {

// Files of old libraries do not name the type.
std::string type_of(const TokenizerDocument& document, JsonFields& fields) {
  std::string type = fields.text_or_empty("type");
  if (!type.empty()) return type;
  if (document.has_scores) return "Unigram";
  if (document.has_merges) return "BPE";
  return fields.find("continuing_subword_prefix") != nullptr ? "WordPiece" : "WordLevel";
}

}  // namespace

bool model_takes_bytes(const TokenizerDocument& document, const std::string& origin) {
  JsonFields fields(document.rest.at("model"), origin + ": model");
  return type_of(document, fields) == "BPE" && !fields.flag_or("byte_fallback", false);
}

std::unique_ptr<const Model> make_model(const TokenizerDocument& document,
                                        const Vocabulary& vocabulary, bool byte_level,
                                        const std::string& origin) {
  JsonFields fields(document.rest.at("model"), origin + ": model");
  const std::string type = type_of(document, fields);
  if (type == "Unigram") {
    if (!document.has_scores) fields.fail("vocab", "is no list of tokens and their scores");
    return std::make_unique<UnigramModel>(document, vocabulary, origin);
  }
  if (document.has_scores) fields.fail("vocab", "is no object of tokens and ids");
  if (type == "BPE") {
    if (!document.has_merges) fields.fail("merges", "is missing, or no list");
    return std::make_unique<BpeModel>(document, vocabulary, byte_level, origin);
  }
  if (document.has_merges) fields.fail("merges", "does not belong to the model " + quote(type));
  if (type == "WordPiece") return std::make_unique<WordPieceModel>(document, vocabulary, origin);
  if (type == "WordLevel") return std::make_unique<WordLevelModel>(document, vocabulary, origin);
  fields.fail("type",
              "the model " + quote(type) + " is not known; known: " + std::string(kKnownModels));
}

}  // namespace weft::text
