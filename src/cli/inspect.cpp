// `weft inspect`: what a file or folder holds, whatever its kind.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/inspect_formats.h"
#include "cli/token_text.h"
#include "cli/verb.h"
#include "core/quote.h"
#include "data/corpus_statistics.h"
#include "data/input_files.h"
#include "data/permutation.h"
#include "data/shard_documents.h"
#include "data/text_reader.h"
#include "weft/philox.h"

namespace weft::cli {
namespace {

constexpr size_t kMostFrequent = 20;
constexpr int kBarColumns = 40;

struct Options {
  std::string path;
  std::string tokenizer;
  std::string split = "train";
  std::string text_field = "text";
  std::string color = "auto";
  std::optional<int64_t> document;
  int64_t random = 0;
  uint64_t seed = 0;
  bool json = false;
  bool quick = false;

  bool shows_documents() const { return document.has_value() || random > 0; }
  bool in_colour() const {
    return color == "always" || (color == "auto" && is_terminal(STDOUT_FILENO));
  }
};

using OptionalTokenizer = std::unique_ptr<const text::Tokenizer>;

struct Summary {
  std::string format;
  std::string unit;    // of lengths: "tokens" or "bytes"
  int64_t bytes = -1;  // of the text; -1: not known
  const data::CorpusStatistics& statistics;
};

nlohmann::ordered_json histogram(const data::CorpusStatistics& statistics) {
  auto list = nlohmann::ordered_json::array();
  for (size_t i = 0; i < statistics.lengths().size(); ++i)
    if (statistics.lengths()[i] > 0)
      list.push_back({{"from", i == 0 ? 0 : int64_t{1} << i},
                      {"to", (int64_t{1} << (i + 1)) - 1},
                      {"documents", statistics.lengths()[i]}});
  return list;
}

nlohmann::ordered_json summary_json(const Summary& summary, const text::Tokenizer* tokenizer) {
  const data::CorpusStatistics& statistics = summary.statistics;
  nlohmann::ordered_json out = {{"documents", statistics.documents()}};
  const bool has_tokens = summary.unit == "tokens";
  if (has_tokens) out["tokens"] = statistics.tokens();
  if (summary.bytes >= 0) out["bytes"] = summary.bytes;
  if (has_tokens && summary.bytes >= 0 && statistics.tokens() > 0)
    out["bytes_per_token"] =
        static_cast<double>(summary.bytes) / static_cast<double>(statistics.tokens());
  if (has_tokens) out["different_tokens"] = statistics.different_tokens();
  out["length_unit"] = summary.unit;
  out["shortest"] = statistics.shortest();
  out["longest"] = statistics.longest();
  out["lengths"] = histogram(statistics);
  if (!has_tokens) return out;
  auto frequent = nlohmann::ordered_json::array();
  for (const auto& token : statistics.most_frequent(kMostFrequent)) {
    frequent.push_back({{"id", token.id}, {"count", token.count}});
    if (tokenizer != nullptr) frequent.back()["text"] = shown_token(*tokenizer, token.id);
  }
  out["most_frequent"] = std::move(frequent);
  return out;
}

void print_histogram(const nlohmann::ordered_json& lengths, const std::string& unit) {
  int64_t most = 1;
  for (const auto& row : lengths) most = std::max(most, row["documents"].get<int64_t>());
  std::cout << "length in " << unit << "\n";
  for (const auto& row : lengths) {
    const auto count = row["documents"].get<int64_t>();
    char text[80];
    std::snprintf(text, sizeof text, "%12lld to %-12lld %10lld  ",
                  static_cast<long long>(row["from"].get<int64_t>()),
                  static_cast<long long>(row["to"].get<int64_t>()), static_cast<long long>(count));
    const auto columns = static_cast<size_t>((count * kBarColumns + most - 1) / most);
    std::cout << text << std::string(columns, '#') << "\n";
  }
}

void print_frequent(const nlohmann::ordered_json& summary) {
  if (!summary.contains("most_frequent")) return;
  std::cout << "most frequent tokens\n";
  const auto all = static_cast<double>(summary["tokens"].get<int64_t>());
  for (const auto& row : summary["most_frequent"]) {
    const auto count = row["count"].get<int64_t>();
    char text[80];
    std::snprintf(text, sizeof text, "%10d %14lld %6.2f %%  ", row["id"].get<int32_t>(),
                  static_cast<long long>(count), 100 * static_cast<double>(count) / all);
    std::cout << text << (row.contains("text") ? "'" + row["text"].get<std::string>() + "'" : "")
              << "\n";
  }
}

void print_json(const std::string& format, const Options& options,
                const nlohmann::ordered_json& values) {
  nlohmann::ordered_json out = {{"format", format}, {"path", options.path}};
  out.update(values);
  std::cout << json_text(out, 2) << "\n";
}

void print_summary(const Summary& summary, const text::Tokenizer* tokenizer,
                   const Options& options) {
  const nlohmann::ordered_json values = summary_json(summary, tokenizer);
  if (options.json) return print_json(summary.format, options, values);
  for (const auto& [name, value] : values.items())
    if (!value.is_array())
      std::cout << name << " " << (value.is_string() ? value.get<std::string>() : value.dump())
                << "\n";
  print_histogram(values["lengths"], summary.unit);
  print_frequent(values);
}

std::vector<int64_t> chosen_documents(const Options& options, int64_t documents) {
  if (options.document && (*options.document < 0 || *options.document >= documents))
    throw Error("--document " + std::to_string(*options.document) + ": '" + options.path +
                "' has documents 0 to " + std::to_string(documents - 1));
  std::vector<int64_t> chosen;
  if (options.document) chosen.push_back(*options.document);
  if (options.random == 0 || documents == 0) return chosen;
  const data::Permutation order(documents, random_key(options.seed, "weft inspect --random"));
  for (int64_t i = 0; i < std::min(options.random, documents); ++i) chosen.push_back(order(i));
  return chosen;
}

// The documents that were asked for: printed one by one, or as JSON at the end.
class ShownDocuments {
 public:
  ShownDocuments(const text::Tokenizer* tokenizer, const Options& options)
      : tokenizer_(tokenizer), options_(options) {}

