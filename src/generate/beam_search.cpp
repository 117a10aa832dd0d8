// Beam search; see beam_search.h. Its details (candidates kept, when the best texts are updated,
// the stopping heuristics) are those of transformers' GenerationMixin._beam_search, because users
// compare texts.
#include "generate/beam_search.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <utility>

#include "generate/sampling.h"
#include "weft/error.h"

namespace weft::generate {
namespace {

// Hugging Face's stand-in for minus infinity. It stays finite on purpose: sums and quotients of it
// still order the place holders.
constexpr double kHopeless = -1e9;

void require(bool allowed, const char* name, double value, const char* range) {
  if (allowed) return;
  std::ostringstream message;
  message << name << " is " << value << "; allowed is " << range;
  throw Error(message.str());
}

// log(softmax(logits)), after the repetition penalty that Hugging Face applies to it.
void log_probabilities(std::span<const float> logits, std::span<const int32_t> history,
                       double penalty, std::vector<float>& result) {
  const double largest = logits[static_cast<size_t>(greedy_token(logits))];  // refuses NaN
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  const double log_sum = largest + std::log(sum);
  result.resize(logits.size());
  std::transform(logits.begin(), logits.end(), result.begin(),
                 [&](float logit) { return static_cast<float>(logit - log_sum); });
  if (penalty != 1.0) apply_repetition_penalty(result, history, penalty);
}

}  // namespace

void check(const BeamOptions& options) {
  const auto real = [](auto value) { return static_cast<double>(value); };
  require(options.num_beams >= 1 && options.num_beams <= 1024, "num_beams", real(options.num_beams),
          "1 to 1024");
  require(options.max_new_tokens >= 1, "max_new_tokens", real(options.max_new_tokens), "1 or more");
  require(std::isfinite(options.length_penalty), "length_penalty", options.length_penalty,
          "any finite number");
  require(options.repetition_penalty > 0 && std::isfinite(options.repetition_penalty),
          "repetition_penalty", options.repetition_penalty, "a number above 0");
}

BeamSearch::BeamSearch(std::vector<int32_t> prompt, BeamOptions options, StopRule stop_rule)
    : options_(std::move(options)),
      stop_rule_(std::move(stop_rule)),
      prompt_length_(static_cast<int64_t>(prompt.size())) {
  check(options_);
  if (prompt.empty()) {
    throw Error("the prompt is empty; beam search needs at least one token to continue from");
  }
  const size_t beams = static_cast<size_t>(options_.num_beams);
  sequences_.assign(beams, prompt);
  // Only the first of the equal beams counts at first, or all would take the same tokens.
  scores_.assign(beams, kHopeless);
  scores_[0] = 0;
  parents_.assign(beams, 0);
  finished_.assign(beams, Finished{.tokens = {}, .score = kHopeless, .real = false});
}

void BeamSearch::advance(std::span<const float> logits_BV) {
  WEFT_ASSERT(!done_);
  std::vector<Candidate> candidates = best_candidates(logits_BV);
  bool all_end = true;
  for (Candidate& candidate : candidates) {
    candidate.ends = ends(candidate);
    all_end = all_end && candidate.ends;
  }
  update_finished(candidates);
  keep_running(std::move(candidates));
  ++length_;
  may_improve_ = may_improve_ && improvement_possible();
  const bool enough = options_.early_stopping == EarlyStopping::kFirst && all_finished();
  done_ = !may_improve_ || enough || all_end;
}

// The best continuations of all beams. So many that num_beams remain to go on with even if every
// beam's best tokens are end tokens.
std::vector<BeamSearch::Candidate> BeamSearch::best_candidates(
    std::span<const float> logits_BV) const {
  const size_t beams = sequences_.size(), vocabulary = logits_BV.size() / beams;
  const size_t per_beam = std::max<size_t>(2, 1 + options_.eos_tokens.size());
  WEFT_ASSERT(logits_BV.size() == beams * vocabulary);
  if (vocabulary < per_beam) {
    throw Error("beam search with " + std::to_string(options_.eos_tokens.size()) +
                " end tokens needs a vocabulary of at least " + std::to_string(per_beam) +
                "; this one has " + std::to_string(vocabulary));
  }
  const auto better = [](const Candidate& a, const Candidate& b) { return a.score > b.score; };
  std::vector<Candidate> best;
  std::vector<float> row;
  for (size_t beam = 0; beam < beams; ++beam) {
    log_probabilities(logits_BV.subspan(beam * vocabulary, vocabulary), sequences_[beam],
                      options_.repetition_penalty, row);
    for (size_t token = 0; token < vocabulary; ++token) {
      const double score = scores_[beam] + row[token];
      if (best.size() == per_beam * beams && !(score > best.back().score)) continue;
      if (best.size() == per_beam * beams) best.pop_back();
      const Candidate candidate{
          .score = score, .beam = static_cast<int64_t>(beam), .token = static_cast<int32_t>(token)};
      best.insert(std::upper_bound(best.begin(), best.end(), candidate, better), candidate);
    }
  }
  return best;
}

std::vector<int32_t> BeamSearch::extended(const Candidate& candidate) const {
  std::vector<int32_t> sequence = sequences_[static_cast<size_t>(candidate.beam)];
  sequence.push_back(candidate.token);
  return sequence;
}

bool BeamSearch::ends(const Candidate& candidate) const {
  const auto& eos = options_.eos_tokens;
  if (length_ + 1 >= options_.max_new_tokens) return true;
  if (std::find(eos.begin(), eos.end(), candidate.token) != eos.end()) return true;
  return stop_rule_ && stop_rule_(extended(candidate));
}

// Lets texts that just ended take the places of worse ones. Only the num_beams best candidates
// count: the others are there to go on with.
void BeamSearch::update_finished(const std::vector<Candidate>& candidates) {
  const bool closed =
      !may_improve_ || (options_.early_stopping == EarlyStopping::kFirst && all_finished());
  const size_t beams = sequences_.size();
  std::vector<Finished> merged = finished_;
  for (size_t i = 0; i < beams && !closed; ++i) {
    if (!candidates[i].ends || candidates[i].score < kHopeless / 2) continue;
    std::vector<int32_t> sequence = extended(candidates[i]);
    sequence.erase(sequence.begin(), sequence.begin() + prompt_length_);
    merged.push_back({.tokens = std::move(sequence),
                      .score = normalized(candidates[i].score, length_ + 1),
                      .real = true});
  }
  std::stable_sort(merged.begin(), merged.end(),
                   [](const Finished& a, const Finished& b) { return a.score > b.score; });
  merged.resize(beams);
  finished_ = std::move(merged);
}

// The best candidates that have not ended become the running beams.
void BeamSearch::keep_running(std::vector<Candidate> candidates) {
  for (Candidate& candidate : candidates) candidate.score += candidate.ends ? kHopeless : 0;
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  std::vector<std::vector<int32_t>> sequences;
  for (size_t i = 0; i < sequences_.size(); ++i) {
    sequences.push_back(extended(candidates[i]));
    scores_[i] = candidates[i].score;
    parents_[i] = static_cast<int32_t>(candidates[i].beam);
  }
  sequences_ = std::move(sequences);
}

// Whether the best running beam might still enter the best texts.
bool BeamSearch::improvement_possible() const {
  const bool at_full_length =
      options_.early_stopping == EarlyStopping::kNever && options_.length_penalty > 0;
  const double hope = normalized(scores_[0], at_full_length ? options_.max_new_tokens : length_);
  const double worst = finished_.back().score;
  return std::any_of(finished_.begin(), finished_.end(), [&](const Finished& finished) {
    return hope > (finished.real ? worst : kHopeless);
  });
}

bool BeamSearch::all_finished() const {
  return std::all_of(finished_.begin(), finished_.end(),
                     [](const Finished& finished) { return finished.real; });
}

double BeamSearch::normalized(double score, int64_t length) const {
  return score / std::pow(static_cast<double>(length), options_.length_penalty);
}

std::vector<Hypothesis> BeamSearch::best(int64_t count) const {
  if (count < 1 || count > options_.num_beams) {
    throw Error("num_return_sequences is " + std::to_string(count) +
                "; allowed is 1 to num_beams (" + std::to_string(options_.num_beams) + ")");
  }
  std::vector<Hypothesis> result;
  for (const Finished& finished : finished_) {
    if (!finished.real || static_cast<int64_t>(result.size()) == count) break;
    result.push_back({.tokens = finished.tokens, .score = finished.score});
  }
  return result;
}

std::vector<Hypothesis> beam_search(BeamSearch search, const BeamStep& step, int64_t count) {
  while (!search.done()) search.advance(step(search.sequences(), search.parents()));
  return search.best(count);
}

}  // namespace weft::generate
