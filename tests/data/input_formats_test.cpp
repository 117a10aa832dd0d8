// Formats of input beyond plain text and JSON lines: archives, JSON files, tables, patterns; and
// what happens with records and files that are bad.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "data/text_reader.h"
#include "tests/core/temporary_folder.h"

namespace weft::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string gzip(std::string_view text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

// A frame without content that asks for a window of 2^(10 + exponent) bytes and `eighths` of it.
std::string zstd_window(int exponent, int eighths) {
  const char window = static_cast<char>(exponent << 3 | eighths);
  return std::string("\x28\xb5\x2f\xfd\0", 5) + window + std::string("\x01\0\0", 3);
}

// A frame that holds nothing but room.
std::string zstd_padding(uint32_t size) {
  std::string frame = "\x50\x2a\x4d\x18";
  for (int shift = 0; shift < 32; shift += 8) frame += static_cast<char>(size >> shift);
  return frame.append(size, '\0');
}

class InputFormats : public ::testing::Test {
 protected:
  std::string write(const std::string& name, std::string_view bytes) {
    return folder_.write(name, bytes).string();
  }
  std::vector<std::string> documents(const std::vector<std::string>& inputs,
                                     const TextOptions& options = {},
                                     const InputOptions& input = {}) {
    const InputFiles files = collect_inputs(real_file_system(), inputs, input);
    TextReader reader(real_file_system(), files, options);
    std::vector<std::string> result;
    int64_t place = 0;
    for (TextPiece piece; reader.next(piece);) {
      EXPECT_LE(place, piece.input_begin);
      EXPECT_LE(piece.input_begin, piece.input_end);
      place = piece.input_end;
      if (piece.begins_document) result.emplace_back();
      result.back() += piece.text;
    }
    EXPECT_LE(place, files.bytes);
    LeftOutCounts all = files.left_out;
    all.add(reader.left_out());
    left_out_.clear();
    for (const LeftOut& item : all.items()) {
      left_out_.push_back(std::to_string(item.count) + " x " + item.reason);
      example_ = item.example;
    }
    hashes_ = reader.file_hashes();
    return result;
  }
  std::string error_for(const std::string& name, std::string_view bytes,
                        const TextOptions& options = {}) {
    const std::string file = write(name, bytes);
    return error_message([&] { documents({file}, options); });
  }

  TemporaryFolder folder_;
  std::vector<std::string> left_out_;
  std::vector<std::string> hashes_;
  std::string example_;
};

TEST_F(InputFormats, ReadsArchives) {
  std::string lines;
  for (int i = 0; i < 50000; ++i) lines += "line number " + std::to_string(i) + " of the text\n";
  const std::string records = "{\"text\": \"one\"}\n{\"text\": \"two\"}\n";
  EXPECT_THAT(documents({write("a.txt.gz", gzip(lines)), write("b.txt.zst", zstd(lines + "!"))}),
              ElementsAre(lines, lines + "!"));
  EXPECT_THAT(documents({write("c.jsonl.gz", gzip(records)), write("d.jsonl.zst", zstd(records))}),
              ElementsAre("one", "two", "one", "two"));
  EXPECT_EQ(hashes_.size(), 2u);
  EXPECT_EQ(hashes_[0], io::hash_hex(gzip(records)));
}

TEST_F(InputFormats, ReadsArchivesPutEndToEnd) {
  EXPECT_THAT(documents({write("a.txt.gz", gzip("one ") + gzip("two") + std::string(512, '\0'))}),
              ElementsAre("one two"));
  EXPECT_THAT(documents({write("b.txt.zst", zstd("one ") + zstd("two"))}), ElementsAre("one two"));
}

TEST_F(InputFormats, RefusesDamagedArchivesWithThePlace) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += std::to_string(i * 7919 % 10007) + " ";
  for (const auto& [name, bytes] :
       {std::pair{"cut.txt.gz", gzip(text)}, {"cut.txt.zst", zstd(text)}})
    for (const size_t size : {size_t{1}, bytes.size() / 2, bytes.size() - 1})
      EXPECT_THAT(error_for(name, bytes.substr(0, size)),
                  AllOf(HasSubstr(name), HasSubstr("at byte "), HasSubstr("cut short")))
          << size;
  for (const auto& [name, bytes] : {std::pair{"twice.txt.gz", gzip(gzip(text))},
                                    {"both.txt.zst", zstd(gzip(text))},
                                    {"and.jsonl.gz", gzip(zstd(text))}})
    EXPECT_THAT(error_for(name, bytes), HasSubstr("an archive lies within the archive")) << name;
  EXPECT_THAT(error_for("no.txt.gz", "plain text"), HasSubstr("at byte 0: no gzip data"));
  EXPECT_THAT(error_for("no.txt.zst", "plain text"), HasSubstr("at byte 0: no zstd data"));
  EXPECT_THAT(error_for("tail.txt.gz", gzip(text) + "garbage"), HasSubstr("no gzip data"));
  std::string flipped = gzip(text);
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 4);
  EXPECT_THAT(error_for("flipped.txt.gz", flipped), HasSubstr("no gzip data"));
}

