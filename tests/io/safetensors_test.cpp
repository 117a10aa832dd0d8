#include "io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "tests/core/temporary_folder.h"
#include "tests/io/io_test_files.h"

namespace weft::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string written(const std::vector<TensorToWrite>& tensors,
                    const Metadata& metadata = {{"format", "pt"}}) {
  MemoryFile file;
  write_safetensors(file, tensors, metadata);
  return file.text;
}

TEST(Safetensors, ReadsWhatItWrote) {
  const TemporaryFolder folder;
  const std::string bytes =
      written({filled_tensor("bytes", StoredType::kU8, {3}, 'u'),
               filled_tensor("w \"quoted\" \u00e9", StoredType::kF32, {2, 3}, 'f'),
               filled_tensor("empty", StoredType::kBF16, {0, 7}, '?'),
               filled_tensor("scalar", StoredType::kI64, {}, 'i'),
               filled_tensor("", StoredType::kF8E4M3, {5}, '8')},
              {{"format", "pt"}, {"a \n", "\u00fc"}});
  const SafetensorsFile file(folder.write("m.safetensors", bytes));
  EXPECT_EQ(file.metadata(), (Metadata{{"format", "pt"}, {"a \n", "\u00fc"}}));
  EXPECT_EQ(file.tensors().size(), 5u);
  EXPECT_EQ(text_of(file.at("bytes").bytes), "uuu");
  EXPECT_EQ(text_of(file.at("").bytes), "88888");
  EXPECT_EQ(text_of(file.at("scalar").bytes), "iiiiiiii");
  EXPECT_TRUE(file.at("empty").bytes.empty());
  EXPECT_THAT(file.at("empty").shape, ElementsAre(0, 7));
  EXPECT_EQ(text_of(file.at("w \"quoted\" \u00e9").bytes), std::string(24, 'f'));
  for (const TensorView& tensor : file.tensors()) {
    const auto alignment = std::max<size_t>(1, static_cast<size_t>(bits_of(tensor.type)) / 8);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.bytes.data()) % alignment, 0u) << tensor.name;
  }
}

TEST(Safetensors, CopiesAreByteEqual) {
  const std::string first = written({filled_tensor("a", StoredType::kF16, {5}, 'a'),
                                     filled_tensor("b", StoredType::kF32, {1}, 'b')});
  const TemporaryFolder folder;
  const SafetensorsFile file(folder.write("m.safetensors", first));
  std::vector<TensorToWrite> copies;
  for (const TensorView& tensor : file.tensors()) copies.push_back(copy_of(tensor));
  EXPECT_EQ(written(copies, file.metadata()), first);
  EXPECT_EQ(safetensors_size(copies, file.metadata()), static_cast<int64_t>(first.size()));
}

TEST(Safetensors, StaysValidWhenMoved) {
  const TemporaryFolder folder;
  SafetensorsFile file(
      folder.write("m.safetensors", written({filled_tensor("a", StoredType::kU8, {2}, 'a')})));
  const SafetensorsFile moved = std::move(file);
  EXPECT_EQ(moved.at("a").name, "a");
  EXPECT_EQ(text_of(moved.at("a").bytes), "aa");
}

TEST(Safetensors, AFileWithoutTensorsIsFine) {
  EXPECT_TRUE(parse(written({}, {})).entries.empty());
  EXPECT_TRUE(parse(safetensors_bytes("{}", 0)).entries.empty());
  EXPECT_TRUE(parse(safetensors_bytes("{\"__metadata__\":null}", 0)).metadata.empty());
}

TEST(Safetensors, RefusesToWriteWhatCannotBeRead) {
  const auto u8 = [](const char* name) { return filled_tensor(name, StoredType::kU8, {1}, 'x'); };
  EXPECT_THAT(error_message([&] {
                written({u8("a"), u8("a")});
              }),
              HasSubstr("the name 'a' would stand twice"));
  EXPECT_THAT(error_message([&] { written({u8("__metadata__")}); }),
              HasSubstr("'__metadata__' would stand twice"));
  EXPECT_THAT(error_message([&] { written({u8("\xff")}); }), HasSubstr("is not UTF-8"));
  TensorToWrite impossible{.name = "a", .type = StoredType::kF32, .shape = {-1}, .content = {}};
  EXPECT_THAT(error_message([&] { written({impossible}); }), HasSubstr("is impossible"));
}

TEST(SafetensorsDeathTest, ATensorIsWrittenWhole) {
  TensorToWrite tensor = filled_tensor("a", StoredType::kU8, {4}, 'x');
  tensor.content = [](WritableFile& out) { out.write("abc"); };
  EXPECT_DEATH(written({tensor}), "counted.count");
}

TEST(Safetensors, FindsByNameOrSaysWhatIsMissing) {
  const TemporaryFolder folder;
  const SafetensorsFile file(
      folder.write("m.safetensors", written({filled_tensor("b", StoredType::kU8, {2}, 'b'),
                                             filled_tensor("a", StoredType::kU8, {2}, 'a')})));
  EXPECT_EQ(file.find("c"), nullptr);
  EXPECT_EQ(file.find("A"), nullptr);
  EXPECT_THAT(error_message([&] { file.at("lm_head\x1b"); }),
              HasSubstr("has no tensor 'lm_head\\x1b' among its 2"));
}

TEST(Safetensors, NamesOtherFormats) {
  const auto why = [](std::string_view bytes) { return error_message([&] { parse(bytes); }); };
  EXPECT_THAT(why("PK\x03\x04 and more"),
              AllOf(HasSubstr("f: this is a zip archive"), HasSubstr("Weft never reads pickle"),
                    HasSubstr("safe_serialization=True")));
  EXPECT_THAT(why("\x80\x02}q"), HasSubstr("a Python pickle; Weft never reads pickle"));
  EXPECT_THAT(why("GGUF\x03"), HasSubstr("a GGUF file"));
  EXPECT_THAT(why("version https://git-lfs.github.com/spec/v1\noid sha256:0"),
              HasSubstr("run: git lfs pull"));
}

std::string golden_folder() {
  const char* folder = std::getenv("WEFT_DATA");
  return folder == nullptr ? "" : folder;
}

TEST(Safetensors, OpensFilesOfOtherPrograms) {
  const Path folder = Path(golden_folder()) / "tiny-models";
  // Public models, which do not belong to the project.
  if (real_file_system().status(folder).kind != FileKind::kFolder)
    GTEST_SKIP() << "WEFT_DATA has no tiny-models: public data that may not be copied here";
  const SafetensorsFile file(folder / "tiny_llama3" / "model.safetensors");
  const TensorView& weight = file.at("model.embed_tokens.weight");
  EXPECT_EQ(weight.to_string(), "'model.embed_tokens.weight' BF16[256, 64]");
  std::vector<float> values(static_cast<size_t>(weight.elements()));
  read_floats(weight, values);
  double squares = 0;
  for (const float value : values) squares += double{value} * double{value};
  EXPECT_GT(squares, 0.0);
  EXPECT_TRUE(std::isfinite(squares));
}

}  // namespace
}  // namespace weft::io
