// The model WordLevel: a word is one token. Not here: the others (model.h).
#pragma once

#include <string>

#include "text/model.h"

namespace weft::text {

class WordLevelModel final : public Model {
 public:
  // Throws Error, beginning with `origin`. `vocabulary` must outlive the model.
  WordLevelModel(const TokenizerDocument& document, const Vocabulary& vocabulary,
                 const std::string& origin);

  void append_ids(std::string_view word, ModelScratch&, std::vector<int32_t>& ids) const override {
    ids.push_back(id_of(word));
  }
  void append_tokens(std::string_view word, ModelScratch&,
                     std::vector<WordToken>& tokens) const override {
    tokens.push_back({id_of(word), 0, word.size()});
  }
  int32_t unknown_id() const override { return unknown_id_; }
  std::string_view name() const override { return "wordlevel"; }

 private:
  int32_t id_of(std::string_view word) const;

  const Vocabulary& vocabulary_;
  std::string origin_;
  int32_t unknown_id_ = -1;
};

}  // namespace weft::text