TEST_F(InputFormats, RefusesDecompressionBombs) {
  const std::string zeros(20 << 20, 'a');
  EXPECT_THAT(error_for("bomb.txt.gz", gzip(zeros)), HasSubstr("a decompression bomb"));
  EXPECT_THAT(error_for("bomb.txt.zst", zstd(zeros)), HasSubstr("a decompression bomb"));
  EXPECT_EQ(documents({write("small.txt.gz", gzip(zeros.substr(0, 4 << 20)))})[0].size(), 4u << 20);
}

TEST_F(InputFormats, LimitsTheWindowOfAnArchiveByItsSize) {
  EXPECT_EQ(documents({write("at.txt.zst", zstd_window(15, 0) + zstd("text"))})[0], "text");
  EXPECT_THAT(error_for("over.txt.zst", zstd_window(15, 1) + zstd("text")),
              HasSubstr("at byte 0: the archive asks for a window of more than 32 MiB"));
  const std::string large = zstd("text") + zstd_padding(64 << 20);
  EXPECT_EQ(documents({write("large.txt.zst", zstd_window(16, 0) + large)})[0], "text");
  EXPECT_THAT(error_for("larger.txt.zst", zstd_window(16, 1) + large),
              HasSubstr("of more than 64 MiB, the most for its size; unpack it with 'zstd -d"));
}

TEST_F(InputFormats, SkipsTheRestOfADamagedFileWhereAsked) {
  std::string records;
  for (int i = 0; i < 200000; ++i)
    records += "{\"text\": \"" + std::to_string(i * 31 % 9973) + "\"}\n";
  const std::string bytes = gzip(records);
  const std::string cut = write("cut.jsonl.gz", bytes.substr(0, bytes.size() - 9));
  const auto found = documents({cut, write("good.txt", "good")}, {.bad_input = BadInput::kSkip});
  EXPECT_GT(found.size(), 100000u);
  EXPECT_EQ(found.back(), "good");
  EXPECT_THAT(left_out_, ElementsAre("1 x file, or rest of one, that could not be read"));
  EXPECT_THAT(example_, AllOf(HasSubstr("cut.jsonl.gz"), HasSubstr("cut short")));
  EXPECT_EQ(hashes_[0], "");
}

// Also where all of it comes out of the archive at once.
TEST_F(InputFormats, WhatComesBeforeTheDamageOfAnArchiveIsRead) {
  std::string records;
  for (int i = 0; i < 20000; ++i)
    records += "{\"text\": \"" + std::to_string(i * 31 % 9973) + "\"}\n";
  for (const auto& [name, bytes] :
       {std::pair{"cut.jsonl.gz", gzip(records)}, {"cut.jsonl.zst", zstd(records)}}) {
    const std::string cut = write(name, bytes.substr(0, bytes.size() - 9));
    const auto found = documents({cut}, {.bad_input = BadInput::kSkip});
    EXPECT_GT(found.size(), 5000u) << name;
    EXPECT_THAT(left_out_, ElementsAre("1 x file, or rest of one, that could not be read"));
    EXPECT_THAT(error_message([&] { documents({cut}, {}); }), HasSubstr("cut short"));
  }
}

