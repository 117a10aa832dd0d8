// `weft tokenizer encode` and `decode`: lines of text to ids and back, on all threads.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "cli/verb.h"
#include "core/file_system.h"
#include "core/quote.h"
#include "core/thread_pool.h"
#include "text/tokenizer.h"
#include "weft/philox.h"

namespace weft::cli {
namespace {

constexpr int64_t kMaxInputBytes = int64_t{1} << 32;
// Lines that a thread takes at a time, and what is done before the next output.
constexpr size_t kTileBytes = 64 << 10;
constexpr size_t kTilesOfRound = 256;

struct Options {
  std::string tokenizer;
  std::string file;
  int threads = 0;
  bool whole = false;
  bool special = false;
  bool offsets = false;
  bool bytes = false;
  std::optional<uint64_t> dropout_seed;
};

struct Line {
  std::string_view text;
  uint64_t number;  // from 0
};

std::string read_input(const std::string& file) {
  if (!file.empty() && file != "-") return read_text_file(file, kMaxInputBytes);
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

// Appends what becomes of a line.
using Coder = void (*)(const text::Tokenizer& tokenizer, const Line& line, const Options& options,
                       std::string& out);

void append_number(size_t number, std::string& out) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), number).ptr;
  out.append(digits.begin(), end);
}

// "101:0-0 2129:0-3": each id with the bytes of the line that it stands for.
void append_ids_with_offsets(const text::Tokenizer& tokenizer, const Line& line,
                             const Options& options, std::string& out) {
  const auto rows = tokenizer.encode_rows(line.text, {}, {.add_special_tokens = options.special});
  for (size_t i = 0; i < rows[0].size(); ++i) {
    if (i > 0) out += ' ';
    append_number(static_cast<size_t>(rows[0].ids[i]), out);
    append_number(rows[0].offsets[i].begin, out += ':');
    append_number(rows[0].offsets[i].end, out += '-');
  }
  out += '\n';
}

void append_ids(const text::Tokenizer& tokenizer, const Line& line, const Options& options,
                std::string& out) {
  text::EncodeOptions encode{.add_special_tokens = options.special};
  if (options.dropout_seed) {
    const PhiloxBlock key = philox(*options.dropout_seed, line.number);
    encode.dropout_key = uint64_t{key[1]} << 32 | key[0];
  }
  bool first = true;
  for (const int32_t id : tokenizer.encode(line.text, encode)) {
    if (!first) out += ' ';
    append_number(static_cast<size_t>(id), out);
    first = false;
  }
  out += '\n';
}

std::vector<int32_t> parse_ids(std::string_view line) {
  std::vector<int32_t> ids;
  for (size_t at = 0; (at = line.find_first_not_of(" \t\r\n", at)) != std::string_view::npos;) {
    const size_t end = std::min(line.find_first_of(" \t\r\n", at), line.size());
    const std::string_view word = line.substr(at, end - at);
    int32_t id = -1;
    const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc() || rest != word.data() + word.size() || id < 0)
      throw Error(quote(word) + " is no token id; write ids as numbers with spaces between");
    ids.push_back(id);
    at = end;
  }
  return ids;
}

void append_text(const text::Tokenizer& tokenizer, const Line& line, const Options& options,
                 std::string& out) {
  out += tokenizer.decode(parse_ids(line.text), {.skip_special_tokens = !options.special,
                                                 .replace_invalid_utf8 = !options.bytes});
  if (!options.whole) out += '\n';
}

// Errors say where.
void code_line(Coder coder, const text::Tokenizer& tokenizer, const Line& line,
               const Options& options, std::string& out) {
  try {
    coder(tokenizer, line, options, out);
  } catch (const Error& error) {
    const bool is_piped = options.file.empty() || options.file == "-";
    const std::string number = options.whole ? "" : ":" + std::to_string(line.number + 1);
    throw Error((is_piped ? "standard input" : options.file) + number + ": " + error.what(),
                error.code());
  }
}

// Lines without their LF, or the whole text, in pieces where it may be cut; where they end depends
// on the text alone.
class Tiles {
 public:
  // `cutter` may be null: a whole text is one tile.
  Tiles(std::string_view text, bool whole, const text::Tokenizer* cutter)
      : text_(text), whole_(whole), cutter_(cutter) {}

  // The text of the next tile, and the number of its first line; empty at the end.
  Line next() {
    const size_t begin = at_;
    const uint64_t number = lines_;
    at_ = end_behind(std::min(begin + kTileBytes, text_.size()));
    const std::string_view tile = text_.substr(begin, at_ - begin);
    lines_ += static_cast<uint64_t>(std::ranges::count(tile, '\n'));
    return {tile, number};
  }
  template <class Body>
  void for_each_line(const Line& tile, const Body& body) const {
    if (whole_) return body(tile);
    Line line{{}, tile.number};
    for (size_t begin = 0; begin < tile.text.size(); ++line.number) {
      const size_t end = std::min(tile.text.find('\n', begin), tile.text.size());
      line.text = tile.text.substr(begin, end - begin);
      body(line);
      begin = end + 1;
    }
  }

