// No reader takes more than twice its file and 64 MiB, whatever the file says: the inputs here are
// those that make the most of each byte. This program counts all that C++ allocates.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <new>
#include <nlohmann/json.hpp>

#include "config/yaml_reader.h"
#include "core/strict_json.h"
#include "core/tree/json_tree.h"
#include "data/dataset_manifest.h"
#include "data/text_reader.h"
#include "io/checkpoint_manifest.h"
#include "io/tensor_set.h"
#include "tests/core/sanitizer.h"
#include "tests/core/temporary_folder.h"
#include "tests/io/io_test_files.h"
#include "text/json_tokenizer.h"
#include "text/tokenizer.h"
#include "text/vocabulary_files.h"

namespace {

std::atomic<int64_t> live{0};
std::atomic<int64_t> peak{0};

}  // namespace

#if !WEFT_UNDER_SANITIZER
void* operator new(size_t size) {
  void* memory = std::malloc(size > 0 ? size : 1);
  if (memory == nullptr) throw std::bad_alloc();
  const int64_t now = live += static_cast<int64_t>(malloc_usable_size(memory));
  if (now > peak) peak = now;
  return memory;
}

void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  live -= static_cast<int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

void operator delete(void* memory, size_t) noexcept {
  operator delete(memory);
}
#endif

