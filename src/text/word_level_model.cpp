// Words by look-up (word_level_model.h).
#include "text/word_level_model.h"

#include "core/quote.h"
#include "text/tokenizer_document.h"
#include "weft/error.h"

namespace weft::text {

WordLevelModel::WordLevelModel(const TokenizerDocument& document, const Vocabulary& vocabulary,
                               const std::string& origin)
    : vocabulary_(vocabulary), origin_(origin) {
  JsonFields fields(document.rest.at("model"), origin + ": model");
  fields.ignore("type");
  // Hugging Face's library writes the name even where the vocabulary lacks it.
  unknown_id_ = vocabulary.model_id(fields.text_or_empty("unk_token"));
  fields.done();
}

int32_t WordLevelModel::id_of(std::string_view word) const {
  const int32_t id = vocabulary_.model_id(word);
  if (id >= 0) return id;
  if (unknown_id_ >= 0) return unknown_id_;
  throw Error(origin_ + ": the tokenizer has no token for the word " + quote(word) +
              " and no unknown token; use a tokenizer that covers it");
}

}  // namespace weft::text
