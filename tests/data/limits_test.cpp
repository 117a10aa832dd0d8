// The limits of dataset.json and of records as docs/formats.md lists them: each at its value, and
// one beyond.
#include <gmock/gmock.h>

#include "data/dataset_manifest.h"
#include "data/text_reader.h"
#include "tests/core/refusals.h"
#include "tests/core/temporary_folder.h"

namespace weft::data {
namespace {

using testing::HasSubstr;

std::string refusal(const std::string& json) {
  return said_by([&] { parse_manifest(json, "dataset.json"); });
}

// What is within the limits is read, and found to be no manifest.
constexpr const char* kNoManifest = "describes no tokens folder";

TEST(Limits, DatasetManifestBytes) {
  const auto padded = [](size_t bytes) { return "{}" + std::string(bytes - 2, ' '); };
  EXPECT_THAT(refusal(padded(67'108'864)), HasSubstr(kNoManifest));
  EXPECT_THAT(refusal(padded(67'108'865)), HasSubstr("at most 67108864 are read"));
}

TEST(Limits, DatasetManifestDepth) {
  const auto nested = [](size_t depth) { return times("[", depth) + times("]", depth); };
  EXPECT_THAT(refusal(nested(8)), HasSubstr(kNoManifest));
  EXPECT_THAT(refusal(nested(9)), HasSubstr("nested deeper than 8 levels"));
}

TEST(Limits, DatasetManifestValues) {  // the list itself is one of them
  EXPECT_THAT(refusal("[" + times("1,", 599'998) + "1]"), HasSubstr(kNoManifest));
  EXPECT_THAT(refusal("[" + times("1,", 599'999) + "1]"), HasSubstr("more than 600000 values"));
}

// What reading the only document of a file is refused with.
std::string refusal_of(const std::string& name, const std::string& bytes,
                       const TextOptions& options = {}) {
  const TemporaryFolder folder;
  const InputFiles inputs = collect_inputs(real_file_system(), {folder.write(name, bytes)});
  return said_by([&] {
    TextReader reader(real_file_system(), inputs, options);
    for (TextPiece piece; reader.next(piece);) EXPECT_FALSE(piece.text.empty());
  });
}

TEST(Limits, FieldsOfATableRow) {
  const std::string header = [] {
    std::string names = "text";
    for (int i = 1; i < 65'536; ++i) names += "," + std::to_string(i);
    return names;
  }();
  EXPECT_EQ(refusal_of("a.csv", header + "\na" + times(",", 65'535) + "\n"), "");
  const std::string message = "the row has more than 65536 fields";
  EXPECT_THAT(refusal_of("a.csv", header + ",b\na\n"), HasSubstr("a.csv:1: " + message));
  EXPECT_THAT(refusal_of("a.csv", "text,b\na" + times(",", 65'536) + "\n"),
              HasSubstr("a.csv:2: " + message));
}

// Commas, colons and brackets outside of strings; a record of up to 2 MiB is not looked at.
TEST(Limits, ValuesOfARecord) {
  const auto record = [](int commas) {
    return R"({"text":"a,[]{}\\\\\"","b":[)" + times("0,", commas) + "0 " + times(" ", 400'000) +
           "]}\n";
  };
  EXPECT_EQ(refusal_of("a.jsonl", record(1'000'000 - 5)), "");
  EXPECT_THAT(refusal_of("a.jsonl", record(1'000'000 - 4)),
              HasSubstr("a.jsonl:1: the record has more than 1000000 values, keys and brackets"));
  EXPECT_THAT(refusal_of("a.json", "[" + record(1'000'000) + "]"), HasSubstr("more than 1000000"));
}

// The bytes of a JSON record, or of the text of a table row, that may hold what is replaced.
TEST(Limits, RecordsThatAreMended) {
  constexpr size_t kLimit = size_t{8} << 20;
  const TextOptions replacing{.invalid_utf8 = InvalidUtf8::kReplace};
  const std::string message = "at most 8388608 bytes are mended";
  for (const char* broken : {"\xff", R"(\ud800)"}) {
    const auto record = [&](size_t bytes) {
      const std::string begin = std::string(R"({"text":")") + broken, end = "\"}";
      return begin + std::string(bytes - begin.size() - end.size(), 'a') + end + "\n";
    };
    EXPECT_EQ(refusal_of("a.jsonl", record(kLimit), replacing), "") << broken;
    EXPECT_THAT(refusal_of("a.jsonl", record(kLimit + 1), replacing), HasSubstr(message)) << broken;
  }
  const auto table = [](size_t bytes) {
    return "text\n\"\xff" + std::string(bytes - 1, 'a') + "\"\n";
  };
  EXPECT_EQ(refusal_of("a.csv", table(kLimit), replacing), "");
  EXPECT_THAT(refusal_of("a.csv", table(kLimit + 1), replacing), HasSubstr(message));
}

}  // namespace
}  // namespace weft::data
