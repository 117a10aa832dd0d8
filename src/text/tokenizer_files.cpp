// Tokenizers from files and folders (load_tokenizer in tokenizer.h). Not here: what the files mean.
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/contained_file.h"
#include "core/file_system.h"
#include "core/quote.h"
#include "core/strict_json.h"
#include "text/json_tokenizer.h"
#include "text/sentencepiece_tokenizer.h"
#include "text/tokenizer_document.h"
#include "text/vocabulary_files.h"
#include "weft/error.h"

namespace weft::text {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxBeside = int64_t{16} << 20;

constexpr std::string_view kKinds =
    "a tokenizer is \"bytes\", a tokenizer.json, a tokenizer.model of SentencePiece, a vocab.txt, "
    "a vocab.json beside a merges.txt, or "
    "a folder that holds one of them";

// The first of the files by which a tokenizer is known in a folder, or an empty path.
fs::path tokenizer_file_in(const fs::path& folder) {
  for (const char* name : {"tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json",
                           "encoder.json", "vocab.txt"}) {
    if (is_contained_file(folder, folder / name)) return folder / name;
  }
  return {};
}

bool is_merges(const fs::path& file) {
  return file.filename() == "merges.txt" || file.filename() == "vocab.bpe";
}

// Merges alone are no tokenizer: their tokens have no ids.
fs::path vocab_beside(const fs::path& merges) {
  const fs::path folder = merges.parent_path();
  for (const char* name : {"vocab.json", "encoder.json"})
    if (is_contained_file(folder, folder / name)) return folder / name;
  throw Error(printable(merges.native()) + ": has no vocab.json beside it");
}

// The same, or the file itself; of merges, the vocabulary that they belong to.
fs::path tokenizer_file_at(const fs::path& where) {
  std::error_code error;
  const fs::file_status status = fs::status(where, error);
  if (!fs::exists(status)) {
    throw Error(printable(where.native()) + ": no such file or folder; " + std::string(kKinds));
  }
  if (!fs::is_directory(status)) return is_merges(where) ? vocab_beside(where) : where;
  if (fs::path found = tokenizer_file_in(where); !found.empty()) return found;
  throw Error(printable(where.native()) + ": the folder has no tokenizer.json; " +
              std::string(kKinds));
}

// "do_lower_case" of the tokenizer_config.json beside a vocab.txt; without one it is true.
bool lowers_case(const std::vector<TokenizerFile>& beside, const std::string& origin) {
  for (const TokenizerFile& file : beside) {
    if (file.name != "tokenizer_config.json") continue;
    const Json config = parse_json(file.content, origin + ", tokenizer_config.json beside it");
    const auto flag = config.find("do_lower_case");
    if (flag == config.end()) return true;
    if (!flag->is_boolean())
      throw Error(origin + ", tokenizer_config.json beside it: do_lower_case is no true or false");
    return flag->get<bool>();
  }
  return true;
}

fs::path merges_beside(const fs::path& vocab) {
  for (const char* name : {"merges.txt", "vocab.bpe"}) {
    fs::path merges = vocab.parent_path() / name;
    if (is_contained_file(vocab.parent_path(), merges)) return merges;
  }
  throw Error(printable(vocab.native()) + ": has no merges.txt beside it");
}

TokenizerSource source_at(const fs::path& path, const std::vector<TokenizerFile>& beside) {
  const std::string content = read_text_file(path, kMaxDocumentBytes);
  const std::string origin = printable(path.native());
  if (path.extension() == ".txt")
    return source_from_bert_vocab(content, lowers_case(beside, origin), origin);
  if (path.filename() == "vocab.json" || path.filename() == "encoder.json") {
    const std::string merges = read_text_file(merges_beside(path), kMaxDocumentBytes);
    return source_from_vocab_and_merges(content, merges, origin);
  }
  TokenizerSource source;
  source.content = content;
  source.origin = origin;
  return source;
}

}  // namespace

bool has_tokenizer(const std::string& folder) {
  return !tokenizer_file_in(folder).empty();
}

std::unique_ptr<const Tokenizer> load_tokenizer(const std::string& where) {
  if (where == "bytes") return make_bytes_tokenizer();
  if (where == "chars") {
    throw Error(
        "the tokenizer \"chars\" is made from a corpus: `weft prepare --tokenizer chars` writes "
        "its "
        "tokenizer.json into the tokens folder; give the path of that");
  }
  const fs::path path = tokenizer_file_at(where);
  std::vector<TokenizerFile> beside;
  for (const char* name :
       {"tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"}) {
    const fs::path file = path.parent_path() / name;
    if (is_contained_file(path.parent_path(), file))
      beside.push_back({name, read_text_file(file, kMaxBeside)});
  }
  if (path.extension() == ".model") {
    return std::make_unique<SentencePieceTokenizer>(read_text_file(path, kMaxDocumentBytes),
                                                    printable(path.native()), std::move(beside));
  }
  TokenizerSource source = source_at(path, beside);
  source.beside = std::move(beside);
  return JsonTokenizer::make(std::move(source));
}

std::unique_ptr<const Tokenizer> parse_tokenizer_model(std::string content,
                                                       const std::string& origin) {
  return std::make_unique<SentencePieceTokenizer>(std::move(content), origin);
}

std::unique_ptr<const Tokenizer> parse_tokenizer_json(std::string content,
                                                      const std::string& origin) {
  TokenizerSource source;
  source.content = std::move(content);
  source.origin = origin;
  return JsonTokenizer::make(std::move(source));
}

}  // namespace weft::text
