// Malformed tokenizers, and shards of tokens with their dataset.json.
#include "hostile_files.h"

namespace weft::test {
namespace {

const std::string kTokenizer =
    R"({"version":"1.0","added_tokens":[{"id":0,"content":"<s>","special":true,)"
    R"("single_word":false,"lstrip":false,"rstrip":false,"normalized":false}],)"
    R"("normalizer":null,"pre_tokenizer":null,"post_processor":null,"decoder":null,)"
    R"("model":{"type":"BPE","unk_token":null,"vocab":{"<s>":0,"a":1,"b":2,"ab":3},)"
    R"("merges":[["a","b"]]}})";

}  // namespace

HostileFiles hostile_tokenizer_json() {
  HostileFiles files;
  const auto whole = [&](const std::string& bytes, const std::string& message) {
    files.push_back({.what = bytes.substr(0, 100),
                     .path = "tokenizer.json",
                     .bytes = bytes,
                     .message = message});
  };
  const auto with = [&](std::string_view from, std::string_view to, const std::string& message) {
    whole(changed(kTokenizer, from, to), message);
    files.back().what = std::string(from) + " -> " + std::string(to.substr(0, 60));
  };
  whole("", "it is empty");
  whole("{}", "model: is missing");
  whole("[]", "tokenizer.json");
  whole("{\"model\":1}", "model");
  whole("{\"model\":" + repeated("[", 40), "nested deeper than 32 levels");
  whole(kTokenizer.substr(0, 200), "syntax error");
  with("\"BPE\"", "\"Transducer\"", "Transducer");
  with("\"BPE\"", "\"\\u001b[1m\"", "'\\x1b[1m'");
  with("\"a\":1", "\"a\":-1", "model.vocab['a']: the id must be an integer from 0 to 3");
  with("\"a\":1", "\"a\":1.5", "the id of 'a' is not an integer");
  with("\"a\":1", "\"a\":3", "3");
  with("\"a\":1", "\"a\":9999", "9999");
  with("\"a\":1", "\"a\":99999999999", "ids may have none");
  with("\"a\":1", "\"a\":18446744073709551615", "is not an integer");
  with("\"a\":1", "\"a\":\"1\"", "the id of 'a' is not an integer");
  with("\"a\":1", "\"a\":1,\"a\":1", "a");
  with("[\"a\",\"b\"]", "[\"a\"]", "model.merges[0]");
  with("[\"a\",\"b\"]", "[\"a\",\"b\",\"c\"]", "model.merges[0]");
  with("[\"a\",\"b\"]", "[\"a\",\"c\"]", "c");
  with("[\"a\",\"b\"]", "\"ab\"", "is not two tokens with one space between");
  with("[[\"a\",\"b\"]]", "{}", "model.merges");
  with("[[\"a\",\"b\"]]", "[1]", "model.merges: expected strings");
  with("\"normalizer\":null", "\"normalizer\":{\"type\":\"Foo\"}", "Foo");
  with("\"normalizer\":null", "\"normalizer\":{}", "normalizer");
  with("\"normalizer\":null", "\"normalizer\":1", "normalizer");
  with(
      "\"pre_tokenizer\":null",
      R"("pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a"},"behavior":"Isolated","invert":false})",
      "pre_tokenizer");
  with("\"pre_tokenizer\":null",
       R"("pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a+)+$)" + repeated("x", 70'000) +
           R"("},"behavior":"Isolated","invert":false})",
       "pre_tokenizer");
  with("\"decoder\":null", "\"decoder\":{\"type\":\"Nope\"}", "Nope");
  with("\"post_processor\":null", "\"post_processor\":{\"type\":\"Nope\"}", "Nope");
  with("\"id\":0", "\"id\":-5", "added_tokens");
  with("\"id\":0", "\"id\":77", "77");
  with("\"content\":\"<s>\"", "\"content\":\"\"", "added_tokens");
  with("\"content\":\"<s>\"", "\"content\":\"" + repeated("x", 2000) + "\"", "added_tokens");
  with("\"content\":\"<s>\"", "\"contents\":\"<s>\"", "content");
  with("\"ab\":3", "\"" + repeated("x", 5000) + "\":3", "4096");
  with("\"unk_token\":null", "\"unk_token\":\"nope\"", "nope");
  return files;
}

