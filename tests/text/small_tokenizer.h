// A tokenizer.json that fits on a page, for tests that change one thing in it.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "text/tokenizer.h"

namespace weft::text {

// Byte-level: letters a to e and space ("Ġ"), merges "ab", "Ġa", "cd", "abcd"; <s> is special.
inline nlohmann::json small_tokenizer() {
  return nlohmann::json::parse(R"({
    "version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [{"id": 0, "content": "<s>", "single_word": false, "lstrip": false,
                      "rstrip": false, "normalized": false, "special": true}],
    "normalizer": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
                      "use_regex": true},
    "post_processor": null,
    "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
                "use_regex": true},
    "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
              "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
              "ignore_merges": false,
              "vocab": {"<s>": 0, "a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "\u0120": 6, "ab": 7,
                        "\u0120a": 8, "cd": 9, "abcd": 10},
              "merges": ["a b", "\u0120 a", "c d", "ab cd"]}})",
                               nullptr, true, true);
}

inline std::unique_ptr<const Tokenizer> open_json(const nlohmann::json& json) {
  return parse_tokenizer_json(json.dump(), "small.json");
}

inline nlohmann::json added_token(int id, const std::string& content) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", false}};
}

}  // namespace weft::text