  void add(int64_t number, const std::vector<int32_t>& ids) {
    if (options_.json) return add_json(number, ids);
    std::cout << "--- document " << number << ": " << ids.size() << " tokens\n";
    if (tokenizer_ != nullptr) {
      std::cout << shown_tokens(*tokenizer_, ids, options_.in_colour()) << "\n";
      return;
    }
    for (size_t i = 0; i < ids.size(); ++i) std::cout << (i > 0 ? " " : "") << ids[i];
    std::cout << "\n";
  }
  void add(int64_t number, const std::string& text) {
    if (tokenizer_ != nullptr)
      return add(number, tokenizer_->encode(text, {.find_special_tokens = false}));
    if (options_.json)
      list_.push_back({{"document", number}, {"bytes", text.size()}, {"text", text}});
    else
      std::cout << "--- document " << number << ": " << text.size() << " bytes\n"
                << for_output(text) << "\n";
  }
  void finish(const std::string& format, int64_t documents) const {
    if (options_.json) print_json(format, options_, {{"documents", documents}, {"shown", list_}});
  }

 private:
  void add_json(int64_t number, const std::vector<int32_t>& ids) {
    list_.push_back({{"document", number}, {"tokens", ids.size()}, {"ids", ids}});
    if (tokenizer_ == nullptr) return;
    auto& pieces = list_.back()["pieces"] = nlohmann::ordered_json::array();
    for (const int32_t id : ids) pieces.push_back(shown_token(*tokenizer_, id));
  }

