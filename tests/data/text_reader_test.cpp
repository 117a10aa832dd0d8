// Reading documents: which files, which text, which errors.
#include "data/text_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "data/content_hash.h"
#include "tests/core/temporary_folder.h"

namespace weft::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// "2 x symbolic link", ...
std::vector<std::string> counts_of(const LeftOutCounts& left_out) {
  std::vector<std::string> lines;
  for (const LeftOut& item : left_out.items())
    lines.push_back(std::to_string(item.count) + " x " + item.reason);
  return lines;
}

class TextInput : public ::testing::Test {
 protected:
  InputFiles collect(const std::vector<std::string>& inputs) {
    return collect_inputs(real_file_system(), inputs);
  }
  std::vector<std::string> names(const InputFiles& inputs) {
    std::vector<std::string> result;
    for (const InputFile& file : inputs.files)
      result.push_back(file.path.lexically_relative(folder_.path()).string());
    return result;
  }
  // The documents of inputs; pieces of one document are joined.
  std::vector<std::string> documents(const std::vector<std::string>& inputs,
                                     const TextOptions& options = {}) {
    const InputFiles files = collect(inputs);
    TextReader reader(real_file_system(), files, options);
    std::vector<std::string> result;
    bool open = false;
    int64_t place = 0;
    for (TextPiece piece; reader.next(piece);) {
      EXPECT_EQ(piece.begins_document, !open);
      EXPECT_FALSE(piece.text.empty());
      EXPECT_LE(place, piece.input_begin);
      EXPECT_LE(piece.input_begin, piece.input_end);
      place = piece.input_end;
      if (piece.begins_document) result.emplace_back();
      result.back() += piece.text;
      open = !piece.ends_document;
    }
    EXPECT_FALSE(open);
    EXPECT_LE(place, files.bytes);
    left_out_ = counts_of(reader.left_out());
    return result;
  }
  std::string path(const std::string& name) { return (folder_ / name).string(); }
  std::string write(const std::string& name, std::string_view text) {
    return folder_.write(name, text).string();
  }
  // The error for a file of this text.
  std::string error_for(const std::string& name, std::string_view text,
                        const TextOptions& options = {}) {
    write(name, text);
    return error_message([&] { documents({path(name)}, options); });
  }
  TemporaryFolder folder_;
  std::vector<std::string> left_out_;
};

TEST_F(TextInput, FindsFilesOfFoldersSortedByPath) {
  for (const char* name :
       {"b.txt", "a/z.txt", "a/b/c.jsonl", "LICENSE", "GPL-3", "Apache-2.0", "a.TXT"})
    write(name, std::string("text of ") + name);
  write("copy.txt", "text of b.txt");
  write("empty.txt", "");
  write("picture.png", "x");
  write(".git/config.txt", "hidden");
  write("tokens/dataset.json", "{}");
  write("tokens/vocab.txt", "the");
  std::filesystem::create_symlink(path("b.txt"), path("link.txt"));
  std::filesystem::create_symlink(path("a"), path("link_to_folder"));
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const InputFiles inputs = collect({folder_.path().string()});
  EXPECT_THAT(names(inputs), ElementsAre("Apache-2.0", "GPL-3", "LICENSE", "a/b/c.jsonl", "a/z.txt",
                                         "a.TXT", "b.txt"));
  EXPECT_EQ(inputs.files[3].kind, InputKind::kJsonLines);
  EXPECT_EQ(inputs.files[0].kind, InputKind::kText);
  EXPECT_THAT(counts_of(inputs.left_out),
              ::testing::UnorderedElementsAre(
                  "1 x hidden file or folder", "1 x tokens folder", "1 x empty file",
                  "2 x symbolic link", "1 x not a regular file", "1 x file with another extension",
                  "1 x duplicate of an earlier file"));
  int64_t bytes = 0;
  for (const InputFile& file : inputs.files) bytes += file.size;
  EXPECT_EQ(inputs.bytes, bytes);
}