 private:
  size_t end_behind(size_t place) const {
    if (whole_) return cutter_ == nullptr ? text_.size() : cutter_->next_cut(text_, place);
    const size_t line = text_.find('\n', place);
    return line == text_.npos ? text_.size() : line + 1;
  }

  std::string_view text_;
  bool whole_;
  const text::Tokenizer* cutter_;
  size_t at_ = 0;
  uint64_t lines_ = 0;
};

struct Result {
  Line tile;
  std::string out;
  std::exception_ptr error = {};
};

// In the order of the tiles. What stands before a line that fails is written. The ids of a text
// that was cut become one line.
class Writer {
 public:
  explicit Writer(bool joins) : joins_(joins) {}
  ~Writer() {
    if (joins_) std::cout << '\n';
  }
  void write(const Result& result) {
    std::string_view out = result.out;
    if (joins_ && out.ends_with('\n')) out.remove_suffix(1);
    if (joins_ && !out.empty() && !std::exchange(at_start_, false)) std::cout << ' ';
    std::cout << for_output(out);
    if (result.error != nullptr) std::rethrow_exception(result.error);
  }

 private:
  bool joins_;
  bool at_start_ = true;
};

// Of a whole text, where nothing but its ids is asked for.
bool may_be_cut(const Options& options, Coder coder) {
  return options.whole && coder == append_ids && !options.special && !options.dropout_seed;
}

void run(const Options& options, Coder coder) {
  const auto tokenizer = text::load_tokenizer(options.tokenizer);
  const std::string text = read_input(options.file);
  interrupts();  // from here on; reading what is typed or piped is ended by them at once
  if (options.dropout_seed && !(tokenizer->dropout() > 0))
    throw Error("--dropout-seed: '" + options.tokenizer + "' has no dropout");
  const ThreadPool pool(thread_count(options.threads));
  const bool cuts = may_be_cut(options, coder);
  Tiles tiles(text, options.whole, cuts ? tokenizer.get() : nullptr);
  if (options.whole && text.empty()) {
    std::string out;
    code_line(coder, *tokenizer, {text, 0}, options, out);
    std::cout << for_output(out);
    return;
  }
  Writer writer(cuts);
  while (true) {
    std::vector<Result> round;
    while (round.size() < kTilesOfRound) {
      const Line tile = tiles.next();
      if (tile.text.empty()) break;
      round.push_back({tile, {}});
    }
    if (round.empty()) return;
    pool(static_cast<int64_t>(round.size()), [&](int64_t i, int) {
      Result& result = round[static_cast<size_t>(i)];
      try {
        tiles.for_each_line(result.tile, [&](const Line& line) {
          code_line(coder, *tokenizer, line, options, result.out);
        });
      } catch (...) {
        result.error = std::current_exception();
      }
    });
    for (const Result& result : round) writer.write(result);
    if (interrupts().load() > 0) throw Error("interrupted before the end", ExitCode::kInterrupted);
  }
}

void add_coder(Verb& parent, bool encodes) {
  auto options = std::make_shared<Options>();
  Verb verb = encodes ? parent.add_verb("encode", "Text to ids, line by line")
                      : parent.add_verb("decode", "Ids to text, line by line");
  verb.footer(std::string("Example:\n  weft tokenizer ") + (encodes ? "encode" : "decode") +
              " --tokenizer runs/demo/tokenizer.json input.txt");
  verb.add_option("--tokenizer", options->tokenizer, kTokenizerFiles).required();
  verb.add_option("file", options->file, "the input; standard input without it");
  verb.add_flag("--whole", options->whole, "the input as one text");
  if (encodes) {
    const Option offsets =
        verb.add_flag("--offsets", options->offsets,
                      "each id as id:begin-end, in bytes of the line or of the whole");
    verb.add_option("--dropout-seed", options->dropout_seed,
                    "leave out merges at random, as the tokenizer's dropout says; without it none")
        .excludes(offsets);
  } else {
    verb.add_flag("--bytes", options->bytes,
                  "bytes that are no UTF-8 as they are; without it they become U+FFFD");
  }
  verb.add_flag("--special", options->special,
                encodes ? "add the tokenizer's special tokens" : "show special tokens");
  verb.add_option("--threads", options->threads, "0: as many as the process may use")
      .between(0, 4096)
      .shows_default();
  verb.callback([options, encodes] {
    const Coder encoder = options->offsets ? append_ids_with_offsets : append_ids;
    run(*options, encodes ? encoder : append_text);
  });
}

}  // namespace

void add_tokenizer_coders(Verb& tokenizer) {
  add_coder(tokenizer, true);
  add_coder(tokenizer, false);
}

}  // namespace weft::cli
