// Tokenizers from files and folders (load_tokenizer in tokenizer.h). Not here: what the files mean.
#include <filesystem>
#include <string>

#include "core/file_system.h"
#include "text/json_tokenizer.h"
#include "text/tokenizer_document.h"
#include "weft/error.h"

namespace weft::text {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxBeside = int64_t{16} << 20;

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
        "the tokenizer \"chars\" is made from a corpus: `weft prepare --tokenizer chars` writes "
        "its "
        "tokenizer.json into the tokens folder; give the path of that");
  }
  const fs::path path = tokenizer_json_at(where);
  TokenizerSource source;
  source.content = read_text_file(path, kMaxDocumentBytes);
  source.origin = path.string();
  for (const char* name :
       {"tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"}) {
    const fs::path beside = path.parent_path() / name;
    std::error_code error;
    if (fs::is_regular_file(beside, error)) {
      source.beside.push_back({name, read_text_file(beside, kMaxBeside)});
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