HostileFiles hostile_vocabularies() {
  HostileFiles files;
  const auto file = [&](const std::string& path, const std::string& bytes,
                        const std::string& message,
                        const std::map<std::string, std::string>& more = {}) {
    files.push_back({.what = path + " " + bytes.substr(0, 60),
                     .path = path,
                     .bytes = bytes,
                     .message = message,
                     .more = more});
  };
  file("tokenizer.model", "", "tokenizer.model");
  file("tokenizer.model", std::string(100, '\xff'), "tokenizer.model");
  file("tokenizer.model",
       "\x0a\x7f"
       "ab",
       "tokenizer.model");
  file("tokenizer.model", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "tokenizer.model");
  file("tokenizer.model", "\x0b", "tokenizer.model");
  file("tokenizer.model", "\x0a\x03\x0a\x01", "tokenizer.model");
  file("vocab.json", "{\"a\":0}", "has no merges.txt beside it");
  const std::map<std::string, std::string> merges = {{"merges.txt", "a b\n"}};
  file("vocab.json", "[]", "expected an object of tokens and ids", merges);
  file("vocab.json", "{\"a\":0,\"b\":5,\"ab\":2}", "the id of 'b' is no number below 3", merges);
  file("vocab.json", "{\"a\":0,\"b\":0,\"ab\":1}", "or is there twice", merges);
  file("vocab.json", "{\"a\":0,\"b\":1.5,\"ab\":2}", "is no number below 3", merges);
  file("vocab.json", "{\"a\":0,\"b\":1,\"ab\":2}", "is not two tokens with one space between",
       {{"merges.txt", "a b c\n"}});
  file("vocab.json", "{\"a\":0,\"b\":1,\"ab\":2}", "is not UTF-8", {{"merges.txt", "\xff b\n"}});
  file("vocab.txt", "", "has no token [UNK]");
  file("vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\na\n", "vocab.txt:5: the token 'a' is there twice");
  file("vocab.txt", "[UNK]\n\n[CLS]\n[SEP]\n", "vocab.txt:2: the line is empty");
  file("vocab.txt", "[UNK]\n\xff\n", "is not UTF-8");
  return files;
}

HostileFiles hostile_shards() {
  HostileFiles files;
  const auto file = [&](const std::string& path, const std::string& bytes,
                        const std::string& message) {
    files.push_back({.what = path + " " + bytes.substr(0, 60),
                     .path = path,
                     .bytes = bytes,
                     .message = message});
  };
  file("train-00000.weft", "", "train-00000.weft");
  file("train-00000.weft", "WEFTSHRD", "train-00000.weft");
  file("train-00000.weft", std::string(64, '\0'), "train-00000.weft");
  file("train-00000.weft", "WEFTSHRD" + std::string(200, '\1'), "train-00000.weft");
  file("train-00000.weft", repeated("\xa5\x5a", 500), "train-00000.weft");
  file("dataset.json", "", "it is empty");
  file("dataset.json", "{}", "dataset.json");
  file("dataset.json", "[]", "dataset.json");
  file("dataset.json", R"({"format":"weft-tokens","version":2})", "version");
  file("dataset.json", R"({"format":"weft-tokens","version":1})", "dataset.json");
  file("dataset.json", R"({"format":"weft-tokens","version":1,"version":1})", "appears twice");
  file("dataset.json", R"({"format":"weft-tokens","version":1,)" + repeated("\"a\":[", 40),
       "dataset.json");
  return files;
}

}  // namespace weft::test
