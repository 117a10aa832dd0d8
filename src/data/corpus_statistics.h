// Numbers that tell of a corpus: how many documents, how long, of which tokens.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace weft::data {

class CorpusStatistics {
 public:
  // A part of a document: its tokens, or none where there is no tokenizer.
  void begin_document();
  void add(std::span<const int32_t> tokens) {
    count(tokens);
    add_length(static_cast<int64_t>(tokens.size()));
  }
  // Length in another unit, for text without a tokenizer.
  void add_length(int64_t length) { open_length_ += length; }
  void finish() { end_document(); }

  struct TokenCount {
    int32_t id = 0;
    int64_t count = 0;
  };

  int64_t documents() const { return documents_; }
  int64_t tokens() const { return tokens_; }
  int64_t length() const { return length_; }  // of all documents
  int64_t shortest() const { return documents_ > 0 ? shortest_ : 0; }
  int64_t longest() const { return longest_; }
  // How many documents have a length of [2^i, 2^(i+1)); length 0 is with 1.
  const std::array<int64_t, 63>& lengths() const { return lengths_; }
  // The most frequent first; equal counts by id.
  std::vector<TokenCount> most_frequent(size_t count) const;
  // How often each id comes.
  const std::vector<int64_t>& counts() const { return counts_; }
  int64_t different_tokens() const;

 private:
  void count(std::span<const int32_t> tokens);
  void end_document();

  int64_t documents_ = 0;
  int64_t tokens_ = 0;
  int64_t length_ = 0;
  int64_t shortest_ = INT64_MAX;
  int64_t longest_ = 0;
  std::array<int64_t, 63> lengths_{};
  std::vector<int64_t> counts_;
  bool open_ = false;
  int64_t open_length_ = 0;
};

}  // namespace weft::data