TEST_F(TextInput, KeepsTheOrderOfInputsAndDropsRepeatedOnes) {
  const std::string b = write("b.txt", "second"), a = write("a.txt", "first!");
  const InputFiles inputs = collect({b, a, b});
  EXPECT_THAT(names(inputs), ElementsAre("b.txt", "a.txt"));
  EXPECT_THAT(counts_of(inputs.left_out), ElementsAre("1 x duplicate of an earlier file"));
  std::filesystem::create_symlink(b, path("named_link.txt"));
  EXPECT_EQ(collect({path("named_link.txt")}).files.size(), 1u);  // named links are followed
}

TEST_F(TextInput, SaysWhatIsWrongWithInputs) {
  const auto error = [&](const std::string& input) {
    return error_message([&] { collect({input}); });
  };
  EXPECT_THAT(error_message([&] { collect({}); }), HasSubstr("no input is given"));
  EXPECT_THAT(error(path("none.txt")),
              AllOf(HasSubstr("none.txt'"), HasSubstr("there is no such")));
  std::filesystem::create_symlink("nowhere", path("dangling"));
  EXPECT_THAT(error(path("dangling")), HasSubstr("the link's target does not exist"));
  EXPECT_THAT(error(write("empty.txt", "")), HasSubstr("empty.txt' is empty"));
  EXPECT_THAT(error(write("table.zip", "PK")), HasSubstr("files of kind .zip are not read"));
  EXPECT_THAT(error(write("x.Parquet", "PAR1")), HasSubstr("files of kind .Parquet"));
  write("tokens/dataset.json", "{}");
  EXPECT_THAT(error(path("tokens")), HasSubstr("it is the outcome of `weft prepare`"));
  std::filesystem::create_directories(path("bare"));
  EXPECT_THAT(error(path("bare")), AllOf(HasSubstr("holds no text"), HasSubstr("it is empty")));
  write("pictures/a.png", "x");
  write("pictures/b.png", "y");
  EXPECT_THAT(error(path("pictures")),
              AllOf(HasSubstr("holds no text"), HasSubstr("2 x file with another extension"),
                    HasSubstr("a.png")));
  ASSERT_EQ(::mkfifo(path("pipe.txt").c_str(), 0600), 0);
  EXPECT_THAT(error(path("pipe.txt")), HasSubstr("neither a file nor a folder"));
}

TEST_F(TextInput, ATextFileIsOneDocument) {
  const std::string a = write("a.txt", "one\n\ntwo\r\n"), b = write("b.txt", "three");
  EXPECT_THAT(documents({a, b}), ElementsAre("one\n\ntwo\r\n", "three"));
  EXPECT_THAT(left_out_, ElementsAre());
}

TEST_F(TextInput, AByteOrderMarkIsNoText) {
  const std::string a = write("a.txt", "\xEF\xBB\xBFtext"), b = write("b.txt", "\xEF\xBB\xBF");
  const std::string c = write("c.jsonl", "\xEF\xBB\xBF{\"text\": \"x\"}\n");
  EXPECT_THAT(documents({a, b, c}), ElementsAre("text", "x"));
  EXPECT_THAT(left_out_, ElementsAre("3 x byte order mark removed", "1 x empty file"));
}

TEST_F(TextInput, LongDocumentsComeInPiecesThatJoinToTheWhole) {
  std::string text;
  for (int i = 0; i < 400; ++i)
    text += "line " + std::to_string(i * i) + (i % 7 == 0 ? " é漢😀\n\n" : "\n");
  const std::string a = write("a.txt", text);
  const std::string b = write("b.jsonl", "{\"text\": \"" + std::string(5000, 'x') + "\"}\n");
  for (const int64_t piece_bytes : {4, 5, 7, 16, 100, 4096, 100000}) {
    const auto read = documents({a, b}, {.piece_bytes = piece_bytes});
    ASSERT_THAT(read, ElementsAre(text, std::string(5000, 'x'))) << piece_bytes;
  }
}

TEST_F(TextInput, TheHashIsThatOfTheWholeDocument) {
  const std::string text(100000, 'a');
  const InputFiles files =
      collect({write("a.txt", text), write("b.jsonl", "{\"text\": \"" + text + "\"}")});
  TextReader reader(real_file_system(), files, {.piece_bytes = 1000, .hash_seed = 5});
  int pieces = 0;
  for (TextPiece piece; reader.next(piece); ++pieces)
    ASSERT_EQ(piece.document_hash, hash64(text, 5));
  EXPECT_EQ(pieces, 200);
}

