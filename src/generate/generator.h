// Text from prompts: several sequences side by side over one cached model, each with its own random
// numbers, stop strings and end; or beams of one prompt. What comes is streamed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "generate/beam_search.h"
#include "generate/cached_model.h"
#include "generate/sampling.h"
#include "text/tokenizer.h"

namespace weft::generate {

struct GenerateOptions {
  SamplingOptions sampling = {};
  int64_t max_new_tokens = 64;
  uint64_t seed = 0;
  std::vector<int32_t> eos_tokens = {};  // any of them ends a text
  std::vector<std::string> stops = {};   // strings that end a text and are not part of it
};

enum class StopReason : uint8_t { kLength, kEndOfText, kStopString, kInterrupted };
std::string_view name_of(StopReason reason);

struct Generated {
  std::vector<int32_t> tokens;  // new ones, with the end token if there was one
  std::string text;             // of them, without special tokens and stop string
  StopReason reason = StopReason::kLength;
};

// Is called with each new piece of text of sequence `index`; false ends all sequences.
using OnText = std::function<bool(size_t index, const std::string& piece)>;

// What goes in besides the model: token ids of the prompts, not empty, at most model.batch() of
// them; and the number of the first of them in the whole request, which keys random numbers.
struct Prompts {
  std::vector<std::vector<int32_t>> ids;
  uint64_t first = 0;
};

// Continues each prompt, with ids that the tokenizer has. Throws Error if a prompt is empty or,
// with max_new_tokens, does not fit the model's cache.
std::vector<Generated> generate(CachedModel& model, const text::Tokenizer& tokenizer,
                                const Prompts& prompts, const GenerateOptions& options,
                                const OnText& on_text = nullptr);

// The best text of a beam search for one prompt; model.batch() must be beams.num_beams. A text also
// ends where one of `stops` appears in it.
Generated generate_beams(CachedModel& model, const text::Tokenizer& tokenizer,
                         const std::vector<int32_t>& prompt, const BeamOptions& beams,
                         const std::vector<std::string>& stops = {});

}  // namespace weft::generate
