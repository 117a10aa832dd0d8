// The tokenizer that a tokenizer.json describes: all its components at work together. Not here: the
// components, reading files (tokenizer_files.cpp).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "text/added_tokens.h"
#include "text/bert_words.h"
#include "text/model.h"
#include "text/normalizer.h"
#include "text/post_processor.h"
#include "text/pre_tokenizer.h"
#include "text/scratch_pool.h"
#include "text/token_decoder.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace weft::text {

struct TokenizerDocument;

// What comes with a tokenizer.json.
struct TokenizerSource {
  std::string content;                // of the tokenizer.json
  std::string origin;                 // names it in messages
  std::string kind;                   // Tokenizer::name(); empty: that of the model
  std::optional<SpecialIds> special;  // else from the files beside it, else by usual names
  // Unigram scores count as written, as where the library had them in memory and not from a file.
  bool exact_scores = false;
  std::vector<TokenizerFile> beside;  // tokenizer_config.json and others, if there are any
};

class JsonTokenizer final : public Tokenizer {
 public:
  // Throws Error naming the file and the component that is malformed or not supported.
  static std::unique_ptr<const Tokenizer> make(TokenizerSource source);

  void append_ids(std::string_view text, const EncodeOptions& options,
                  std::vector<int32_t>& ids) const override;
  size_t next_cut(std::string_view text, size_t from) const override;
  std::vector<Encoding> encode_rows(std::string_view text, std::optional<std::string_view> pair,
                                    const RowOptions& options) const override;
  RowOptions row_options() const override { return row_options_; }
  std::string_view name() const override { return kind_; }
  int32_t vocab_size() const override { return vocabulary_.size(); }
  std::string_view token_text(int32_t id) const override;
  std::optional<int32_t> token_id(std::string_view token_text) const override;
  bool is_special(int32_t id) const override;
  const SpecialIds& special_ids() const override { return special_ids_; }
  double dropout() const override { return model_->dropout(); }
  std::span<const TokenizerFile> files() const override { return files_; }

 protected:
  std::string decode_ids(std::span<const int32_t> ids, const DecodeOptions& options) const override;

 private:
  // Buffers and caches of one call at a time; kept for the next, so that their words stay known.
  struct Scratch {
    // Grown by a huge text: not worth keeping.
    bool is_large() const;

    ModelScratch model;
    CutText cut;
    std::vector<TextPart> parts, normalized_parts;
  };
  using Lease = ScratchPool<Scratch>::Lease;

  JsonTokenizer(TokenizerSource source, TokenizerDocument document);
  std::vector<TokenFinder::Entry> finder_entries(bool normalized) const;
  void make_files(TokenizerSource source);
  void check_id(int32_t id) const;
  void find_shortcut();
  bool words_may_part() const;

  void append_part(std::string_view text, bool at_start, bool find_special, Scratch& scratch,
                   std::vector<int32_t>& ids) const;
  void append_plain(std::string_view text, bool at_start, Scratch& scratch,
                    std::vector<int32_t>& ids) const;

  // json_tokenizer_rows.cpp
  class RowMaker;
  Encoding encode_text(std::string_view text, bool find_special) const;
  void trim_offsets(std::string_view text, Encoding& encoding) const;

  std::string kind_;
  std::string origin_;
  RowOptions row_options_;
  std::vector<AddedToken> added_;
  Vocabulary vocabulary_;
  Normalizer normalizer_;
  TokenFinder raw_finder_, normalized_finder_;
  PreTokenizer pre_tokenizer_;
  std::unique_ptr<const Model> model_;
  const WordPieceModel* bert_model_ = nullptr;  // set where bert_words_ does all in one pass
  std::optional<BertWords> bert_words_;
  bool may_cut_ = false;  // between a letter and a space or line end behind it
  Frame frame_;
  TokenDecoder decoder_;
  std::vector<bool> special_;         // by id
  std::vector<std::string> decoded_;  // by id: what the decoder begins with
  SpecialIds special_ids_;
  std::vector<TokenizerFile> files_;

  mutable ScratchPool<Scratch> scratch_;
};

}  // namespace weft::text