TEST_F(TextInput, PiecesEndWhereTokenizersCutAnyway) {
  EXPECT_EQ(piece_end("abc\ndef\n\nghi", 10), 4u);  // not between the two line ends
  EXPECT_EQ(piece_end("abc def\n\nghi", 10), 9u);   // no better line end
  EXPECT_EQ(piece_end("abc def ghi", 10), 8u);
  EXPECT_EQ(piece_end("abcdefghijk", 10), 10u);
  EXPECT_EQ(piece_end("abcdefghi\xC3\xA9z", 10), 9u);
  EXPECT_EQ(piece_end("abcdefg\xF0\x9F\x98\x80z", 10), 7u);
  EXPECT_EQ(piece_end("\x80\x80\x80\x80\x80\x80\x80\x80", 6), 6u);
}

TEST_F(TextInput, JsonLinesAreDocuments) {
  const std::string a = write("a.jsonl",
                              "{\"id\": 1, \"text\": \"one\\ntwo \\u00e9 \\ud83d\\ude00\"}\r\n"
                              "\n"
                              "   \n"
                              "{\"text\": \"\"}\n"
                              "{\"text\": \"last\", \"meta\": {\"text\": \"not this\"}}");
  EXPECT_THAT(documents({a}), ElementsAre("one\ntwo \xC3\xA9 \xF0\x9F\x98\x80", "last"));
  EXPECT_THAT(left_out_, ElementsAre("2 x blank line", "1 x empty document"));
}

TEST_F(TextInput, TheFieldMayBeNested) {
  const std::string a = write("a.jsonl", "{\"message\": {\"content\": \"x\"}, \"a.b\": \"y\"}\n");
  EXPECT_THAT(documents({a}, {.text_field = "message.content"}), ElementsAre("x"));
  EXPECT_THAT(documents({a}, {.text_field = "a.b"}), ElementsAre("y"));
}

TEST_F(TextInput, SaysFileAndLineOfBadJson) {
  const auto error = [&](std::string_view line, const std::string& field = "text") {
    return error_for("a.jsonl", "{\"text\": \"good\"}\n\n" + std::string(line) + "\n",
                     {.text_field = field});
  };
  EXPECT_THAT(error("{\"text\": \"x\""), AllOf(HasSubstr("a.jsonl:3: "), HasSubstr("is no JSON")));
  EXPECT_THAT(error("{\"text\": \"x\"} {\"text\": \"y\"}"),
              HasSubstr("a.jsonl:3: the line is no JSON"));
  EXPECT_THAT(error("text"), HasSubstr("a.jsonl:3: the line is no JSON"));
  EXPECT_THAT(error("[1, 2]"), HasSubstr("a.jsonl:3: the line is a list, no object"));
  EXPECT_THAT(error("\"text\""), HasSubstr("is a string, no object"));
  EXPECT_THAT(
      error("{\"txt\": \"x\", \"id\": 3}"),
      HasSubstr("a.jsonl:3: field `text` is missing; the line has `txt`, `id`; --text-field"));
  EXPECT_THAT(error("{}"), HasSubstr("the line has no fields"));
  EXPECT_THAT(error("{\"text\": 5}"), HasSubstr("field `text` is a number, allowed is a string"));
  EXPECT_THAT(error("{\"text\": null}"), HasSubstr("field `text` is null"));
  EXPECT_THAT(error("{\"text\": [\"x\"]}"), HasSubstr("field `text` is a list"));
  EXPECT_THAT(error("{\"text\": \"x\", \"text\": \"y\"}"),
              HasSubstr("field `text` stands there 2 times"));
  EXPECT_THAT(error(std::string(5000, '[') + std::string(5000, ']')), HasSubstr("a.jsonl:3"));
  const auto nested = [&](std::string_view line) {
    write("b.jsonl", std::string(line));
    return error_message([&] { documents({path("b.jsonl")}, {.text_field = "m.content"}); });
  };
  EXPECT_THAT(nested("{\"m\": \"x\"}"),
              HasSubstr("field `m` is a string, allowed is an object with `content`"));
  EXPECT_THAT(nested("{\"m\": {\"text\": \"x\"}}"), HasSubstr("field `content` is missing"));
  EXPECT_THAT(nested("{\"m\": {\"content\": true}}"),
              HasSubstr("field `m.content` is true or false"));
}

