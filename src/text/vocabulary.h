// Tokens and their ids, both ways. Not here: how text becomes tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/added_tokens.h"

namespace weft::text {

// Strings to small integers; the strings lie elsewhere and must outlive the table.
class StringTable {
 public:
  StringTable() = default;
  explicit StringTable(size_t most_strings);
  // False, and nothing is stored, if the string is there.
  bool insert(std::string_view text, int32_t value);
  // The value, or -1.
  int32_t find(std::string_view text) const;

 private:
  struct Slot {
    std::string_view text;
    int32_t value = -1;
  };
  size_t slot_of(std::string_view text) const;

  std::vector<Slot> slots_;
};

// The model's tokens and the added ones, with ids below size(). A few ids may have no token, as in
// GPT-4o's vocabulary between the model's tokens and the special ones.
class Vocabulary {
 public:
  // Ids without tokens: memory and the model's rows are taken for them.
  static constexpr size_t kMaxHoles = 4096;

  // `model` are pairs of token and id. Throws Error, beginning with `origin`, for many ids
  // without tokens, repeated ids or tokens, tokens that are empty or too long, and added tokens
  // whose id is another's.
  Vocabulary(std::vector<std::pair<std::string, int64_t>> model,
             const std::vector<AddedToken>& added, const std::string& origin);

  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;

  int32_t size() const { return static_cast<int32_t>(texts_.size()); }
  // Empty for an id without a token.
  std::string_view text(int32_t id) const { return texts_[static_cast<size_t>(id)]; }
  // Of the model's tokens alone: the id, or -1.
  int32_t model_id(std::string_view token) const { return model_ids_.find(token); }
  bool is_model_token(int32_t id) const { return is_model_token_[static_cast<size_t>(id)]; }
  // Of added tokens, then of the model's: the id, or -1.
  int32_t id(std::string_view token) const;

 private:
  template <class Where>
  void place(std::string text, int64_t id, const Where& where);

  std::vector<std::string> texts_;  // by id; the tables look into it
  std::vector<bool> is_model_token_;
  StringTable model_ids_;
  StringTable added_ids_;
};

}  // namespace weft::text