TEST_F(InputFormats, AFileThatVanishesOrGrowsIsNoticed) {
  const std::string gone = write("gone.txt", "gone"),
                    grows = write("grows.jsonl", "{\"text\": \"a\"}\n");
  const InputFiles inputs = collect_inputs(real_file_system(), {gone, grows});
  std::filesystem::remove(gone);
  write("grows.jsonl", "{\"text\": \"a\"}\n{\"text\": \"b\"}\n");
  const auto read = [&](BadInput policy) {
    TextReader reader(real_file_system(), inputs, {.bad_input = policy});
    for (TextPiece piece; reader.next(piece);) continue;
    return reader.left_out().items();
  };
  EXPECT_THAT(error_message([&] { read(BadInput::kStop); }), HasSubstr("gone.txt"));
  const auto left = read(BadInput::kSkip);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].count, 2);
}

TEST_F(InputFormats, ReadsJsonFiles) {
  EXPECT_THAT(
      documents(
          {write("a.json", "\xEF\xBB\xBF [ {\"text\": \"a, ]}\\\"\"} ,\n{\"text\":\n\"b\"}\n]\n"),
           write("b.json", "{\"text\": \"c\"}\n{\"text\": \"d\"}"),
           write("c.json", "{\n \"text\":\n \"e\"\n}\n")}),
      ElementsAre("a, ]}\"", "b", "c", "d", "e"));
  EXPECT_THAT(documents({write("d.json", "[]"), write("e.json", "[{\"text\": \"x\"}]")}),
              ElementsAre("x"));
}

TEST_F(InputFormats, SaysWhereAJsonFileIsWrong) {
  EXPECT_THAT(error_for("a.json", "[{\"text\": \"a\"},\n{\"text\": \"b\"}\n"),
              HasSubstr("a.json:3: the list is not closed"));
  EXPECT_THAT(error_for("a.json", "[{\"text\": \"a\"}\n{\"text\": \"b\"}]"),
              HasSubstr("a.json:2: a comma is missing"));
  EXPECT_THAT(error_for("a.json", "[{\"text\": \"a\"},]"), HasSubstr("a value is missing"));
  EXPECT_THAT(error_for("a.json", "[{\"text\": \"a\"}] x"), HasSubstr("follows the end"));
  EXPECT_THAT(error_for("a.json", "[1]"), HasSubstr("a number, no object"));
  EXPECT_THAT(error_for("a.json", "[\n{\"text\": }]"), HasSubstr("a.json:2: the line is no JSON"));
  const std::string deep = "[" + std::string(100000, '[') + std::string(100000, ']') + "]";
  EXPECT_THAT(error_for("a.json", deep), HasSubstr("a.json:1"));
  EXPECT_THAT(error_for("a.json", "[{\"text\": \"" + std::string(5000, 'x') + "\"}]",
                        {.max_line_bytes = 1000}),
              HasSubstr("more than 1000 bytes"));
}

TEST_F(InputFormats, FollowsPathsIntoRecords) {
  const std::string record =
      R"({"a": {"b": [{"text": "deep"}, {"text": 5}], "c.d": "dotted", "e[0]": "bracket"}})";
  const auto at = [&](const std::string& field) {
    return documents({write("a.jsonl", record)}, {.text_field = field})[0];
  };
  EXPECT_EQ(at("a.b[0].text"), "deep");
  EXPECT_EQ(at("a.c.d"), "dotted");
  EXPECT_EQ(at("a.e[0]"), "bracket");
  const auto error = [&](const std::string& field) {
    return error_for("a.jsonl", record, {.text_field = field});
  };
  EXPECT_THAT(error("a.b[1].text"),
              HasSubstr("field `a.b[1].text` is a number, allowed is a string"));
  EXPECT_THAT(error("a.b[2].text"), HasSubstr("field `a.b` has 2 items, no item [2]"));
  EXPECT_THAT(error("a[0]"), HasSubstr("field `a` is an object, allowed is a list"));
  EXPECT_THAT(error("a.b[x]"), HasSubstr("'a.b[x]' is no path"));
  EXPECT_THAT(error("a.b.text"), HasSubstr("field `a.b` is a list, allowed is an object with"));
}

