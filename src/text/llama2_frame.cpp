// Components of Llama 2's tokenizer.json (llama2_frame.h).
#include "text/llama2_frame.h"

#include <string>

namespace weft::text {

void describe_llama2_frame(TokenizerParts& description) {
  const std::string mark = "\u2581";
  const OrderedJson to_mark = {
      {"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", mark}};
  const OrderedJson from_mark = {
      {"type", "Replace"}, {"pattern", {{"String", mark}}}, {"content", " "}};
  description.normalizer = {
      {"type", "Sequence"},
      {"normalizers", OrderedJson::array({{{"type", "Prepend"}, {"prepend", mark}}, to_mark})}};
  description.decoder = {
      {"type", "Sequence"},
      {"decoders",
       OrderedJson::array({from_mark,
                           {{"type", "ByteFallback"}},
                           {{"type", "Fuse"}},
                           {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}})}};
  const auto begin = [](int type_id) {
    return OrderedJson{{"SpecialToken", {{"id", "<s>"}, {"type_id", type_id}}}};
  };
  const auto sequence = [](const char* letter, int type_id) {
    return OrderedJson{{"Sequence", {{"id", letter}, {"type_id", type_id}}}};
  };
  description.post_processor = {
      {"type", "TemplateProcessing"},
      {"single", OrderedJson::array({begin(0), sequence("A", 0)})},
      {"pair", OrderedJson::array({begin(0), sequence("A", 0), begin(1), sequence("B", 1)})},
      {"special_tokens",
       {{"<s>",
         {{"id", "<s>"},
          {"ids", OrderedJson::array({1})},
          {"tokens", OrderedJson::array({"<s>"})}}}}}};
}

}  // namespace weft::text
