// Beam search, as Hugging Face's `generate` does it (num_beams > 1, do_sample false), over logits
// that somebody else computes. Not here: the model, its KV cache, the tokenizer, beam sampling.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "weft/visit.h"

namespace weft::generate {

// When a search ends before max_new_tokens. Scores are log probabilities divided by
// length ^ length_penalty, so a longer text may have a better score.
enum class EarlyStopping : uint8_t {
  kHeuristic,  // false: when no running beam would enter the best ones at its present length
  kFirst,      // true: as soon as num_beams texts are finished
  kNever,      // never: when no running beam could enter the best ones at any allowed length
};

constexpr std::string_view name_of(EarlyStopping value) {
  return value == EarlyStopping::kHeuristic ? "false"
         : value == EarlyStopping::kFirst   ? "true"
                                            : "never";
}

struct BeamOptions {
  int64_t num_beams = 4;
  int64_t max_new_tokens = 20;
  double length_penalty = 1.0;  // above 0 favours long texts, below 0 short ones
  EarlyStopping early_stopping = EarlyStopping::kHeuristic;
  double repetition_penalty = 1.0;       // applied to log probabilities, as Hugging Face does
  std::vector<int32_t> eos_tokens = {};  // any of them ends a text
};

// Throws Error with the name, the value and the allowed range of an option out of range.
void check(const BeamOptions& options);

struct Hypothesis {
  std::vector<int32_t> tokens;  // without the prompt; with the end token, if it ended by one
  double score = 0;             // sum of log probabilities / (number of tokens ^ length_penalty)
};

// The search for one prompt, step by step, so that a caller may advance several in one batch:
//
//     BeamSearch search(prompt, options);
//     while (!search.done()) search.advance(logits of search.sequences(), [num_beams, vocabulary]);
//     search.best(1)
//
// Scores are kept in double precision. Of equal scores the lower beam, then the lower id is better.
class BeamSearch {
 public:
  // Whether a text (with its prompt) ends here for a reason of the caller's, such as a stop string.
  using StopRule = std::function<bool(std::span<const int32_t> sequence)>;

  // Throws Error if the prompt is empty or an option is out of range.
  BeamSearch(std::vector<int32_t> prompt, BeamOptions options, StopRule stop_rule = nullptr);

  bool done() const { return done_; }
  // The running beams, num_beams of them, each with its prompt. All equal before the first step.
  const std::vector<std::vector<int32_t>>& sequences() const { return sequences_; }
  // For each running beam the index of the beam it continues, in the order before the last
  // advance(): what to do with the rows of a KV cache.
  const std::vector<int32_t>& parents() const { return parents_; }

  // Takes the logits [num_beams, vocabulary] of the token after each running beam. Throws Error if
  // a logit is NaN or +infinity.
  void advance(std::span<const float> logits_BV);

  // The `count` <= num_beams best texts, best first; fewer if fewer have ended.
  std::vector<Hypothesis> best(int64_t count) const;

 private:
  struct Candidate {
    double score = 0;  // sum of log probabilities
    int64_t beam = 0;
    int32_t token = 0;
    bool ends = false;
  };
  struct Finished {
    std::vector<int32_t> tokens;
    double score = 0;
    bool real = false;  // false for the place holders at the start
  };

  std::vector<Candidate> best_candidates(std::span<const float> logits_BV) const;
  std::vector<int32_t> extended(const Candidate& candidate) const;
  bool ends(const Candidate& candidate) const;
  void update_finished(const std::vector<Candidate>& candidates);
  void keep_running(std::vector<Candidate> candidates);
  bool improvement_possible() const;
  bool all_finished() const;
  double normalized(double score, int64_t length) const;

  BeamOptions options_;
  StopRule stop_rule_;
  int64_t prompt_length_ = 0;
  int64_t length_ = 0;  // new tokens so far
  bool may_improve_ = true;
  bool done_ = false;
  std::vector<std::vector<int32_t>> sequences_;
  std::vector<double> scores_;
  std::vector<int32_t> parents_;
  std::vector<Finished> finished_;
};

// What a model is to beam search: from the running beams and their parents to logits
// [num_beams, vocabulary] of the next token.
using BeamStep = std::function<std::span<const float>(
    const std::vector<std::vector<int32_t>>& sequences, const std::vector<int32_t>& parents)>;

// Runs a search to its end and returns the `count` <= num_beams best texts, best first.
std::vector<Hypothesis> beam_search(BeamSearch search, const BeamStep& step, int64_t count);

}  // namespace weft::generate
