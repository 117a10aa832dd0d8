// WordPiece (Schuster and Nakajima, 2012; Devlin et al., 2019, arXiv:1810.04805): a word is cut
// into the longest pieces there are, from left to right. Not here: how BERT cuts text into words
// (bert_words.h).
#pragma once

#include <string>

#include "text/byte_trie.h"
#include "text/model.h"

namespace weft::text {

class WordPieceModel final : public Model {
 public:
  // Throws Error, beginning with `origin`. `vocabulary` is not kept.
  WordPieceModel(const TokenizerDocument& document, const Vocabulary& vocabulary,
                 const std::string& origin);

  // Words that are not made of known pieces, or are too long, are one unknown token.
  void append_ids(std::string_view word, ModelScratch& scratch,
                  std::vector<int32_t>& ids) const override;
  void append_tokens(std::string_view word, ModelScratch& scratch,
                     std::vector<WordToken>& tokens) const override;
  int32_t unknown_id() const override { return unknown_id_; }
  std::string_view name() const override { return "wordpiece"; }

 private:
  template <class Body>
  bool cut(std::string_view word, const Body& body) const;
  void encode_word(std::string_view word, std::vector<int32_t>& ids) const;

  ByteTrie pieces_;
  uint32_t inside_ = ByteTrie::kNone;  // where pieces inside of a word begin: behind "##"
  int32_t unknown_id_ = -1;
  size_t max_characters_ = 0;
};

}  // namespace weft::text
