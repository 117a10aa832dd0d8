// `weft tokenizer train`: learns a tokenizer from the texts that `weft prepare` reads.
#include <iostream>
#include <memory>
#include <span>
#include <utility>

#include "cli/text_input.h"
#include "cli/verb.h"
#include "cli/work_bar.h"
#include "core/file_system.h"
#include "core/quote.h"
#include "core/strict_json.h"
#include "core/thread_pool.h"
#include "data/dataset_manifest.h"
#include "data/input_files.h"
#include "data/text_reader.h"
#include "text/bpe_trainer.h"
#include "text/special_tokens.h"
#include "text/unigram_trainer.h"
#include "text/word_counts.h"
#include "text/word_piece_trainer.h"

namespace weft::cli {
namespace {

// Text that is read before its words are counted on all threads.
constexpr size_t kBatchBytes = size_t{32} << 20;

struct Options {
  std::vector<std::string> inputs;
  std::string output;
  std::string text_field = "text";
  std::string invalid_utf8 = "error";
  std::string bad_input = "stop";
  std::string input_format;
  std::string kind = "byte-bpe";
  std::string words = "gpt2";
  std::string normalize;
  bool cased = false;
  int threads = 0;
  int32_t vocab_size = 32000;
  int64_t min_frequency = 2;
  double character_coverage = 0.9995;
  std::vector<std::string> special_tokens;
  bool overwrite = false;
};

constexpr const char* kConfig = "tokenizer_config.json";
constexpr const char* kSpecialTokens = "special_tokens_map.json";

bool is_there(const Path& path) {
  const FileStatus status = real_file_system().status(path);
  return status.kind != FileKind::kMissing || status.is_link;
}

bool is_tokenizer(const Path& file) {
  try {
    text::load_tokenizer(file.string());
    return true;
  } catch (const Error&) {
    return false;
  }
}

// Whether a file that is there is one that an earlier `tokenizer train` wrote: nothing marks a
// tokenizer.json as ours, but the two files beside it say no more than ours do.
bool is_made(const Path& file) {
  const auto is = [](const Path& path, bool (*made)(std::string_view)) {
    if (real_file_system().status(path).kind != FileKind::kFile) return false;
    return made(read_text_file(path, JsonLimits().bytes));
  };
  const Path folder = parent_folder(file);
  if (file.filename() == kConfig) return is(file, text::is_made_tokenizer_config);
  if (file.filename() == kSpecialTokens) return is(file, text::is_made_special_tokens_map);
  return is(folder / kConfig, text::is_made_tokenizer_config) &&
         is(folder / kSpecialTokens, text::is_made_special_tokens_map) && is_tokenizer(file);
}

// A model, or tokens, mean nothing with another tokenizer than their own.
void refuse_foreign(const Path& file) {
  const Path folder = parent_folder(file);
  const std::string advice = "; choose another folder, or give --overwrite";
  for (const Path& path : {file, folder / kConfig, folder / kSpecialTokens}) {
    if (!is_there(path)) continue;
    for (const std::string_view owner : {std::string_view("config.json"), data::kManifestName})
      if (is_there(folder / owner))
        throw Error(quote_path(path) + " is there, and " + quote(owner) +
                    " beside it says that it belongs to a model or to tokens" + advice);
    if (!is_made(path))
      throw Error(quote_path(path) + " is there, and `weft tokenizer train` did not write it" +
                  advice);
  }
}

// The file to write; its folder is made before the work, so that a bad path is told at once.
Path output_file(const Options& options) {
  if (options.output.empty()) throw Error("-o is empty; give the tokenizer.json to write");
  Path file = options.output;
  const bool is_folder = real_file_system().status(file).kind == FileKind::kFolder;
  if (is_folder || !file.has_filename()) file /= "tokenizer.json";
  file = named_output(real_file_system(), file);
  if (file.filename() == kConfig || file.filename() == kSpecialTokens)
    throw Error(quote_path(file) +
                " is the name of a file that is written beside the tokenizer; "
                "give it another one, such as tokenizer.json");
  if (!options.overwrite) refuse_foreign(file);
  create_folders(real_file_system(), parent_folder(file));
  return file;
}

text::WordRule rule_of(const std::string& words) {
  if (words == "llama3") return text::WordRule::kLlama3;
  return words == "qwen2" ? text::WordRule::kQwen2 : text::WordRule::kGpt2;
}

text::WordCutter cutter_of(const Options& options) {
  if (options.kind == "byte-bpe") return text::WordCutter(rule_of(options.words));
  if (options.kind == "bpe") return text::WordCutter(text::byte_fallback_words());
  if (options.kind == "wordpiece") return text::WordCutter(text::word_piece_words(!options.cased));
  return text::WordCutter(text::unigram_words(options.normalize != "none"));
}

// An option that does nothing for the kind of tokenizer is a mistake.
void check_options(const Options& options) {
  const auto only_for = [&](bool given, const char* option, const char* kind) {
    if (given && options.kind != kind)
      throw Error(std::string(option) + " is for --kind " + kind + ", not for " + options.kind);
  };
  only_for(options.words != "gpt2", "--words", "byte-bpe");
  only_for(options.cased, "--cased", "wordpiece");
  only_for(!options.normalize.empty(), "--normalize", "unigram");
}

class Counter {
 public:
  // `input_bytes`: of all files, for the bar.
  Counter(const Options& options, const ParallelFor& parallel, int64_t input_bytes)
      : counts_(std::make_shared<const text::WordCutter>(cutter_of(options))),
        parallel_(parallel),
        input_bytes_(input_bytes) {}

