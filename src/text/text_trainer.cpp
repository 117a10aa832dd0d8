// Heads of vocabularies (text_trainer.h).
#include "text/text_trainer.h"

#include <set>
#include <string_view>

#include "core/quote.h"
#include "text/tokenizer_document.h"
#include "text/utf8.h"
#include "weft/error.h"

namespace weft::text {

void check_vocab_size(int64_t given, int64_t least, const std::string& what) {
  if (given >= least && given <= static_cast<int64_t>(kMaxVocabulary)) return;
  throw Error("vocab_size is " + std::to_string(given) + "; it must be from " +
              std::to_string(least) + " (" + what + ") to " + std::to_string(kMaxVocabulary));
}

void check_special_tokens(std::span<const std::string> names) {
  std::set<std::string_view> known;
  for (const std::string& name : names) {
    if (name.empty() || !known.insert(name).second) {
      throw Error("special_tokens: " + quote(name) +
                  (name.empty() ? " is empty" : " is there twice"));
    }
  }
}

std::vector<std::string> special_head(std::vector<std::string> first,
                                      const TextTrainOptions& options,
                                      std::vector<AddedToken>& added) {
  first.insert(first.end(), options.special_tokens.begin(), options.special_tokens.end());
  check_special_tokens(first);
  for (size_t id = 0; id < first.size(); ++id) {
    if (utf8_at(first[id], 0).size == first[id].size())
      throw Error("special_tokens: " + quote(first[id]) +
                  " is a single character; use a longer name");
    added.push_back(special_token(static_cast<int32_t>(id), first[id]));
  }
  return first;
}

void append_characters(const TextAlphabet& alphabet, const std::string& prefix,
                       std::vector<std::string>& vocab) {
  for (const uint32_t code : alphabet.characters()) append_utf8(vocab.emplace_back(prefix), code);
}

}  // namespace weft::text
