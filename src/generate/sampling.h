// How the next token is chosen from a row of logits: Hugging Face's processors as pure functions,
// greedy choice and reproducible sampling. Not here: the model, beams, and when to stop.
//
// Every function takes the logits of one sequence (one float per vocabulary entry) and works in
// place; a token that is ruled out gets -infinity. None keeps state, so all may run on many
// threads.
#pragma once

#include <cstdint>
#include <span>

#include "weft/visit.h"

namespace weft::generate {

struct SamplingOptions {
  double temperature = 1.0;         // 0: greedy
  int64_t top_k = 0;                // 0: off
  double top_p = 1.0;               // 1: off
  double min_p = 0.0;               // 0: off
  double repetition_penalty = 1.0;  // 1: off

  template <class Visitor>
  void visit(Visitor&& v) {
    v("temperature", temperature,
      {.help = "divides the logits; 0 always takes the best token", .min = 0});
    v("top_k", top_k, {.help = "keep the k best tokens; 0 keeps all", .min = 0});
    v("top_p", top_p,
      {.help = "keep the smallest set of best tokens that has this probability",
       .min = 0,
       .max = 1});
    v("min_p", min_p,
      {.help = "keep tokens with at least this share of the best one's probability",
       .min = 0,
       .max = 1});
    v("repetition_penalty", repetition_penalty,
      {.help = "makes tokens of the prompt and the text so far less likely; 1 is off",
       .min = 0,
       .above_min = true});
  }
};

// Throws Error with the name, the value and the allowed range of an option out of range.
void check(const SamplingOptions& options);

// Logits of tokens that occur in `history` (prompt and text so far) are divided by `penalty` if
// positive and multiplied if negative, once however often a token occurs (Keskar et al., "CTRL",
// 2019). Ids beyond the logits are passed over: an embedding may be larger than the head.
void apply_repetition_penalty(std::span<float> logits, std::span<const int32_t> history,
                              double penalty);

// Divides by `temperature`, which is positive. The best logit becomes 0 first, which changes no
// probability, so that no temperature, however small, overflows.
void apply_temperature(std::span<float> logits, double temperature);

// Keeps the `k` >= 1 largest logits, and all that equal the k-th.
void apply_top_k(std::span<float> logits, int64_t k);

// Keeps the smallest set of best tokens whose probability reaches `p` (Holtzman et al., "The
// curious case of neural text degeneration", 2020); the best token always stays. Of equal logits
// the lower id counts as better.
void apply_top_p(std::span<float> logits, double p);

// Keeps tokens whose probability is at least `p` times the best one's; the best always stays.
void apply_min_p(std::span<float> logits, double p);

// The token with the largest logit, the lowest id of several. Throws Error if a logit is NaN or
// +infinity, or if none is finite: the model has diverged or its weights are damaged.
int32_t greedy_token(std::span<const float> logits);

// Which random number a token is drawn with: a pure function of these three, so that neither the
// batch nor the number of threads changes a text.
struct Draw {
  uint64_t seed = 0;
  uint64_t sequence = 0;  // number of the sequence within the request
  uint64_t position = 0;  // index of the token within the sequence
};

// A token drawn from softmax(logits), summed in double precision. Throws as greedy_token does.
int32_t sample_token(std::span<const float> logits, const Draw& draw);

// The whole choice: repetition penalty, then (unless temperature is 0: greedy) temperature, top-k,
// top-p, min-p and a draw. This is Hugging Face's order; each filter sees the renormalised rest.
int32_t choose_token(std::span<float> logits, std::span<const int32_t> history,
                     const SamplingOptions& options, const Draw& draw);

}  // namespace weft::generate