  text::WordCounts run(data::TextReader& reader) {
    data::TextPiece piece;
    while (reader.next(piece)) {
      bytes_ += piece.text.size();
      texts_.push_back(std::move(piece.text));
      if (bytes_ < kBatchBytes) continue;
      count();
      bar_.show(piece.input_end, input_bytes_);
    }
    count();
    return std::move(counts_);
  }

 private:
  void count() {
    const std::vector<std::string_view> views(texts_.begin(), texts_.end());
    counts_.add(views, parallel_);
    texts_.clear();
    bytes_ = 0;
    if (interrupts().load() > 0)
      throw Error("interrupted; nothing was written", ExitCode::kInterrupted);
  }

  text::WordCounts counts_;
  const ParallelFor& parallel_;
  int64_t input_bytes_;
  WorkBar bar_{"words"};
  std::vector<std::string> texts_;
  size_t bytes_ = 0;
};

std::unique_ptr<const text::Tokenizer> train(const text::WordCounts& words, const Options& options,
                                             const ParallelFor& parallel) {
  const auto stop = [](int64_t) {
    if (interrupts().load() > 0)
      throw Error("interrupted; nothing was written", ExitCode::kInterrupted);
  };
  if (options.kind == "byte-bpe") {
    text::BpeTrainOptions bpe{
        .vocab_size = options.vocab_size, .min_frequency = options.min_frequency, .progress = stop};
    if (!options.special_tokens.empty()) bpe.special_tokens = options.special_tokens;
    return text::train_bpe(words, bpe);
  }
  const text::TextTrainOptions given{.vocab_size = options.vocab_size,
                                     .special_tokens = options.special_tokens,
                                     .min_frequency = options.min_frequency,
                                     .character_coverage = options.character_coverage,
                                     .progress = stop};
  if (options.kind == "bpe") return text::train_byte_fallback_bpe(words, given);
  if (options.kind == "wordpiece") return text::train_word_piece(words, given);
  return text::train_unigram(words, given, parallel);
}

void run(const Options& options) {
  check_options(options);
  FileSystem& files = real_file_system();
  const SpooledInput standard_input(options.inputs, options.output);
  data::InputOptions input{.standard_input = standard_input.file()};
  if (!options.input_format.empty()) input.format = data::input_kind(options.input_format);
  const data::InputFiles inputs = data::collect_inputs(files, options.inputs, input);
  data::TextReader reader(
      files, inputs,
      {.text_field = options.text_field,
       .invalid_utf8 = parse_invalid_utf8(options.invalid_utf8),
       .bad_input = options.bad_input == "skip" ? data::BadInput::kSkip : data::BadInput::kStop});
  const Path file = output_file(options);
  const ThreadPool pool(thread_count(options.threads));
  const text::WordCounts words = Counter(options, pool, inputs.bytes).run(reader);
  tell_left_out(inputs.left_out.items());
  tell_left_out(reader.left_out().items());
  if (words.forgotten() > 0)
    std::cerr << "weft: the text has more different words than fit into memory; the rarest were "
                 "left out: "
              << words.forgotten() << " occurrences\n";
  const auto tokenizer = train(words, options, pool);
  if (tokenizer->vocab_size() < options.vocab_size)
    std::cerr << "weft: the text gives " << tokenizer->vocab_size() << " tokens, "
              << options.vocab_size << " were asked for: nothing is left that repeats\n";
  // tokenizer.json last: where this ends half-way, what is there is known as ours.
  const std::span<const text::TokenizerFile> contents = tokenizer->files();
  for (auto at = contents.rbegin(); at != contents.rend(); ++at)
    write_file_atomically(
        files, at->name == "tokenizer.json" ? file : parent_folder(file) / at->name, at->content);
  std::cout << tokenizer->vocab_size() << " tokens from " << words.size()
            << " different words, written to " << quote_path(file) << "\n";
}

void add_kind_options(Verb& verb, Options& options) {
  verb.add_option("--kind", options.kind,
                  "byte-bpe (GPT-2), bpe (characters, bytes for rare ones: Llama 2), wordpiece "
                  "(BERT), unigram (SentencePiece, T5)")
      .among({"byte-bpe", "bpe", "wordpiece", "unigram"})
      .shows_default();
  verb.add_option("--words", options.words, "byte-bpe: whose rule cuts text into words")
      .among({"gpt2", "llama3", "qwen2"})
      .shows_default();
  verb.add_flag("--cased", options.cased, "wordpiece: keep upper case and accents");
  verb.add_option("--normalize", options.normalize,
                  "unigram: nmt_nfkc (default), or none: any text comes back from its ids")
      .among({"nmt_nfkc", "none"});
  verb.add_option("--character-coverage", options.character_coverage,
                  "the part of all characters that have tokens; not of byte-bpe, where all have")
      .shows_default();
}

}  // namespace

void add_tokenizer_train(Verb& tokenizer) {
  auto options = std::make_shared<Options>();
  Verb verb = tokenizer.add_verb("train", "Learn a tokenizer from text");
  verb.footer("Example:\n  weft tokenizer train corpus/ --vocab-size 4096 -o tokenizer.json");
  verb.add_option("inputs", options->inputs,
                  "what `weft prepare` reads: files, folders, patterns, or - for standard input")
      .required();
  add_kind_options(verb, *options);
  verb.add_option("--vocab-size", options->vocab_size, "tokens in all").shows_default();
  verb.add_option("--min-frequency", options->min_frequency, "what is rarer is no token")
      .shows_default();
  verb.add_option("--special-token", options->special_tokens,
                  "byte-bpe: ids from 0 on, the first one ends a text (default <|endoftext|>); "
                  "else behind those of the kind");
  add_text_options(verb, options->text_field, options->invalid_utf8);
  verb.add_option("--input-format", options->input_format,
                  "txt, jsonl, json, csv or tsv, whatever the names of the files say");
  verb.add_option("--bad-input", options->bad_input,
                  "records and files that cannot be read: stop or skip (and count)")
      .among({"stop", "skip"})
      .shows_default();
  verb.add_option("--threads", options->threads, "0: as many as the process may use")
      .between(0, 4096)
      .shows_default();
  verb.add_option("-o,--output", options->output,
                  "the tokenizer.json to write, or its folder (which exists, or ends with /)")
      .required();
  verb.add_flag("--overwrite", options->overwrite,
                "replace files that are there even if `weft tokenizer train` did not write them");
  verb.callback([options] {
    interrupts();
    run(*options);
  });
}

}  // namespace weft::cli