namespace weft {
namespace {

// The most that reading `text` takes, the text itself not counted. Refusing it is as good.
int64_t peak_of(const std::string& text, const std::function<void(std::string_view)>& read) {
  const int64_t before = live;
  peak = before;
  try {
    read(text);
  } catch (const Error&) {  // what it took until then counts
  }
  return peak - before;
}

void expect_bounded(const std::string& what, const std::string& text,
                    const std::function<void(std::string_view)>& read) {
#if WEFT_UNDER_SANITIZER
  GTEST_SKIP() << "a sanitizer counts memory of its own";
#endif
  const int64_t budget = 2 * static_cast<int64_t>(text.size()) + (int64_t{64} << 20);
  const int64_t taken = peak_of(text, read);
  EXPECT_GT(taken, 0) << what;
  EXPECT_LE(taken, budget) << what << ": a file of " << text.size() << " bytes";
}

// begin + part(0) + "," + part(1) + ... + end.
std::string list(const std::string& begin, int64_t count,
                 const std::function<std::string(int64_t)>& part, const std::string& end) {
  std::string text = begin;
  for (int64_t i = 0; i < count; ++i) text += (i > 0 ? "," : "") + part(i);
  return text + end;
}

std::string quoted(int64_t number) {
  return "\"" + std::to_string(number) + "\"";
}

const std::function<void(std::string_view)> kReadJson = [](std::string_view text) {
  parse_json(text, "f");
};

TEST(ReaderMemory, Json) {
  const auto empty_object = [](int64_t) { return std::string("{}"); };
  const auto key_and_object = [](int64_t i) { return quoted(i) + ":{}"; };
  const auto key_and_text = [](int64_t i) { return quoted(i) + ":\"abcdefghijklmnop\""; };
  for (const int64_t count : {199'990, 400'000}) {
    expect_bounded("objects", list("[", count, empty_object, "]"), kReadJson);
    expect_bounded("keys", list("{", count / 2, key_and_object, "}"), kReadJson);
    expect_bounded("texts", list("{", count / 2, key_and_text, "}"), kReadJson);
  }
  const std::string long_text(size_t{4} << 20, 'x');
  expect_bounded("a long text", "[\"" + long_text + "\"]", kReadJson);
  expect_bounded("a longer text", "[\"" + long_text + long_text + "\"]", kReadJson);
  const auto long_texts = [&](int64_t) { return "\"" + long_text + "\""; };
  expect_bounded("long texts", list("[", 10, long_texts, "]"), kReadJson);
}

TEST(ReaderMemory, SafetensorsHeaders) {
  const auto read = [](std::string_view text) { io::parse(text); };
  const auto entry = [](int64_t i) {
    return quoted(i) + R"(:{"dtype":"U8","shape":[0,1,1,1,1],"data_offsets":[0,0]})";
  };
  for (const int64_t count : {100'000, 300'000})
    expect_bounded("tensors", io::safetensors_bytes(list("{", count, entry, "}"), 0), read);
  const auto pair = [](int64_t i) { return quoted(i) + ":\"\""; };
  expect_bounded("metadata",
                 io::safetensors_bytes(list("{\"__metadata__\":{", 10'000, pair, "}}"), 0), read);
  const std::string text(size_t{8} << 20, 'x');
  expect_bounded("a long text",
                 io::safetensors_bytes("{\"__metadata__\":{\"a\":\"" + text + "\"}}", 0), read);
}

TEST(ReaderMemory, IndexesAndManifests) {
  const auto place = [](int64_t i) { return "\"t" + std::to_string(i) + "\":\"m.safetensors\""; };
  for (const int64_t count : {190'000, 400'000})
    expect_bounded("index", list("{\"weight_map\":{", count, place, "}}"),
                   [](std::string_view text) { io::parse_weight_map(text, "f"); });
  const auto file = [](int64_t i) { return "{\"name\":\"f" + std::to_string(i) + "\"}"; };
  expect_bounded("manifest", list("{\"manifest_xxh3_128\":\"\",\"files\":[", 99'000, file, "]}"),
                 [](std::string_view text) { io::parse_manifest(text, "f"); });
}

TEST(ReaderMemory, Configs) {
  const auto tree = [](std::string_view text) { parse_json_tree(text, "f"); };
  expect_bounded("objects",
                 list(
                     "[", 19'990, [](int64_t) { return std::string("{}"); }, "]"),
                 tree);
  const auto yaml = [](std::string_view text) { config::parse_yaml(text, "f"); };
  expect_bounded("brackets", std::string(256 << 10, '['), yaml);
  expect_bounded("braces", std::string(256 << 10, '{'), yaml);
  expect_bounded("commas", "[" + std::string((256 << 10) - 1, ','), yaml);
  expect_bounded("values",
                 list(
                     "[", 120'000, [](int64_t) { return std::string("a"); }, "]"),
                 yaml);
  std::string laughs = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 1000; ++i)
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" +
              std::to_string(i - 1) + ", *a" + std::to_string(i - 1) + "]\n";
  expect_bounded("aliases", laughs, yaml);
}

std::string tokenizer_json(const std::string& added, const std::string& vocab,
                           const std::string& merges) {
  return "{\"added_tokens\":[" + added + "],\"model\":{\"type\":\"BPE\",\"vocab\":{" + vocab +
         "},\"merges\":[" + merges + "]}}";
}

// As many values as are allowed, each of them small.
TEST(ReaderMemory, DatasetManifests) {
  const auto read = [](std::string_view text) { data::parse_manifest(text, "dataset.json"); };
  const auto same = [](const char* value) { return [value](int64_t) { return value; }; };
  const auto key = [](int64_t i) { return "\"" + std::to_string(i) + "\":0"; };
  expect_bounded("objects of one value", list("[", 299'990, same("{\"\":0}"), "]"), read);
  expect_bounded("empty objects", list("[", 599'990, same("{}"), "]"), read);
  expect_bounded("keys", list("{", 599'990, key, "}"), read);
  expect_bounded("lists of one value", list("[", 299'990, same("[0]"), "]"), read);
}

TEST(ReaderMemory, Tokenizers) {
  const auto read = [](std::string_view text) {
    text::parse_tokenizer_json(std::string(text), "f");
  };
  const auto token = [](int64_t i) { return quoted(i) + ":" + std::to_string(i); };
  expect_bounded("vocabulary", tokenizer_json("", list("", 300'000, token, ""), ""), read);
  const auto merge = [](int64_t i) { return "\"" + std::to_string(i % 10) + " 0\""; };
  expect_bounded("merges",
                 tokenizer_json("", list("", 20, token, ""), list("", 300'000, merge, "")), read);
  const auto added = [](int64_t i) {
    return "{\"id\":" + std::to_string(i) + ",\"content\":" + quoted(i) + "}";
  };
  expect_bounded("added tokens", tokenizer_json(list("", 100'000, added, ""), "", ""), read);
  expect_bounded("values",
                 tokenizer_json(list(
                                    "", 400'000, [](int64_t) { return "{}"; }, ""),
                                "", ""),
                 read);
}

TEST(ReaderMemory, Vocabularies) {
  std::string lines = "[UNK]\n[CLS]\n[SEP]\n";
  for (int i = 0; i < 200'000; ++i) lines += std::to_string(i) + "\n";
  expect_bounded("vocab.txt", lines, [](std::string_view text) {
    text::JsonTokenizer::make(text::source_from_bert_vocab(text, true, "f"));
  });
  const std::string model = [] {
    std::string bytes;
    for (int i = 0; i < 200'000; ++i) {
      const std::string piece = std::to_string(i);
      const auto size = static_cast<char>(piece.size());
      bytes += std::string("\x0a") + static_cast<char>(size + 2) + "\x0a" + size + piece;
    }
    return bytes;
  }();
  expect_bounded("tokenizer.model", model, [](std::string_view text) {
    text::parse_tokenizer_model(std::string(text), "f");
  });
}

// Fields and values of a byte or two: a row and a record that fill the longest that is read.
TEST(ReaderMemory, Records) {
  const TemporaryFolder folder;
  const auto reader = [&](const std::string& name) {
    return [&folder, name](std::string_view) {
      const auto inputs = data::collect_inputs(real_file_system(), {(folder / name).string()});
      data::TextReader texts(real_file_system(), inputs, {.bad_input = data::BadInput::kSkip});
      for (data::TextPiece piece; texts.next(piece);) EXPECT_FALSE(piece.text.empty());
    };
  };
  const auto bounded = [&](const std::string& name, const std::string& bytes) {
    folder.write(name, bytes);
    expect_bounded(name, bytes, reader(name));
  };
  bounded("row.csv", "text,b\n" + std::string(30 << 20, ',') + "\n");
  bounded("header.tsv", "text" + std::string(30 << 20, '\t') + "\n");
  std::string values = R"({"text":"a","b":[)";
  while (values.size() < size_t{30} << 20) values += "0,";
  bounded("values.jsonl", values + "0]}\n");
  bounded("values.json", "[" + values + "0]}]\n");
  values.resize((2 << 20) - 10);  // ends after a comma, or before one
  bounded("short.jsonl", values + (values.back() == ',' ? "0]}\n" : "]}\n"));
}

}  // namespace
}  // namespace weft
