// Tokenizers from files and folders (load_tokenizer in tokenizer.h). Not here: what the files mean.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "text/json_tokenizer.h"
#include "text/tokenizer_document.h"
#include "weft/error.h"

namespace weft::text {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxBeside = size_t{16} << 20;

std::string read_file(const fs::path& path, size_t most) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error(path.string() + ": cannot be opened for reading");
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  if (error) throw Error(path.string() + ": " + error.message());
  if (size > most) {
    throw Error(path.string() + ": " + std::to_string(size) + " bytes; at most " +
                std::to_string(most) + " are allowed");
  }
  std::string content(size, '\0');
  in.read(content.data(), static_cast<std::streamsize>(size));
  content.resize(static_cast<size_t>(in.gcount()));
  if (in.bad()) throw Error(path.string() + ": cannot be read");
  return content;
}

fs::path tokenizer_json_at(const fs::path& where) {
  std::error_code error;
  const fs::file_status status = fs::status(where, error);
  if (!fs::exists(status)) {
    throw Error(where.string() +
                ": no such file or folder; a tokenizer is \"bytes\", a tokenizer.json, or a "
                "folder that holds one");
  }
  if (!fs::is_directory(status)) return where;
  const fs::path inside = where / "tokenizer.json";
  if (fs::exists(inside, error)) return inside;
  throw Error(where.string() + ": the folder has no tokenizer.json");
}

}  // namespace

std::unique_ptr<const Tokenizer> load_tokenizer(const std::string& where) {
  if (where == "bytes") return make_bytes_tokenizer();
  if (where == "chars") {
    throw Error(
        "the tokenizer \"chars\" is made from a corpus: let `weft prepare` write its "
        "tokenizer.json and give the path of that");
  }
  const fs::path path = tokenizer_json_at(where);
  TokenizerSource source;
  source.content = read_file(path, kMaxDocumentBytes);
  source.origin = path.string();
  for (const char* name :
       {"tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"}) {
    const fs::path beside = path.parent_path() / name;
    std::error_code error;
    if (fs::is_regular_file(beside, error)) {
      source.beside.push_back({name, read_file(beside, kMaxBeside)});
    }
  }
  return JsonTokenizer::make(std::move(source));
}

std::unique_ptr<const Tokenizer> parse_tokenizer_json(std::string content,
                                                      const std::string& origin) {
  TokenizerSource source;
  source.content = std::move(content);
  source.origin = origin;
  return JsonTokenizer::make(std::move(source));
}

}  // namespace weft::text
