#include "generate/generator.h"

#include <algorithm>

#include "generate/stop_strings.h"

namespace weft::generate {

std::string_view name_of(StopReason reason) {
  switch (reason) {
    case StopReason::kLength: return "length";
    case StopReason::kEndOfText: return "end of text";
    case StopReason::kStopString: return "stop string";
    case StopReason::kInterrupted: return "interrupted";
  }
  return "?";
}

namespace {

// One text in the making.
class Sequence {
 public:
  Sequence(std::vector<int32_t> prompt, uint64_t number, const text::Tokenizer& tokenizer,
           const GenerateOptions& options)
      : history_(std::move(prompt)),
        number_(number),
        options_(options),
        decoder_(tokenizer),
        stops_(options.stops) {
    for (const int32_t token : history_) decoder_.push(token);  // what comes continues the prompt
  }

  bool running() const { return running_; }
  const std::vector<int32_t>& history() const { return history_; }
  Generated& result() { return result_; }

  // Chooses the next token and returns the text that may be shown now.
  std::string choose(std::span<float> logits) {
    const uint64_t position = result_.tokens.size();
    return take(choose_token(logits, history_, options_.sampling,
                             {.seed = options_.seed, .sequence = number_, .position = position}));
  }

  // Continues with a token and returns the text that may be shown now.
  std::string take(int32_t token) {
    history_.push_back(token);
    result_.tokens.push_back(token);
    const auto& eos = options_.eos_tokens;
    if (std::find(eos.begin(), eos.end(), token) != eos.end()) return end(StopReason::kEndOfText);
    std::string piece = stops_.push(decoder_.push(token));
    result_.text += piece;
    if (stops_.stopped()) return piece + end(StopReason::kStopString);
    if (static_cast<int64_t>(result_.tokens.size()) >= options_.max_new_tokens)
      return piece + end(StopReason::kLength);
    return piece;
  }

  // Ends the text and returns what was still held back.
  std::string end(StopReason reason) {
    running_ = false;
    result_.reason = reason;
    if (reason == StopReason::kStopString) return {};
    std::string rest = stops_.push(decoder_.finish());
    if (!stops_.stopped()) rest += stops_.finish();
    result_.text += rest;
    return rest;
  }

 private:
  std::vector<int32_t> history_;
  uint64_t number_;
  const GenerateOptions& options_;
  text::StreamDecoder decoder_;
  StopMatcher stops_;
  Generated result_;
  bool running_ = true;
};

void check_prompts(const CachedModel& model, const Prompts& prompts) {
  WEFT_ASSERT(static_cast<int64_t>(prompts.ids.size()) <= model.batch());
  for (const auto& ids : prompts.ids)
    if (ids.empty()) throw Error("the prompt has no tokens; give at least one character");
}

}  // namespace

std::vector<Generated> generate(CachedModel& model, const text::Tokenizer& tokenizer,
                                const Prompts& prompts, const GenerateOptions& options,
                                const OnText& on_text) {
  check(options.sampling);
  check_prompts(model, prompts);
  model.reset();
  model.limit_vocabulary(tokenizer.vocab_size());
  std::vector<Sequence> sequences;
  std::vector<std::vector<int32_t>> next(static_cast<size_t>(model.batch()));
  for (size_t i = 0; i < prompts.ids.size(); ++i) {
    sequences.emplace_back(prompts.ids[i], prompts.first + i, tokenizer, options);
    next[i] = prompts.ids[i];
  }
  const size_t vocabulary = static_cast<size_t>(model.vocab_size());
  // Embeddings are often padded beyond the tokenizer's ids: such tokens have no text.
  std::vector<float> logits(std::min(vocabulary, static_cast<size_t>(tokenizer.vocab_size())));
  const auto running = [](const Sequence& s) { return s.running(); };
  bool go_on = options.max_new_tokens > 0;
  while (go_on && std::any_of(sequences.begin(), sequences.end(), running)) {
    const std::span<const float> all = model.append(next);
    for (size_t i = 0; i < sequences.size(); ++i) {
      next[i].clear();
      if (!sequences[i].running()) continue;
      std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(i * vocabulary), logits.size(),
                  logits.begin());
      const std::string piece = sequences[i].choose(logits);
      if (on_text && !piece.empty()) go_on = on_text(i, piece) && go_on;
      if (sequences[i].running()) next[i] = {sequences[i].history().back()};
    }
  }
  std::vector<Generated> results;
  for (Sequence& sequence : sequences) {
    if (sequence.running() && options.max_new_tokens > 0) sequence.end(StopReason::kInterrupted);
    results.push_back(std::move(sequence.result()));
  }
  return results;
}

Generated generate_beams(CachedModel& model, const text::Tokenizer& tokenizer,
                         const std::vector<int32_t>& prompt, const BeamOptions& beams,
                         const std::vector<std::string>& stops) {
  WEFT_ASSERT(model.batch() == beams.num_beams);
  model.reset();
  model.limit_vocabulary(tokenizer.vocab_size());
  const GenerateOptions options{
      .max_new_tokens = INT64_MAX, .eos_tokens = beams.eos_tokens, .stops = stops};
  const auto as_text = [&](std::span<const int32_t> tokens) {
    Sequence sequence(prompt, 0, tokenizer, options);
    for (const int32_t token : tokens)
      if (sequence.running()) sequence.take(token);
    if (sequence.running()) sequence.end(StopReason::kLength);
    return std::move(sequence.result());
  };
  BeamSearch::StopRule stop_rule;
  if (!stops.empty())
    stop_rule = [&](std::span<const int32_t> sequence) {
      return as_text(sequence.subspan(prompt.size())).reason == StopReason::kStopString;
    };
  bool first = true;
  const BeamStep step = [&](const std::vector<std::vector<int32_t>>& sequences,
                            const std::vector<int32_t>& parents) {
    if (!first) model.reorder(parents);
    std::vector<std::vector<int32_t>> next;
    for (const auto& sequence : sequences)
      next.push_back(first ? sequence : std::vector<int32_t>{sequence.back()});
    first = false;
    return model.append(next);
  };
  const auto best = beam_search(BeamSearch(prompt, beams, stop_rule), step, 1);
  return as_text(best.at(0).tokens);
}

}  // namespace weft::generate
