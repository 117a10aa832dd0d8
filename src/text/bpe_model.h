// Byte-pair encoding of one word (Sennrich et al., 2016, arXiv:1508.07909): the member "model" of a
// tokenizer.json. Not here: how text is cut into words (pre_tokenizer.h), how merges are learned
// (bpe_trainer.h).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/linear_bpe.h"
#include "text/merge_table.h"
#include "text/model.h"
#include "text/vocabulary.h"

namespace weft::text {

class JsonFields;
// Immutable.
class BpeModel final : public Model {
 public:
  // `byte_level`: words are given as bytes, and the vocabulary writes bytes as letters
  // (byte_alphabet.h); else as text. Throws Error, beginning with `origin`. `vocabulary` must
  // outlive the model.
  BpeModel(const TokenizerDocument& document, const Vocabulary& vocabulary, bool byte_level,
           const std::string& origin);

  void append_ids(std::string_view word, ModelScratch& scratch,
                  std::vector<int32_t>& ids) const override {
    if (cuts_at_spaces_) return append_cut_at_spaces(word, scratch, ids);
    append_word(word, scratch, ids);
  }
  void append_words(std::string_view text, size_t begin, std::span<const size_t> ends,
                    ModelScratch& scratch, std::vector<int32_t>& ids) const override;
  void append_tokens(std::string_view word, ModelScratch& scratch,
                     std::vector<WordToken>& tokens) const override;
  int32_t unknown_id() const override { return unknown_id_; }
  double dropout() const override { return dropout_; }
  std::string_view name() const override { return "bpe"; }

 private:
  void read_options(JsonFields& fields);
  std::vector<LinearBpe::Rule> read_merges(const TokenizerDocument& document,
                                           const std::string& origin);
  void find_symbols();
  void find_whole_words(const std::string& origin);
  bool may_cut_at_spaces(const TokenizerDocument& document) const;

  bool leaves_some_out(const ModelScratch& scratch) const {
    return scratch.dropout_key && dropout_ > 0;
  }
  void append_word(std::string_view word, ModelScratch& scratch, std::vector<int32_t>& ids) const;
  void append_by_key(std::string_view word, const WordCache::Key& key, ModelScratch& scratch,
                     std::vector<int32_t>& ids) const;
  void append_cut_at_spaces(std::string_view text, ModelScratch& scratch,
                            std::vector<int32_t>& ids) const;
  void encode_word(std::string_view word, ModelScratch& scratch) const;
  void spell_bytes(std::string_view word, ModelScratch& scratch) const;
  void spell_text(std::string_view word, ModelScratch& scratch) const;
  size_t size_of(int32_t id, bool first, bool last) const;
  bool decorates() const { return !prefix_.empty() || !suffix_.empty(); }
  int32_t decorated_symbol(std::string_view character, bool first, bool last,
                           ModelScratch& scratch) const;
  bool spell_fallback(std::string_view character, std::vector<int32_t>& symbols) const;
  int32_t symbol_of(std::string_view character) const;
  [[noreturn]] void no_token(std::string_view character) const;
  int32_t whole_word(std::string_view word) const;
  void merge_short(ModelScratch& scratch) const;
  void merge_long(ModelScratch& scratch) const;
  // bpe_dropout.cpp
  void merge_some(ModelScratch& scratch) const;
  void join(ModelScratch& scratch, uint32_t at, int32_t id) const;
  void push_pair(ModelScratch& scratch, uint32_t at) const;

  const Vocabulary& vocabulary_;
  std::string origin_;
  bool byte_level_;
  bool fuse_unknown_ = false;
  bool byte_fallback_ = false;
  bool ignore_merges_ = false;
  // No merge reaches over the place before a U+2581 that follows another character, so text may be
  // cut there without changing its ids.
  bool cuts_at_spaces_ = false;
  bool has_merges_ = false;
  double dropout_ = 0;
  std::string prefix_;  // of characters that go on with a word: "continuing_subword_prefix"
  std::string suffix_;  // of characters that end one: "end_of_word_suffix"
  int32_t unknown_id_ = -1;
  MergeTable merges_;
  std::array<int32_t, 256> symbol_of_byte_{};    // byte-level: by byte; else ASCII characters
  std::array<int32_t, 256> fallback_of_byte_{};  // "<0x41>"; -1 where there is none
  LinearBpe linear_;  // byte-level: does without merging, where it knows the vocabulary
  // Byte-level and ignore_merges: tokens as bytes, but for those that merges make anyway.
  std::vector<std::string> byte_words_;
  StringTable whole_words_;
};

}  // namespace weft::text
