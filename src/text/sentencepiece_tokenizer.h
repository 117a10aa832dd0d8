// The tokenizer that a SentencePiece tokenizer.model describes, with the meaning that SentencePiece
// itself gives it; what others make of such a file (a tokenizer.json) differs in corners. Not here:
// reading the file (sentencepiece_file.h), its normalization (sentencepiece_normalizer.h).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/row_frame.h"
#include "text/scratch_pool.h"
#include "text/sentencepiece_bpe.h"
#include "text/sentencepiece_file.h"
#include "text/sentencepiece_normalizer.h"
#include "text/tokenizer.h"
#include "text/unigram_lattice.h"
#include "text/vocabulary.h"

namespace weft::text {

// Control symbols are never found in text and never printed; an unknown piece is decoded to " ⁇ ".
// The frame of a text is BOS, if the model has one, and EOS, unless a tokenizer_config.json beside
// the file says otherwise (add_bos_token, add_eos_token); each text of a pair has it, as Llama and
// T5 have them in transformers.
class SentencePieceTokenizer final : public Tokenizer {
 public:
  // `beside` are files that belong to the tokenizer. Throws Error, beginning with `origin`.
  SentencePieceTokenizer(std::string content, const std::string& origin,
                         std::vector<TokenizerFile> beside = {});

  void append_ids(std::string_view text, const EncodeOptions& options,
                  std::vector<int32_t>& ids) const override;
  std::vector<Encoding> encode_rows(std::string_view text, std::optional<std::string_view> pair,
                                    const RowOptions& options) const override;
  std::string_view name() const override;
  int32_t vocab_size() const override { return static_cast<int32_t>(file_.pieces.size()); }
  std::string_view token_text(int32_t id) const override { return piece(id).text; }
  std::optional<int32_t> token_id(std::string_view token_text) const override;
  bool is_special(int32_t id) const override;
  const SpecialIds& special_ids() const override { return special_ids_; }
  std::span<const TokenizerFile> files() const override { return files_; }

 protected:
  std::string decode_ids(std::span<const int32_t> ids, const DecodeOptions& options) const override;

 private:
  struct Scratch {
    bool is_large() const { return model.is_large() || normalized.text.capacity() > (1U << 22); }

    ModelScratch model;
    AlignedText normalized;
  };
  using Lease = ScratchPool<Scratch>::Lease;

  void add_pieces();
  void read_config(const std::vector<TokenizerFile>& beside);
  const SentencePieceFile::Piece& piece(int32_t id) const;
  size_t word_end(std::string_view text, size_t begin) const;
  // `sum` is that of the scores so far, of a Unigram model, whose ties depend on its rounding.
  template <class Body>
  void encode_word(std::string_view word, ModelScratch& scratch, float& sum,
                   const Body& body) const;
  void append_normalized(std::string_view text, ModelScratch& scratch,
                         std::vector<int32_t>& ids) const;
  void append_word(std::string_view word, const WordCache::Key& key, ModelScratch& scratch,
                   float& sum, std::vector<int32_t>& ids) const;
  void append_merged(std::string_view word, const WordCache::Key& key, ModelScratch& scratch,
                     std::vector<int32_t>& ids) const;
  void append_fused(std::span<const int32_t> tokens, std::vector<int32_t>& ids) const;
  void append_searched(std::string_view word, ModelScratch& scratch, float& sum,
                       std::vector<int32_t>& ids) const;
  void append_close(std::string_view word, ModelScratch& scratch, float& sum,
                    std::vector<int32_t>& ids) const;
  // The furthest that sums within the word lie from the sum before it.
  float reach_of(std::string_view word) const {
    return static_cast<float>(word.size()) * largest_step_;
  }
  bool sums_may_begin_again(std::string_view word, float sum) const;
  uint16_t rounding_of(std::string_view word, float sum) const;
  void add_scores(std::span<const int32_t> known, float& sum) const;
  bool append_known(std::span<const int32_t> known, float& sum, std::vector<int32_t>& ids) const;
  size_t take_path(std::span<const WordToken> path, std::span<int32_t> out) const;
  void remember(std::string_view word, const WordCache::Key& key, ModelScratch& scratch) const;
  Encoding encode_text(std::string_view text) const;
  class Decoder;

  SentencePieceFile file_;
  std::string origin_;
  SentencePieceNormalizer normalizer_;
  StringTable ids_;
  UnigramLattice lattice_;      // of a Unigram model
  std::vector<double> scores_;  // by id, as the lattice adds them
  float largest_step_ = 0;      // of the sum of scores, by one byte of text
  std::optional<SentencePieceBpe> bpe_;
  bool cuts_at_spaces_ = true;
  std::array<int32_t, 256> id_of_byte_{};
  SpecialIds special_ids_;
  std::vector<FramePiece> frame_;
  std::vector<TokenizerFile> files_;

  mutable ScratchPool<Scratch> scratch_;
};

}  // namespace weft::text
