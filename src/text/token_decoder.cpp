// Decoders of tokenizer files (token_decoder.h).
#include "text/token_decoder.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/quote.h"
#include "text/byte_alphabet.h"
#include "text/replacement.h"
#include "text/utf8.h"
#include "weft/error.h"

namespace weft::text {
namespace {

constexpr size_t kMaxSteps = 32;
constexpr int kMaxDepth = 4;
constexpr std::string_view kReplacementCharacter = "\uFFFD";

std::string joined(const std::vector<std::string>& tokens) {
  std::string all;
  for (const std::string& token : tokens) all += token;
  return all;
}

size_t total_size(const std::vector<std::string>& tokens) {
  size_t size = 0;
  for (const std::string& token : tokens) size += token.size();
  return size;
}

class ByteLevelStep final : public DecoderStep {
 public:
  void apply(std::vector<std::string>& tokens, const DecodeOptions& options) const override {
    std::string bytes;
    for (const std::string& token : tokens) bytes += TokenDecoder::bytes_of_token(token);
    if (options.replace_invalid_utf8) {
      std::string valid;
      append_replacing_invalid(valid, bytes);
      bytes = std::move(valid);
    }
    tokens.assign(1, std::move(bytes));
  }
};

class ReplaceStep final : public DecoderStep {
 public:
  explicit ReplaceStep(JsonFields& fields) : replacement_(fields) {}
  void apply(std::vector<std::string>& tokens, const DecodeOptions&) const override {
    for (std::string& token : tokens) token = replacement_.apply(token);
  }

 private:
  Replacement replacement_;
};

class FuseStep final : public DecoderStep {
 public:
  void apply(std::vector<std::string>& tokens, const DecodeOptions&) const override {
    tokens.assign(1, joined(tokens));
  }
};

// The byte that "<0x41>" stands for.
std::optional<char> byte_of(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  int value = 0;
  for (const char c : token.substr(3, 2)) {
    const char low = static_cast<char>(c | 32);
    if (c >= '0' && c <= '9') {
      value = value * 16 + (c - '0');
    } else if (low >= 'a' && low <= 'f') {
      value = value * 16 + (low - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return static_cast<char>(value);
}

// Runs of byte tokens become text; each byte of a run that is not UTF-8 becomes U+FFFD.
class ByteFallbackStep final : public DecoderStep {
 public:
  void apply(std::vector<std::string>& tokens, const DecodeOptions& options) const override {
    std::vector<std::string> out;
    std::string run;
    const auto flush = [&] {
      if (run.empty()) return;
      const bool keep = !options.replace_invalid_utf8 || valid_utf8_prefix(run) == run.size();
      if (keep) out.push_back(run);
      if (!keep) out.insert(out.end(), run.size(), std::string(kReplacementCharacter));
      run.clear();
    };
    for (std::string& token : tokens) {
      if (const auto byte = byte_of(token)) {
        run += *byte;
        continue;
      }
      flush();
      out.push_back(std::move(token));
    }
    flush();
    tokens = std::move(out);
  }
};

// Cuts a character from both ends of each token, a number of times. On fused text that is done at
// the start of the whole text only, not where a stream goes on.
class StripStep final : public DecoderStep {
 public:
  StripStep(JsonFields& fields, bool fused)
      : content_(fields.text("content")),
        start_(static_cast<size_t>(fields.integer("start", 0, 1 << 20))),
        stop_(static_cast<size_t>(fields.integer("stop", 0, 1 << 20))),
        fused_(fused) {
    if (content_.empty() || utf8_at(content_, 0).size != content_.size()) {
      fields.fail("content", "must be one character");
    }
  }

  void apply(std::vector<std::string>& tokens, const DecodeOptions& options) const override {
    const size_t start = fused_ && options.continues ? 0 : start_;
    for (std::string& token : tokens) {
      std::string_view rest = token;
      for (size_t i = 0; i < start && rest.starts_with(content_); ++i)
        rest.remove_prefix(content_.size());
      for (size_t i = 0; i < stop_ && rest.ends_with(content_); ++i)
        rest.remove_suffix(content_.size());
      token = std::string(rest);
    }
  }

 private:
  std::string content_;
  size_t start_, stop_;
  bool fused_;
};

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  if (from.empty()) return;
  for (size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

// English as people write it: no spaces before punctuation and in contractions.
void clean_up(std::string& text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kRules = {
      {{" .", "."},
       {" ?", "?"},
       {" !", "!"},
       {" ,", ","},
       {" ' ", "'"},
       {" n't", "n't"},
       {" 'm", "'m"},
       {" do not", " don't"},
       {" 's", "'s"},
       {" 've", "'ve"},
       {" 're", "'re"}}};
  for (const auto& [from, to] : kRules) replace_all(text, from, to);
}

// A space before each token that does not go on with a word.
class WordPieceStep final : public DecoderStep {
 public:
  explicit WordPieceStep(JsonFields& fields)
      : prefix_(fields.text("prefix")), cleans_up_(fields.flag_or("cleanup", true)) {}
  void apply(std::vector<std::string>& tokens, const DecodeOptions& options) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      std::string& token = tokens[i];
      if (i > 0 || options.continues) {
        if (token.starts_with(prefix_)) {
          token.erase(0, prefix_.size());
        } else {
          token.insert(0, " ");
        }
      }
      if (cleans_up_) clean_up(token);
    }
  }

 private:
  std::string prefix_;
  bool cleans_up_;
};

// The end-of-word mark of old BPEs becomes a space, save at the end.
class SuffixStep final : public DecoderStep {
 public:
  explicit SuffixStep(JsonFields& fields) : suffix_(fields.text("suffix")) {}
  void apply(std::vector<std::string>& tokens, const DecodeOptions&) const override {
    for (size_t i = 0; i < tokens.size(); ++i)
      replace_all(tokens[i], suffix_, i + 1 < tokens.size() ? " " : "");
  }

 private:
  std::string suffix_;
};

// Connectionist temporal classification (speech): repeated tokens are one, padding is none.
class CtcStep final : public DecoderStep {
 public:
  explicit CtcStep(JsonFields& fields)
      : pad_(fields.text("pad_token")),
        delimiter_(fields.text("word_delimiter_token")),
        cleans_up_(fields.flag_or("cleanup", true)) {}
  void apply(std::vector<std::string>& tokens, const DecodeOptions&) const override {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) {
      replace_all(token, pad_, "");
      if (!cleans_up_) continue;
      clean_up(token);
      replace_all(token, delimiter_, " ");
    }
    std::erase(tokens, "");
  }

 private:
  std::string pad_, delimiter_;
  bool cleans_up_;
};

class MetaspaceStep final : public DecoderStep {
 public:
  explicit MetaspaceStep(JsonFields& fields) : mark_(fields.text("replacement")) {
    if (mark_.empty() || utf8_at(mark_, 0).size != mark_.size()) {
      fields.fail("replacement", "must be one character");
    }
    const std::string scheme = fields.text_or_empty("prepend_scheme");
    drops_first_ = scheme != "never" && fields.flag_or("add_prefix_space", true);
    fields.flag_or("split", true);
    fields.ignore("str_rep");
  }

  void apply(std::vector<std::string>& tokens, const DecodeOptions& options) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      const bool drop = i == 0 && drops_first_ && !options.continues;
      std::string out;
      std::string_view rest = tokens[i];
      while (!rest.empty()) {
        const bool is_mark = rest.starts_with(mark_);
        if (is_mark && !drop) out += ' ';
        if (!is_mark) out += rest[0];
        rest.remove_prefix(is_mark ? mark_.size() : 1);
      }
      tokens[i] = std::move(out);
    }
  }

