// generation_config.json: the ids that end a text. What of it is refused stands in
// tests/cli/hostile_configs.cpp.
#include "generate/generation_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>

#include "weft/error.h"

namespace weft::generate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<int64_t> ends_of(const char* text) {
  return parse_generation_config(nlohmann::json::parse(text), "file").eos_token_id;
}

TEST(GenerationConfig, NamesTheIdsThatEndAText) {
  EXPECT_THAT(ends_of("null"), IsEmpty());
  EXPECT_THAT(ends_of("{}"), IsEmpty());
  EXPECT_THAT(ends_of(R"({"eos_token_id": null})"), IsEmpty());
  EXPECT_THAT(ends_of(R"({"eos_token_id": []})"), IsEmpty());
  EXPECT_THAT(ends_of(R"({"eos_token_id": 2})"), ElementsAre(2));
  EXPECT_THAT(ends_of(R"({"eos_token_id": [128001, -1, 9223372036854775807]})"),
              ElementsAre(128001, -1, INT64_MAX));
}

// As models have them that are in use.
TEST(GenerationConfig, TakesWhatHuggingFaceWrites) {
  EXPECT_THAT(ends_of(R"({"_from_model_config": true, "bos_token_id": 151643, "do_sample": true,
                          "eos_token_id": [151645, 151643], "pad_token_id": 151643, "top_k": 20,
                          "temperature": 0.7, "top_p": 0.8, "repetition_penalty": 1.05,
                          "max_length": null, "use_cache": false, "suppress_tokens": [1, 2],
                          "cache_implementation": "hybrid", "transformers_version": "4.37.0"})"),
              ElementsAre(151645, 151643));
}

TEST(GenerationConfig, RefusesOtherKindsByName) {
  for (const char* text : {R"({"eos_token_id": "2"})", R"({"eos_token_id": [2, null]})",
                           R"({"eos_token_id": 2.0})", R"({"do_sample": 1})"})
    EXPECT_THROW(ends_of(text), Error) << text;
}

}  // namespace
}  // namespace weft::generate
