// `weft tokenizer`: training, encoding, decoding, and what a tokenizer is made of.
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/verb.h"
#include "core/file_system.h"
#include "data/input_files.h"
#include "data/prepare.h"
#include "data/text_reader.h"
#include "text/bpe_trainer.h"
#include "text/tokenizer_info.h"
#include "text/word_counts.h"

namespace weft::cli {
namespace {

constexpr const char* kTokenizerHelp =
    "a tokenizer.json, tokenizer.model, vocab.txt, vocab.json (merges.txt beside it), a folder "
    "with one, or bytes";
constexpr int64_t kMaxInputBytes = int64_t{1} << 32;

struct TrainOptions {
  std::vector<std::string> inputs;
  std::string output;
  std::string text_field = "text";
  std::string invalid_utf8 = "error";
  text::BpeTrainOptions bpe{.vocab_size = 32000};
};

// The file to write; its folder is made before the work, so that a bad path is told at once.
Path output_file(const std::string& output) {
  Path file = output;
  if (real_file_system().status(file).kind == FileKind::kFolder) file /= "tokenizer.json";
  create_folders(real_file_system(), parent_folder(file));
  return file;
}

void run_train(const TrainOptions& options) {
  interrupts();  // before any thread
  const FileSystem& files = real_file_system();
  const data::InputFiles inputs = data::collect_inputs(files, options.inputs);
  data::TextReader reader(
      files, inputs,
      {.text_field = options.text_field, .invalid_utf8 = parse_invalid_utf8(options.invalid_utf8)});
  const Path file = output_file(options.output);
  text::WordCounts words;
  data::TextPiece piece;
  while (reader.next(piece)) {
    words.add(piece.text);
    if (interrupts().load() > 0)
      throw Error("interrupted; nothing was written", ExitCode::kInterrupted);
  }
  const auto tokenizer = text::train_bpe(words, options.bpe);
  if (tokenizer->vocab_size() < options.bpe.vocab_size)
    std::cerr << "weft: the text gives " << tokenizer->vocab_size() << " tokens, "
              << options.bpe.vocab_size << " were asked for: no pair is left to merge\n";
  for (const text::TokenizerFile& content : tokenizer->files())
    write_file_atomically(
        real_file_system(),
        content.name == "tokenizer.json" ? file : parent_folder(file) / content.name,
        content.content);
  std::cout << tokenizer->vocab_size() << " tokens from " << words.size()
            << " different words, written to '" << file.string() << "'\n";
}

struct CodeOptions {
  std::string tokenizer;
  std::string file;
  bool whole = false;
  bool special = false;
  bool offsets = false;
};

std::string read_input(const std::string& file) {
  if (!file.empty() && file != "-") return read_text_file(file, kMaxInputBytes);
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

// Calls body(line) for each line without its LF, or for the whole text.
template <class Body>
void for_each_line(const std::string& text, bool whole, const Body& body) {
  if (whole) return body(std::string_view(text));
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    body(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
  }
}

// "101:0-0 2129:0-3": each id with the bytes of the line that it stands for.
std::string ids_with_offsets(const text::Tokenizer& tokenizer, std::string_view line,
                             const CodeOptions& options) {
  const auto rows = tokenizer.encode_rows(line, {}, {.add_special_tokens = options.special});
  std::string out;
  for (size_t i = 0; i < rows[0].size(); ++i) {
    out += (i == 0 ? "" : " ") + std::to_string(rows[0].ids[i]) + ":" +
           std::to_string(rows[0].offsets[i].begin) + "-" + std::to_string(rows[0].offsets[i].end);
  }
  return out;
}

std::string ids_of(const text::Tokenizer& tokenizer, std::string_view line,
                   const CodeOptions& options) {
  std::string out;
  for (const int32_t id : tokenizer.encode(line, {.add_special_tokens = options.special}))
    out += (out.empty() ? "" : " ") + std::to_string(id);
  return out;
}

void run_encode(const CodeOptions& options) {
  const auto tokenizer = text::load_tokenizer(options.tokenizer);
  auto* const encode = options.offsets ? ids_with_offsets : ids_of;
  for_each_line(read_input(options.file), options.whole, [&](std::string_view line) {
    std::cout << encode(*tokenizer, line, options) << "\n";
  });
}

std::vector<int32_t> parse_ids(std::string_view line) {
  std::vector<int32_t> ids;
  for (size_t at = 0; (at = line.find_first_not_of(" \t\r\n", at)) != std::string_view::npos;) {
    const size_t end = std::min(line.find_first_of(" \t\r\n", at), line.size());
    const std::string word(line.substr(at, end - at));
    char* rest = nullptr;
    const long id = std::strtol(word.c_str(), &rest, 10);
    if (*rest != '\0' || id < 0 || id > INT32_MAX)
      throw Error("'" + word + "' is no token id; write ids as numbers with spaces between");
    ids.push_back(static_cast<int32_t>(id));
    at = end;
  }
  return ids;
}

void run_decode(const CodeOptions& options) {
  const auto tokenizer = text::load_tokenizer(options.tokenizer);
  for_each_line(read_input(options.file), options.whole, [&](std::string_view line) {
    std::cout << tokenizer->decode(parse_ids(line), {.skip_special_tokens = !options.special});
    if (!options.whole) std::cout << "\n";
  });
}

void add_train(CLI::App& parent) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* verb = parent.add_subcommand("train", "Learn a byte-level BPE from text");
  verb->footer("Example:\n  weft tokenizer train corpus/ --vocab-size 4096 -o tokenizer.json");
  verb->add_option("inputs", options->inputs, ".txt and .jsonl files, or folders")->required();
  verb->add_option("--vocab-size", options->bpe.vocab_size, "tokens in all")->capture_default_str();
  verb->add_option("--min-frequency", options->bpe.min_frequency, "rarer pairs are not merged")
      ->capture_default_str();
  verb->add_option("--special-token", options->bpe.special_tokens,
                   "ids from 0 on; the first one ends a text")
      ->capture_default_str();
  add_text_options(*verb, options->text_field, options->invalid_utf8);
  verb->add_option("-o,--output", options->output, "the tokenizer.json to write, or its folder")
      ->required();
  verb->callback([options] {
    interrupts();
    run_train(*options);
  });
}

void add_coder(CLI::App& parent, bool encodes) {
  auto options = std::make_shared<CodeOptions>();
  CLI::App* verb = encodes ? parent.add_subcommand("encode", "Text to ids, line by line")
                           : parent.add_subcommand("decode", "Ids to text, line by line");
  verb->footer(std::string("Example:\n  weft tokenizer ") + (encodes ? "encode" : "decode") +
               " --tokenizer runs/demo/tokenizer.json input.txt");
  verb->add_option("--tokenizer", options->tokenizer, kTokenizerHelp)->required();
  verb->add_option("file", options->file, "the input; standard input without it");
  verb->add_flag("--whole", options->whole, "the input as one text");
  if (encodes)
    verb->add_flag("--offsets", options->offsets,
                   "each id as id:begin-end, in bytes of the line or of the whole");
  verb->add_flag("--special", options->special,
                 encodes ? "add the tokenizer's special tokens" : "show special tokens");
  verb->callback([options, encodes] { encodes ? run_encode(*options) : run_decode(*options); });
}

void run_info(const std::string& where, bool json) {
  const auto tokenizer = text::load_tokenizer(where);
  const text::TokenizerInfo info = text::tokenizer_info(*tokenizer);
  nlohmann::ordered_json out;
  out["kind"] = info.kind;
  out["vocab_size"] = info.vocab_size;
  out["merges"] = info.merges;
  out["added_tokens"] = info.added_tokens;
  for (const auto& special : info.special)
    out[special.role] = {{"token", special.token}, {"id", special.id}};
  for (const auto& [part, description] : info.pipeline) out[part] = description;
  out["hash"] = data::tokenizer_hash(*tokenizer);
  print_values(out, json);
}

void add_info(CLI::App& parent) {
  struct Options {
    std::string tokenizer;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = parent.add_subcommand("info", "Tell what a tokenizer is made of");
  verb->footer("Example:\n  weft tokenizer info runs/demo/tokenizer.json");
  verb->add_option("tokenizer", options->tokenizer, kTokenizerHelp)->required();
  verb->add_flag("--json", options->json, "as JSON");
  verb->callback([options] { run_info(options->tokenizer, options->json); });
}

}  // namespace

void add_tokenizer(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("tokenizer", "Train and try tokenizers");
  verb->footer("Example:\n  weft tokenizer train --help");
  verb->require_subcommand(1);
  add_train(*verb);
  add_coder(*verb, true);
  add_coder(*verb, false);
  add_info(*verb);
  add_tokenizer_bench(*verb);
  add_tokenizer_chat(*verb);
}

}  // namespace weft::cli
