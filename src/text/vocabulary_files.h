// Tokenizers from the files that came before tokenizer.json: vocab.txt (BERT), vocab.json with
// merges.txt (GPT-2, RoBERTa). Each is written as a tokenizer.json and opened from that. Not here:
// finding the files (tokenizer_files.cpp), tokenizer.model (sentencepiece_file.h).
#pragma once

#include <string>
#include <string_view>

namespace weft::text {

struct TokenizerSource;

// A token a line, ids from 0 on; has [UNK], [CLS] and [SEP]. Decoded text keeps the spaces that the
// tokens give it. Throws Error, beginning with `origin`.
TokenizerSource source_from_bert_vocab(std::string_view vocab, bool lowercase,
                                       const std::string& origin);

// `vocab` is a JSON object of tokens and ids, `merges` has "a b" lines after an optional line
// "#version ...". Byte-level, cut by GPT-2's rule. With <s>, </s>, <mask> and the like among the
// tokens these are special, and texts get RoBERTa's frame. Throws Error, beginning with `origin`.
TokenizerSource source_from_vocab_and_merges(std::string_view vocab, std::string_view merges,
                                             const std::string& origin);

}  // namespace weft::text
