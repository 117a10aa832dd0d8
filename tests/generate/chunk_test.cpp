// How prompts are cut into chunks.
#include <gtest/gtest.h>

#include "generate/cached_model.h"

namespace weft::generate {
namespace {

TEST(PromptChunk, HoldsAShortPromptWithLittlePadding) {
  EXPECT_EQ(chunk_for(1), 16);
  EXPECT_EQ(chunk_for(17), 16) << "the last token is decoded";
  EXPECT_EQ(chunk_for(18), 32);
  EXPECT_EQ(chunk_for(32), 32);
  EXPECT_EQ(chunk_for(257), 256);
}

TEST(PromptChunk, CutsALongPromptIntoEqualParts) {
  EXPECT_EQ(chunk_for(258), 144);
  for (const int64_t prompt : {300, 512, 1000, 4096, 100000}) {
    const int64_t chunk = chunk_for(prompt), parts = (prompt - 1 + chunk - 1) / chunk;
    EXPECT_LE(chunk, 256) << prompt;
    EXPECT_LT(parts * chunk - (prompt - 1), parts * 16 + 16) << prompt;
  }
}

}  // namespace
}  // namespace weft::generate
