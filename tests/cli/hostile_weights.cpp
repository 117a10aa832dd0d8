// Malformed weights: safetensors, their indexes, pickles and llama2.c checkpoints.
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "hostile_files.h"

namespace weft::test {
namespace {

const std::string kEntry = R"("t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
const std::string kSound = "{" + kEntry + "}";

std::string little_endian(uint64_t value, size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

HostileFile weights(const std::string& what, const std::string& bytes, const std::string& message) {
  return {.what = what, .path = "x.safetensors", .bytes = bytes, .message = message};
}

// The sound header with one part of it changed, and 8 bytes of data.
HostileFile header(std::string_view from, std::string_view to, const std::string& message) {
  return weights(std::string(from) + " -> " + std::string(to),
                 safetensors_file(changed(kSound, from, to), 8), message);
}

HostileFiles bad_lengths() {
  const std::string sound = safetensors_file(kSound, 8);
  HostileFiles files = {
      weights("empty", "", "0 bytes are no safetensors file"),
      weights("7 bytes", std::string(7, '\0'), "7 bytes are no safetensors file"),
      weights("zeros", std::string(64, '\0'), "does not begin with '{'"),
      weights("noise", repeated("\xa7\x31\x9b", 100), "this is no safetensors file"),
      weights("header above 100 MB", little_endian(100'000'001, 8) + "{}", "at most 100000000"),
      weights("largest length", little_endian(~uint64_t{0}, 8) + "{}", "at most 100000000"),
      weights("length with the sign bit", little_endian(uint64_t{1} << 63, 8) + "{}",
              "at most 100000000"),
      weights("header beyond the file", little_endian(1000, 8) + kSound, "do not fit the file"),
      weights("header by one too long", little_endian(kSound.size() + 9, 8) + kSound + "12345678",
              "do not fit the file"),
      weights("no data", safetensors_file(kSound, 0), "end at byte 8 of the data"),
      weights("a byte too few", safetensors_file(kSound, 7), "it is cut short"),
      weights("a byte too many", safetensors_file(kSound, 9), "something else appended"),
  };
  for (const size_t kept : {8U, 9U, 20U, 40U, 60U, 63U})
    files.push_back(
        weights("cut after " + std::to_string(kept), sound.substr(0, kept), "x.safetensors'"));
  return files;
}

HostileFiles bad_fields() {
  return {
      header("F32", "F33", "unknown dtype 'F33'"),
      header("F32", "f32", "unknown dtype 'f32'"),
      header("\"F32\"", "32", "a number is not allowed here"),
      header("\"F32\"", "null", "null is not allowed here"),
      header("F32", "\\u0000", "unknown dtype '\\x00'"),
      header("F32", "\\u001b[2J", "unknown dtype '\\x1b[2J'"),
      header("[2]", "[-2]", "the number -2 is negative"),
      header("[2]", "[2.0]", "a number that is no integer"),
      header("[2]", "[-0]", "a number that is no integer"),
      header("[2]", "[2e0]", "a number that is no integer"),
      header("[0,8]", "[-0,8]", "a number that is no integer"),
      header("[2]", "[18446744073709551618]", "a number that is no integer"),
      header("[2]", "[9223372036854775808]", "a number of this size"),
      header("[2]", "[4294967296,4294967296]", "impossible shape"),
      header("[2]", "[4611686018427387906]", "impossible shape"),
      header("[2]", "[3]", "needs 12 bytes for its shape"),
      header("[2]", "[1]", "needs 4 bytes for its shape"),
      header("[2]", "[]", "needs 4 bytes for its shape"),
      header("[2]", "[[2]]", "nested deeper than 3 levels"),
      header("[2]", "2", "a number is not allowed here"),
      header("[2]", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2]", "more than 16 sizes"),
      header("[0,8]", "[8,0]", "after a hole"),
      header("[0,8]", "[0,8,8]", "more than two numbers"),
      header("[0,8]", "[0]", "needs two numbers"),
      header("[0,8]", "[1,9]", "after a hole from byte 0"),
      header("[0,8]", "[-8,0]", "the number -8 is negative"),
      header("[0,8]", "[0,9223372036854775807]", "needs 8 bytes"),
      header("\"shape\"", "\"Shape\"", "unknown key 'Shape'"),
      header("\"shape\":[2],", "", "lacks dtype, shape or data_offsets"),
      header("\"shape\"", "\"dtype\":\"F32\",\"shape\"", "dtype appears twice"),
      header("{\"t\"", "{\"t\":1,\"t\"", "a number is not allowed here"),
      header("{\"t\"", "{" + kEntry + ",\"t\"", "two tensors of the name 't'"),
      header("{\"t\"", "{" + kEntry + ",\"u\"", "inside another"),
      header("{\"t\"", "{\"__metadata__\":{\"a\":1},\"t\"", "a number is not allowed here"),
      header("{\"t\"", "{\"__metadata__\":{\"a\":\"\",\"a\":\"\"},\"t\"", "appears twice"),
      header("{\"t\"", "[\"t\"", "does not begin with '{'"),
      header("{\"t\"", "{\"t\xff\"", "syntax error"),
      header("{\"t\"", "{'t'", "syntax error"),
      header("}}", "},}", "syntax error"),
      header("}}", "}}}", "syntax error"),
      header("}}", "}} x", "syntax error"),
      header("}}", "}", "syntax error"),
      header("{\"t\"", "{\"t\n\"", "syntax error"),
  };
}

}  // namespace

std::string changed(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  if (at == std::string::npos) throw std::logic_error("nothing to change");
  return text.replace(at, from.size(), to);
}

std::string safetensors_file(std::string_view header, size_t data_bytes) {
  return little_endian(header.size(), 8) + std::string(header) + std::string(data_bytes, '\1');
}

std::string repeated(std::string_view part, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += part;
  return text;
}

HostileFiles hostile_safetensors() {
  HostileFiles files = bad_lengths();
  for (HostileFile& file : bad_fields()) files.push_back(std::move(file));
  return files;
}

HostileFiles hostile_indexes() {
  HostileFiles files;
  const auto index = [&](const std::string& bytes, const std::string& message) {
    files.push_back({.what = bytes.substr(0, 100),
                     .path = "m.safetensors.index.json",
                     .bytes = bytes,
                     .message = message,
                     .more = {{"s.safetensors", safetensors_file(kSound, 8)}}});
  };
  const auto shard = [&](const std::string& name, const std::string& message) {
    index(R"({"weight_map":{"t":")" + name + "\"}}", message);
  };
  shard("../s.safetensors", "must stay inside their folder");
  shard("/etc/passwd", "must stay inside their folder");
  shard("a/../../s.safetensors", "must stay inside their folder");
  shard("a/s.safetensors", "must be the plain name");
  shard("s.safetensors\\u0000.txt", "control character");
  shard("s\\n.safetensors", "control character");
  shard("\\u001b[2J.safetensors", "control character");
  shard("\\u007f.safetensors", "control character");
  shard("a\\\\b.safetensors", "backslash");
  shard(".", "must stay inside their folder");
  shard("", "is empty");
  shard(repeated("x", 256) + ".safetensors", "too long");
  shard(repeated("x/", 600) + "s.safetensors", "too long");
  shard("s.bin", "must be the plain name of a .safetensors file");
  shard("missing.safetensors", "there is no such file");
  index("", "it is empty");
  index("[]", "an index needs an object \"weight_map\"");
  index("{}", "an index needs an object \"weight_map\"");
  index(R"({"metadata":[],"weight_map":{"t":"s.safetensors"}})", "\"metadata\" is no object");
  index(R"({"weight_map":[]})", "an index needs an object \"weight_map\"");
  index(R"({"weight_map":{}})", "the weight_map is empty");
  index(R"({"weight_map":{"t":1}})", "is no file name");
  index(R"({"weight_map":{"t":"s.safetensors","t":"s.safetensors"}})", "appears twice");
  index(R"({"weight_map":{"u":"s.safetensors"}})", "which has none of that name");
  index(R"({"weight_map":{"t":"s.safetensors")", "syntax error");
  index(R"({"weight_map":)" + repeated("[", 100), "nested deeper than");
  index(R"({"weight_map":{"\u001b[31m":"s.safetensors"}})", "'\\x1b[31m'");
  return files;
}

HostileFiles hostile_pickles() {
  const auto file = [](const std::string& path, const std::string& bytes,
                       const std::string& message) {
    return HostileFile{.what = path, .path = path, .bytes = bytes, .message = message};
  };
  const std::string zip = "PK\x03\x04" + std::string(60, '\0');
  const std::string pickle = "\x80\x02}q\x01.";
  return {
      file("pytorch_model.bin", zip, "a zip archive as PyTorch writes it"),
      file("model.pt", zip, "safe_serialization=True"),
      file("model.pth", pickle, "a Python pickle"),
      file("model.ckpt", pickle, "never reads"),
      file("model.pkl", "\x80\x05\x95", "a Python pickle"),
      file("model.bin", "(dp0\n." + std::string(40, '.'), "wrote is a pickle; Weft never reads"),
      file("old.pickle", "(dp0\n.", "by its name this is a Python pickle"),
      file("data.pt", "", "by its name this is a Python pickle"),
      file("model.safetensors", pickle, "a Python pickle"),
      file("renamed.safetensors", zip, "a zip archive as PyTorch writes it"),
      file("model.gguf", "GGUF\x03" + std::string(40, '\0'), "a GGUF file"),
      file("model.h5", "\x89HDF\r\n\x1a\n" + std::string(40, '\0'), "an HDF5 file"),
      file("train-00000.npy", "\x93NUMPY\x01" + std::string(40, '\0'), "a NumPy array"),
      file("events.out.tfevents.1.host.weft", std::string(40, '\0'), "an event file"),
      file("lfs.safetensors", "version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
      {.what = "a folder of pickles",
       .path = "m",
       .bytes = "",
       .message = "is a pickle",
       .more = {{"m/pytorch_model.bin", pickle}}},
      {.what = "a config and a pickle",
       .path = "m",
       .bytes = "",
       .message = "is a pickle",
       .more = {{"m/config.json", R"({"model_type":"llama","hidden_size":64,"vocab_size":300,)"
                                  R"("intermediate_size":128,"num_hidden_layers":2,)"
                                  R"("num_attention_heads":4})"},
                {"m/pytorch_model.bin", zip}}},
  };
}

HostileFiles hostile_llama2c() {
  HostileFiles files;
  const auto model = [&](const std::string& what, std::vector<uint32_t> numbers, size_t more,
                         const std::string& message) {
    std::string bytes;
    for (const uint32_t number : numbers) bytes += little_endian(number, 4);
    files.push_back({.what = what,
                     .path = "stories.bin",
                     .bytes = bytes + std::string(more, '\0'),
                     .message = message});
  };
  model("empty", {}, 0, "have no room for a header");
  model("half a header", {8, 16, 1}, 0, "have no room for a header");
  model("no width", {0, 16, 1, 2, 2, 5, 4}, 0, "dim is 0");
  model("negative layers", {8, 16, ~0U, 2, 2, 5, 4}, 0, "n_layers is -1");
  model("too many layers", {8, 16, 1001, 2, 2, 5, 4}, 0, "more than 1000");
  model("odd heads", {9, 16, 1, 2, 2, 5, 4}, 0, "does not divide into 2 heads");
  model("odd key heads", {12, 16, 1, 3, 2, 5, 4}, 0, "do not divide among");
  model("cut", {8, 16, 1, 2, 2, 5, 4}, 100, "the sizes in its header need");
  model("huge", {0x7ffffff8, 0x7fffffff, 1000, 2, 2, 0x7fffffff, 0x7fffffff}, 4, "impossible");
  model("a later version", {0x616b3432, 1}, 300, "of version 1");
  const auto tokenizer = [&](const std::string& bytes, const std::string& message) {
    files.push_back(
        {.what = "tokenizer", .path = "tokenizer.bin", .bytes = bytes, .message = message});
  };
  tokenizer("", "it ends inside a piece");
  tokenizer(little_endian(4, 4) + std::string(7, '\0'), "it ends inside a piece");
  tokenizer(little_endian(4, 4) + std::string(4, '\0') + little_endian(5, 4) + "hello",
            "piece 0 has 5 bytes");
  tokenizer(little_endian(4, 4) + "\xff\xff\xff\x7f" + little_endian(1, 4) + "h", "a finite score");
  return files;
}

}  // namespace weft::test
