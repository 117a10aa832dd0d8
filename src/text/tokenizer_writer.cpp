// tokenizer.json as text (tokenizer_writer.h).
#include "text/tokenizer_writer.h"

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

// The two large members, which are not worth a tree of JSON values.
std::string vocab_and_merges(const BpeDescription& description) {
  std::string out = "    \"vocab\": {";
  for (size_t id = 0; id < description.vocab.size(); ++id) {
    out += (id == 0 ? "\n      " : ",\n      ") + quoted_json(description.vocab[id]) + ": " +
           std::to_string(id);
  }
  out += description.vocab.empty() ? "},\n" : "\n    },\n";
  out += "    \"merges\": [";
  for (size_t rank = 0; rank < description.merges.size(); ++rank) {
    const auto& [left, right] = description.merges[rank];
    out += (rank == 0 ? "\n      [\n        " : ",\n      [\n        ") + quoted_json(left) +
           ",\n        " + quoted_json(right) + "\n      ]";
  }
  return out + (description.merges.empty() ? "]" : "\n    ]");
}

}  // namespace

std::string write_tokenizer_json(const BpeDescription& description) {
  OrderedJson added = OrderedJson::array();
  for (const AddedToken& token : description.added) added.push_back(added_json(token));
  const OrderedJson document = {{"version", "1.0"},
                                {"truncation", nullptr},
                                {"padding", nullptr},
                                {"added_tokens", added},
                                {"normalizer", description.normalizer},
                                {"pre_tokenizer", description.pre_tokenizer},
                                {"post_processor", description.post_processor},
                                {"decoder", description.decoder},
                                {"model",
                                 {{"type", "BPE"},
                                  {"dropout", nullptr},
                                  {"unk_token", or_null(description.unknown_token)},
                                  {"continuing_subword_prefix", nullptr},
                                  {"end_of_word_suffix", nullptr},
                                  {"fuse_unk", description.fuse_unknown},
                                  {"byte_fallback", description.byte_fallback},
                                  {"ignore_merges", false}}}};
  std::string text = document.dump(2);
  // The model is the last member and open-ended: its two large members go before the closing
  // braces.
  const std::string tail = "\n  }\n}";
  WEFT_ASSERT(text.ends_with(tail));
  text.resize(text.size() - tail.size());
  return text + ",\n" + vocab_and_merges(description) + tail;
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