 private:
  std::string mark_;
  bool drops_first_;
};

}  // namespace

TokenDecoder::TokenDecoder(const Json& component, const std::string& path) : path_(path) {
  joins_with_spaces_ = component.is_null();
  if (component.is_null()) return;
  read(component, path, 0);
  only_byte_level_ = component_type(component, path) == "ByteLevel";
}

// Steps that look at all tokens alike.
bool TokenDecoder::read_step(const std::string& type, JsonFields& fields) {
  const auto add = [&](std::unique_ptr<const DecoderStep> step) {
    steps_.push_back(std::move(step));
    return true;
  };
  if (type == "Replace") return add(std::make_unique<ReplaceStep>(fields));
  if (type == "ByteFallback") return add(std::make_unique<ByteFallbackStep>());
  if (type == "Strip") return add(std::make_unique<StripStep>(fields, fused_));
  if (type == "Metaspace") return add(std::make_unique<MetaspaceStep>(fields));
  if (type == "WordPiece") return add(std::make_unique<WordPieceStep>(fields));
  if (type == "BPEDecoder") return add(std::make_unique<SuffixStep>(fields));
  if (type == "CTC") return add(std::make_unique<CtcStep>(fields));
  return false;
}

void TokenDecoder::read(const Json& component, const std::string& path, int depth) {
  JsonFields fields(component, path);
  const std::string& type = fields.text("type");
  if (type == "ByteLevel") {
    for (const char* key : {"add_prefix_space", "trim_offsets", "use_regex"})
      fields.flag_or(key, true);
    steps_.push_back(std::make_unique<ByteLevelStep>());
    fused_ = true;
  } else if (type == "Fuse") {
    steps_.push_back(std::make_unique<FuseStep>());
    fused_ = true;
  } else if (type == "Sequence" && depth < kMaxDepth) {
    const Json& list = fields.array("decoders", kMaxSteps);
    for (size_t i = 0; i < list.size(); ++i) {
      read(list[i], fields.path_of("decoders") + "[" + std::to_string(i) + "]", depth + 1);
    }
  } else if (!read_step(type, fields)) {
    fields.fail("type", "the decoder " + quote(type) +
                            " is not known; known: BPEDecoder, ByteFallback, ByteLevel, CTC, Fuse, "
                            "Metaspace, Replace, Sequence, Strip, WordPiece");
  }
  fields.done();
  if (steps_.size() > kMaxSteps) {
    throw Error(path + ": more than " + std::to_string(kMaxSteps) + " steps");
  }
}

std::string TokenDecoder::bytes_of_token(std::string_view token) {
  auto bytes = bytes_of_letters(token);
  return bytes ? std::move(*bytes) : std::string(token);
}

std::string TokenDecoder::decode(std::vector<std::string> tokens,
                                 const DecodeOptions& options) const {
  const size_t given = total_size(tokens);
  for (const auto& step : steps_) {
    step->apply(tokens, options);
    check_growth(given, total_size(tokens), path_);
  }
  if (!joins_with_spaces_) return joined(tokens);
  std::string all;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0 || options.continues) all += ' ';
    all += tokens[i];
  }
  return all;
}

}  // namespace weft::text