TEST_F(InputFormats, SkipsBadRecordsWhereAsked) {
  const std::string lines = "{\"text\": \"good\"}\n{broken\n{\"other\": 1}\n{\"text\": 7}\n" +
                            ("{\"text\": \"" + std::string(3000000, 'x') + "\"}\n") +
                            "[1]\n\n{\"text\": \"end\"}";
  const TextOptions options{.bad_input = BadInput::kSkip, .max_line_bytes = 1 << 20};
  EXPECT_THAT(documents({write("a.jsonl", lines)}, options), ElementsAre("good", "end"));
  EXPECT_THAT(left_out_, ElementsAre("1 x malformed record", "3 x record without its text",
                                     "1 x record that is too long", "1 x blank line"));
}

// Each is counted, the first of each kind is told with its place; the others cost no message.
TEST_F(InputFormats, LeavesOutManyBadRecords) {
  const std::string bad[] = {"{broken\n",
                             "{\"other\": 1}\n",
                             "{\"text\": 7}\n",
                             "{\"text\": \"\xFF\"}\n",
                             "{\"text\": \"\\ud800\"}\n",
                             "[1]\n"};
  std::string lines;
  for (int i = 0; i < 10'000; ++i)
    for (const std::string& line : bad) lines += line;
  const InputFiles files =
      collect_inputs(real_file_system(), {write("a.jsonl", lines + "{\"text\": \"end\"}")});
  TextReader reader(real_file_system(), files, {.bad_input = BadInput::kSkip});
  TextPiece piece;
  ASSERT_TRUE(reader.next(piece));
  EXPECT_EQ(piece.text, "end");
  EXPECT_EQ(piece.line, 60'001);
  EXPECT_FALSE(reader.next(piece));
  const std::vector<LeftOut>& left_out = reader.left_out().items();
  ASSERT_EQ(left_out.size(), 3u);
  EXPECT_EQ(left_out[0].count, 10'000);
  EXPECT_THAT(left_out[0].example, HasSubstr("a.jsonl:1: the line is no JSON"));
  EXPECT_EQ(left_out[1].count, 30'000);
  EXPECT_THAT(left_out[1].example, HasSubstr("a.jsonl:2: field `text` is missing"));
  EXPECT_EQ(left_out[2].count, 20'000);
  EXPECT_THAT(left_out[2].example, HasSubstr("a.jsonl:4: the line has no UTF-8 text at byte 10"));
}

TEST_F(InputFormats, ReadsTables) {
  EXPECT_THAT(
      documents({write("a.csv",
                       "\xEF\xBB\xBFid,text\r\n1,plain\r\n\r\n"
                       "2,\"with, comma\nand \"\"quotes\"\"\"\r\n3,\n4,5\" pipe\n"),
                 write("b.tsv", "text\tid\nwith, comma\t1\nlast\t2")}),
      ElementsAre("plain", "with, comma\nand \"quotes\"", "5\" pipe", "with, comma", "last"));
  EXPECT_THAT(left_out_,
              ElementsAre("1 x byte order mark removed", "1 x blank line", "1 x empty document"));
  EXPECT_THAT(documents({write("c.csv", "text\n\"\"\nx\n")}), ElementsAre("x"));
  EXPECT_THAT(documents({write("d.csv.gz", gzip("body,x\nzipped,1\n"))}, {.text_field = "body"}),
              ElementsAre("zipped"));
}

// Each of them is a part of the field, and none costs memory of its own.
TEST_F(InputFormats, ReadsFieldsOfManyCarriageReturns) {
  const std::string many(300'000, '\r');
  EXPECT_THAT(documents({write("a.csv", "text\nx" + many + "y\nz\n")}),
              ElementsAre("x" + many + "y", "z"));
}

TEST_F(InputFormats, SaysWhereATableIsWrong) {
  EXPECT_THAT(error_for("a.csv", "text,id,text\nx,1,y\n"),
              HasSubstr("a.csv:1:9: column 'text' stands there twice"));
  EXPECT_THAT(error_for("a.csv", "id,body\n1,x\n"),
              AllOf(HasSubstr("column 'text' is missing"), HasSubstr("'id', 'body'")));
  EXPECT_THAT(error_for("a.csv", "id,text\n1,\"x\ny\"\n2,a,b\n"),
              HasSubstr("a.csv:4: the row has 3 fields, the header 2"));
  EXPECT_THAT(error_for("a.csv", "text\n\"x\"y\n"),
              HasSubstr("a.csv:2: text follows a closing quote"));
  EXPECT_THAT(error_for("a.csv", "text\nx\n\"y\nz\n"), HasSubstr("a.csv:3: a quote that opens"));
  EXPECT_THAT(error_for("a.csv", "text\nx\xFF\n"),
              HasSubstr("a.csv:2: the line has text that is no UTF-8"));
  EXPECT_THAT(documents({write("b.csv", "text,n\na,1\nb\n\"c\"d,2\ne,3\n")},
                        {.bad_input = BadInput::kSkip}),
              ElementsAre("a", "e"));
  EXPECT_THAT(left_out_, ElementsAre("2 x malformed record"));
}

TEST_F(InputFormats, ExpandsPatterns) {
  for (const char* name : {"in/b.txt", "in/a.txt", "in/deep/c.txt", "in/.hidden.txt", "in/d.jpg"})
    write(name, name);
  const std::string in = (folder_ / "in").string();
  EXPECT_THAT(documents({in + "/*.txt"}), ElementsAre("in/a.txt", "in/b.txt"));
  EXPECT_THAT(documents({in + "/**/*.txt"}), ElementsAre("in/a.txt", "in/b.txt", "in/deep/c.txt"));
  EXPECT_THAT(documents({in + "/[b-z].txt"}), ElementsAre("in/b.txt"));
  EXPECT_THAT(error_message([&] { documents({in + "/*.jsonl"}); }), HasSubstr("matches no file"));
  EXPECT_THAT(documents({write("odd[1].txt", "a name of its own")}),
              ElementsAre("a name of its own"));
}

TEST_F(InputFormats, NamesTheCommandThatConvertsOtherData) {
  EXPECT_THAT(error_for("it's.parquet", "PAR1"),
              AllOf(HasSubstr("read_parquet"), HasSubstr("duckdb"), HasSubstr("it'\\''s.jsonl'")));
  EXPECT_THAT(error_for("a.arrow", "ARROW1"), HasSubstr("pyarrow.ipc.open_file"));
  EXPECT_THAT(error_for("a.feather", "ARROW1"), HasSubstr("read_feather"));
  EXPECT_THAT(error_for("a.pdf", "x"), HasSubstr("allowed are .txt, .jsonl"));
  // Whatever the name says.
  EXPECT_THAT(error_for("p.jsonl", std::string("PAR1\x15\x04\x15\0", 8)),
              AllOf(HasSubstr("p.jsonl' is a Parquet file"), HasSubstr("read_parquet"),
                    HasSubstr("p.converted.jsonl'")));
  EXPECT_THAT(error_for("a.txt", std::string("ARROW1\0\0\xFF\xFF", 10)),
              AllOf(HasSubstr("is an Arrow file"), HasSubstr("pyarrow.ipc.open_file")));
  EXPECT_THAT(error_for("f.csv", std::string("FEA1\0\0", 6)), HasSubstr("read_feather"));
  EXPECT_THAT(documents({write("p.txt", "PAR1 is a name")}), ElementsAre("PAR1 is a name"));
  write("in/a.parquet", "PAR1");
  EXPECT_THAT(error_message([&] { documents({(folder_ / "in").string()}); }),
              HasSubstr("read_parquet"));
  EXPECT_THAT(
      documents({write("lines.log", "{\"text\": \"x\"}\n")}, {}, {.format = InputKind::kJsonLines}),
      ElementsAre("x"));
}

}  // namespace
}  // namespace weft::data