TEST_F(TextInput, LimitsTheLengthOfLines) {
  const std::string line = "{\"text\": \"" + std::string(100, 'x') + "\"}";
  const auto read = [&](int64_t limit, const std::string& text) {
    return documents({write("a.jsonl", text)}, {.max_line_bytes = limit});
  };
  const int64_t size = static_cast<int64_t>(line.size());
  EXPECT_EQ(read(size, line + "\n" + line).size(), 2u);
  EXPECT_THAT(error_message([&] { read(size - 1, line); }),
              HasSubstr("a.jsonl:1: the record has more than 111 bytes"));
  // Without end, and larger than the reader's buffer.
  EXPECT_THAT(error_message([&] { read(1000, line + "\n" + std::string(3 << 20, ' ')); }),
              HasSubstr("a.jsonl:2: the record has more than 1000 bytes"));
  const std::string longer(3 << 20, 'y');
  EXPECT_THAT(read(4 << 20, "{\"text\": \"" + longer + "\"}\n" + line),
              ElementsAre(longer, std::string(100, 'x')));
}

TEST_F(TextInput, StopsAtBytesThatAreNoText) {
  EXPECT_THAT(error_for("a.txt", "good \xC3\xA9 bad \xC3("),
              AllOf(HasSubstr("a.txt' has a byte that is no UTF-8 at byte 12"),
                    HasSubstr("--invalid-utf8 replace"), HasSubstr("--invalid-utf8 skip")));
  EXPECT_THAT(error_for("b.txt", std::string_view("\x7F"
                                                  "ELF\0\0",
                                                  6)),
              HasSubstr("b.txt' has a NUL byte (a binary file?) at byte 4"));
  EXPECT_THAT(error_for("c.txt", std::string_view("\xFF\xFEh\0i\0", 6)), HasSubstr("UTF-16"));
  EXPECT_THAT(error_for("d.txt",
                        "\xEF\xBB\xBF"
                        "ab\xFF"),
              HasSubstr("at byte 5"));
  // In a later piece.
  EXPECT_THAT(error_for("e.txt", std::string(3 << 20, 'x') + "\xFF"), HasSubstr("at byte 3145728"));
  EXPECT_THAT(error_for("f.jsonl", "\n{\"text\": \"\xFF\"}"),
              HasSubstr("f.jsonl:2: the line has no UTF-8 text at byte 10 of the line"));
  EXPECT_THAT(error_for("g.jsonl", "{\"text\": \"\\ud800 x\"}"),
              HasSubstr("g.jsonl:1: the line has half of a surrogate pair"));
  EXPECT_THAT(error_for("h.jsonl", "{\"text\": \"\\udc00\"}"), HasSubstr("half of a surrogate"));
  EXPECT_THAT(error_for("i.jsonl", "{\"text\": \"a\\u0000b\"}"), HasSubstr("a NUL character"));
}

TEST_F(TextInput, ReplacesWhatIsNoTextIfAsked) {
  const TextOptions replace = {.invalid_utf8 = InvalidUtf8::kReplace};
  const std::string a = write("a.txt", std::string_view("x\xFFy\0z\xE2\x82", 7));
  const std::string b = write("b.jsonl",
                              "{\"text\": \"\xFF\xC3\xA9\"}\n{\"text\": \"\\ud800\\n\"}\n"
                              "{\"text\": \"\\u0000\"}\n{\"text\": \"\\udc00\xFF\"}\n");
  EXPECT_THAT(documents({a, b}, replace),
              ElementsAre("x\xEF\xBF\xBDy\xEF\xBF\xBDz\xEF\xBF\xBD", "\xEF\xBF\xBD\xC3\xA9",
                          "\xEF\xBF\xBD\n", "\xEF\xBF\xBD", "\xEF\xBF\xBD\xEF\xBF\xBD"));
  EXPECT_THAT(left_out_, ElementsAre("8 x malformed sequence replaced by U+FFFD"));
}

