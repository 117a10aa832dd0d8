// The model Unigram of a tokenizer.json. Not here: the search (unigram_lattice.h), SentencePiece's
// own files (sentencepiece_tokenizer.h).
#pragma once

#include <array>
#include <string>

#include "text/unigram_lattice.h"

namespace weft::text {

// A score as Hugging Face's library reads it: its reader of JSON takes the digits as an integer,
// which it rounds to a double, and divides by a power of ten, which rounds again. Ways that are
// equal but for such errors are told apart by them.
double score_as_read(double written);

class UnigramModel final : public Model {
 public:
  // Throws Error, beginning with `origin`. `vocabulary` must outlive the model.
  UnigramModel(const TokenizerDocument& document, const Vocabulary& vocabulary,
               const std::string& origin);

  // Unknown characters in a row are one token, or all their bytes.
  void append_ids(std::string_view word, ModelScratch& scratch,
                  std::vector<int32_t>& ids) const override;
  void append_tokens(std::string_view word, ModelScratch& scratch,
                     std::vector<WordToken>& tokens) const override;
  int32_t unknown_id() const override { return unknown_id_; }
  std::string_view name() const override { return "unigram"; }

 private:
  void read_options(JsonFields& fields);
  template <class Body>
  void encode_word(std::string_view word, ModelScratch& scratch, const Body& body) const;
  template <class Body>
  void put_unknown(std::string_view word, size_t begin, size_t end, const Body& body) const;

  const Vocabulary& vocabulary_;
  std::string origin_;
  UnigramLattice lattice_;
  bool byte_fallback_ = false;
  int32_t unknown_id_ = -1;
  std::array<int32_t, 256> id_of_byte_{};  // "<0x41>"; -1 where there is none
};

}  // namespace weft::text
