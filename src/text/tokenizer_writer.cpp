// tokenizer.json as text (tokenizer_writer.h).
#include "text/tokenizer_writer.h"

#include <array>
#include <charconv>

#include "weft/error.h"

namespace weft::text {
namespace {

OrderedJson or_null(const std::string& text) {
  return text.empty() ? OrderedJson() : OrderedJson(text);
}

std::string quoted_json(const std::string& text) {
  return OrderedJson(text).dump();
}

OrderedJson added_json(const AddedToken& token) {
  return {{"id", token.id},          {"content", token.content}, {"single_word", token.single_word},
          {"lstrip", token.lstrip},  {"rstrip", token.rstrip},   {"normalized", token.normalized},
          {"special", token.special}};
}

std::string vocab_json(const std::vector<std::string>& vocab) {
  std::string out = "    \"vocab\": {";
  for (size_t id = 0; id < vocab.size(); ++id) {
    out +=
        (id == 0 ? "\n      " : ",\n      ") + quoted_json(vocab[id]) + ": " + std::to_string(id);
  }
  return out + (vocab.empty() ? "}" : "\n    }");
}

std::string merges_json(const std::vector<std::pair<std::string, std::string>>& merges) {
  std::string out = "    \"merges\": [";
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    out += (rank == 0 ? "\n      [\n        " : ",\n      [\n        ") + quoted_json(left) +
           ",\n        " + quoted_json(right) + "\n      ]";
  }
  return out + (merges.empty() ? "]" : "\n    ]");
}

// The shortest digits that give the number back, as Hugging Face's library writes them.
std::string number_json(double number) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), number).ptr;
  std::string text(digits.begin(), end);
  return text.find_first_of(".e") == text.npos ? text + ".0" : text;
}

std::string scored_vocab_json(const std::vector<std::pair<std::string, double>>& vocab) {
  std::string out = "    \"vocab\": [";
  for (size_t id = 0; id < vocab.size(); ++id) {
    out += (id == 0 ? "\n      [\n        " : ",\n      [\n        ") +
           quoted_json(vocab[id].first) + ",\n        " + number_json(vocab[id].second) +
           "\n      ]";
  }
  return out + (vocab.empty() ? "]" : "\n    ]");
}

// `large` are the model's large members, which are not worth a tree of JSON values.
std::string write(const TokenizerParts& parts, const OrderedJson& model, const std::string& large) {
  OrderedJson added = OrderedJson::array();
  for (const AddedToken& token : parts.added) added.push_back(added_json(token));
  const OrderedJson document = {{"version", "1.0"},
                                {"truncation", nullptr},
                                {"padding", nullptr},
                                {"added_tokens", added},
                                {"normalizer", parts.normalizer},
                                {"pre_tokenizer", parts.pre_tokenizer},
                                {"post_processor", parts.post_processor},
                                {"decoder", parts.decoder},
                                {"model", model}};
  std::string text = document.dump(2);
  // The model is the last member and open-ended: its large members go before the closing braces.
  const std::string tail = "\n  }\n}";
  WEFT_ASSERT(text.ends_with(tail));
  text.resize(text.size() - tail.size());
  return text + ",\n" + large + tail;
}

}  // namespace

std::string write_tokenizer_json(const BpeDescription& description) {
  const OrderedJson model = {{"type", "BPE"},
                             {"dropout", nullptr},
                             {"unk_token", or_null(description.unknown_token)},
                             {"continuing_subword_prefix", nullptr},
                             {"end_of_word_suffix", nullptr},
                             {"fuse_unk", description.fuse_unknown},
                             {"byte_fallback", description.byte_fallback},
                             {"ignore_merges", false}};
  return write(description, model,
               vocab_json(description.vocab) + ",\n" + merges_json(description.merges));
}

std::string write_tokenizer_json(const WordPieceDescription& description) {
  const OrderedJson model = {{"type", "WordPiece"},
                             {"unk_token", description.unknown_token},
                             {"continuing_subword_prefix", "##"},
                             {"max_input_chars_per_word", 100}};
  return write(description, model, vocab_json(description.vocab));
}

std::string write_tokenizer_json(const UnigramDescription& description) {
  const OrderedJson model = {{"type", "Unigram"}, {"unk_id", 0}};
  return write(description, model,
               scored_vocab_json(description.vocab) + ",\n    \"byte_fallback\": true");
}

AddedToken special_token(int32_t id, std::string content) {
  AddedToken token;
  token.id = id;
  token.content = std::move(content);
  token.special = true;
  return token;
}

OrderedJson byte_level_component(bool add_prefix_space, bool trim_offsets, bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", add_prefix_space},
          {"trim_offsets", trim_offsets},
          {"use_regex", use_regex}};
}

}  // namespace weft::text