TEST_F(TextInput, LeavesOutDocumentsThatAreNoTextIfAsked) {
  const TextOptions skip = {.invalid_utf8 = InvalidUtf8::kSkip};
  const std::string a = write("a.txt", std::string(3 << 20, 'x') + "\xFF"),
                    b = write("b.txt", "good"),
                    c = write(
                        "c.jsonl",
                        "{\"text\": \"\xFF\"}\n{\"text\": \"fine\"}\n{\"text\": \"\\udc00\"}\n"
                        "{\"text\": \"\\u0000\"}");
  EXPECT_THAT(documents({a, b, c}, skip), ElementsAre("good", "fine"));
  EXPECT_THAT(left_out_, ElementsAre("4 x document that is no UTF-8 text"));
}

// A folder may have millions of small files, and room is filled with zeros before it is read into.
TEST_F(TextInput, ASmallFileTakesLittleRoom) {
  ByteReader reader(real_file_system(), {.path = write("a.txt", "small"), .size = 5});
  std::string text;
  reader.append_to(text, 1 << 20);
  EXPECT_EQ(text, "small");
  EXPECT_TRUE(reader.at_end());
  EXPECT_LT(text.capacity(), 64u);
}

TEST_F(TextInput, NoticesFilesThatChange) {
  for (const char* name : {"a.txt", "a.jsonl"}) {
    const std::string file = write(name, "{\"text\": \"a\"}\n");
    InputFiles files = collect({file});
    files.files[0].size += 1;
    TextPiece piece;
    const auto read = [&] {
      TextReader reader(real_file_system(), files, {});
      while (reader.next(piece)) {
      }
    };
    EXPECT_THAT(error_message(read),
                HasSubstr("changed while it was read: it had 15 bytes, now 14"));
    files.files[0].size -= 2;
    EXPECT_THAT(error_message(read), HasSubstr("changed while it was read: it had 13 bytes"));
    std::filesystem::remove(file);
    EXPECT_THAT(error_message(read), HasSubstr("there is no such file"));
  }
}

TEST(Utf8Policy, FindsWhatTheStandardForbids) {
  EXPECT_EQ(first_invalid_utf8(""), kAllValid);
  EXPECT_EQ(first_invalid_utf8("a\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80"
                               "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"),
            kAllValid);
  for (const std::string_view bad :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xC2", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xEF\xBF",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"})
    EXPECT_EQ(first_invalid_utf8("ok " + std::string(bad)), 3u);
  EXPECT_EQ(first_invalid_utf8(std::string_view("ab\0c", 4)), 2u);
  EXPECT_EQ(first_invalid_utf8(std::string_view("a\xFF\0", 3)), 1u);
}

TEST(Utf8Policy, ReplacesMaximalParts) {
  const auto replaced = [](std::string_view text) {
    std::string out;
    append_with_replacements(text, out);
    return out;
  };
  const std::string r = "\xEF\xBF\xBD";
  // The examples of the Unicode standard, tables 3-8 to 3-11.
  EXPECT_EQ(replaced("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(replaced("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(replaced("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"),
            r + r + r + r + r + "A" + r + r + "B");
  EXPECT_EQ(replaced("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), r + r + r + r + "A");
}

TEST(Utf8Policy, ReplacesLoneSurrogatesOnly) {
  const auto replaced = [](std::string json) {
    replace_lone_surrogates(json);
    return json;
  };
  EXPECT_EQ(replaced(R"(\ud83d\ude00)"), R"(\ud83d\ude00)");
  EXPECT_EQ(replaced(R"(\uD83D\uDE00\uD83D)"), R"(\uD83D\uDE00\uFFFD)");
  EXPECT_EQ(replaced(R"(\ude00\ud83d)"), R"(\uFFFD\uFFFD)");
  EXPECT_EQ(replaced(R"(\ud83dx\ude00)"), R"(\uFFFDx\uFFFD)");
  EXPECT_EQ(replaced(R"(\\ud83d)"), R"(\\ud83d)");  // an escaped backslash
  EXPECT_EQ(replaced(R"(\\\ud83d)"), R"(\\\uFFFD)");
  EXPECT_EQ(replaced(R"(\ud8)"), R"(\ud8)");
  EXPECT_EQ(replaced(R"(\ud83d\ud83d\ude00)"), R"(\uFFFD\ud83d\ude00)");
}

}  // namespace
}  // namespace weft::data