  const text::Tokenizer* tokenizer_;
  const Options& options_;
  nlohmann::ordered_json list_ = nlohmann::ordered_json::array();
};

OptionalTokenizer tokenizer_for(const Options& options, const Path& folder) {
  if (!options.tokenizer.empty()) return text::load_tokenizer(options.tokenizer);
  if (!text::has_tokenizer(folder.string())) return nullptr;
  return text::load_tokenizer(folder.string());
}

// It comes once all shards are read: before an error nothing is printed.
void print_title(const std::string& title, const Options& options) {
  if (!options.json && !options.shows_documents()) std::cout << title << "\n";
}

// What of shards is not in them.
struct ShardFacts {
  std::string format;
  std::string more = {};  // for the title
  int64_t bytes = -1;     // of the text; -1: not known
};

void inspect_shards(const data::ShardDocuments& shards, const ShardFacts& facts,
                    const text::Tokenizer* tokenizer, const Options& options) {
  if (options.shows_documents()) {
    ShownDocuments shown(tokenizer, options);
    for (const int64_t number : chosen_documents(options, shards.documents()))
      shown.add(number, shards.document(number));
    return shown.finish(facts.format, shards.documents());
  }
  data::CorpusStatistics statistics;
  shards.for_each_piece([&](std::span<const int32_t> tokens, std::span<const int64_t> starts) {
    size_t at = 0;
    for (const int64_t start : starts) {
      statistics.add(tokens.subspan(at, static_cast<size_t>(start) - at));
      statistics.begin_document();
      at = static_cast<size_t>(start);
    }
    statistics.add(tokens.subspan(at));
  });
  statistics.finish();
  print_title(facts.format + facts.more, options);
  print_summary(
      {.format = facts.format, .unit = "tokens", .bytes = facts.bytes, .statistics = statistics},
      tokenizer, options);
}

// ", 3 features: age, city=Oslo and more".
std::string features_of(const data::DatasetManifest& manifest) {
  constexpr size_t kMostShown = 200;
  if (manifest.features.empty()) return "";
  std::string names;
  for (const std::string& name : manifest.features) {
    if (names.size() > kMostShown) {
      names += " and more";
      break;
    }
    names += (names.empty() ? "" : ", ") + name;
  }
  return ", " + std::to_string(manifest.features.size()) + " features: " + printable(names);
}

void inspect_tokens_folder(const Options& options) {
  const data::DatasetManifest manifest = data::read_manifest(options.path);
  const data::Split split =
      options.split == "train" ? data::Split::kTrain : data::Split::kValidation;
  const OptionalTokenizer tokenizer = tokenizer_for(options, options.path);
  const data::ShardDocuments shards(data::ShardDocuments::paths_of(options.path, split));
  const std::string more = ", " + options.split + " split, tokenizer " +
                           printable(manifest.tokenizer) + " with " +
                           std::to_string(manifest.vocab_size) + " ids" + features_of(manifest);
  inspect_shards(shards,
                 {.format = "tokens folder", .more = more, .bytes = manifest.split(split).bytes},
                 tokenizer.get(), options);
}

void inspect_shard(const Options& options) {
  const OptionalTokenizer tokenizer = tokenizer_for(options, parent_folder(options.path));
  const data::ShardDocuments shards({options.path});
  inspect_shards(shards, {.format = "shard of tokens"}, tokenizer.get(), options);
}

std::string told(const data::LeftOut& left) {
  return std::to_string(left.count) + " x " + left.reason + " (" + printable(left.example) + ")";
}

// Calls visit(piece) for each piece of each document; returns what is left out. Throws Error where
// nothing of the input can be read.
template <class Visit>
std::vector<data::LeftOut> for_each_text(const Options& options, Visit visit) {
  const data::InputFiles inputs = data::collect_inputs(real_file_system(), {options.path});
  data::TextReader reader(real_file_system(), inputs,
                          {.text_field = options.text_field,
                           .invalid_utf8 = data::InvalidUtf8::kReplace,
                           .bad_input = data::BadInput::kSkip});
  int64_t documents = 0;
  for (data::TextPiece piece; reader.next(piece);) {
    documents += piece.begins_document;
    visit(piece);
  }
  const std::vector<data::LeftOut>& left_out = reader.left_out().items();
  if (documents == 0 && !left_out.empty())
    throw Error(quote_path(options.path) +
                " has no text that can be read: " + told(left_out.front()) +
                (left_out.size() > 1 ? ", and " + told(left_out.back()) : ""));
  return left_out;
}

void print_texts(int64_t documents, const text::Tokenizer* tokenizer, const Options& options) {
  const std::vector<int64_t> chosen = chosen_documents(options, documents);
  std::map<int64_t, std::string> texts;
  for (const int64_t number : chosen) texts[number];
  int64_t number = -1;
  for_each_text(options, [&](const data::TextPiece& piece) {
    number += piece.begins_document;
    if (const auto found = texts.find(number); found != texts.end()) found->second += piece.text;
  });
  ShownDocuments shown(tokenizer, options);
  for (const int64_t n : chosen) shown.add(n, texts[n]);
  shown.finish("text", documents);
}

void inspect_text(const Options& options) {
  OptionalTokenizer tokenizer;
  if (!options.tokenizer.empty()) tokenizer = text::load_tokenizer(options.tokenizer);
  data::CorpusStatistics statistics;
  int64_t bytes = 0;
  const auto left_out = for_each_text(options, [&](const data::TextPiece& piece) {
    if (piece.begins_document) statistics.begin_document();
    bytes += static_cast<int64_t>(piece.text.size());
    if (tokenizer && !options.shows_documents())
      statistics.add(tokenizer->encode(
          piece.text, {.add_special_tokens = false, .find_special_tokens = false}));
    else statistics.add_length(static_cast<int64_t>(piece.text.size()));
  });
  for (const data::LeftOut& left : left_out) std::cerr << "weft: " << told(left) << "\n";
  statistics.finish();
  if (options.shows_documents())
    return print_texts(statistics.documents(), tokenizer.get(), options);
  print_summary({.format = "text",
                 .unit = tokenizer ? "tokens" : "bytes",
                 .bytes = bytes,
                 .statistics = statistics},
                tokenizer.get(), options);
}

struct Kind {
  bool (*is)(const Path& path);
  void (*inspect)(const Options& options);
};

// The first that fits; text is what nothing else is.
constexpr std::array kKinds = {
    Kind{[](const Path& path) {
           return real_file_system().status(path).kind == FileKind::kFolder &&
                  FormatSource{.path = path, .is_folder = true}.has(
                      std::string(data::kManifestName));
         },
         inspect_tokens_folder},
    Kind{[](const Path& path) { return path.extension() == ".weft"; }, inspect_shard},
    Kind{[](const Path&) { return true; }, inspect_text}};

void run(const Options& options) {
  if (inspect_format({.path = options.path,
                      .json = options.json,
                      .hashes = !options.quick,
                      .as_text = options.shows_documents()}))
    return;
  for (const Kind& kind : kKinds)
    if (kind.is(options.path)) return kind.inspect(options);
}

}  // namespace

void add_inspect(Verb& app) {
  auto options = std::make_shared<Options>();
  Verb verb = app.add_verb("inspect", "Tell what a file or folder holds");
  verb.footer(
      "Examples:\n  weft inspect model.safetensors\n  weft inspect runs/demo/checkpoint-100\n"
      "  weft inspect runs/demo/tokens\n"
      "  weft inspect runs/demo/tokens --random 3 --seed 1\n"
      "  weft inspect corpus.jsonl.zst --tokenizer runs/demo/tokenizer.json --document 17\n"
      "Documents count from 0. A file that training would refuse is refused here in the same\n"
      "words, with exit code 2.");
  verb.add_option(
          "path", options->path,
          "weights, a model, a checkpoint, a run, a tokenizer, a config, a tokens folder or "
          "shard, or text: a file, a folder, a pattern")
      .required();
  verb.add_option("--document", options->document, "show this document, with its tokens marked");
  verb.add_option("--random", options->random, "show this many documents, drawn at random")
      .between(0, int64_t{1} << 40);
  verb.add_option("--seed", options->seed, "of --random").shows_default();
  verb.add_option("--split", options->split, "of a tokens folder: train or validation")
      .among({"train", "validation"})
      .shows_default();
  verb.add_option("--tokenizer", options->tokenizer,
                  "a tokenizer.json, its folder, or bytes; a tokens folder has its own");
  verb.add_option("--text-field", options->text_field, "where records hold text").shows_default();
  verb.add_option("--color", options->color, "auto, always or never")
      .among({"auto", "always", "never"})
      .shows_default();
  verb.add_flag("--quick", options->quick, "leave out the hashes of tensors and files");
  verb.add_flag("--json", options->json, "as JSON");
  verb.callback([options] { run(*options); });
}

}  // namespace weft::cli
