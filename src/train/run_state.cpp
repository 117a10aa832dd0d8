#include "train/run_state.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/json_number.h"
#include "core/quote.h"
#include "core/strict_json.h"

namespace weft::train {

using nlohmann::json;

namespace {

int64_t count_in(const json& state, const char* name) {
  if (const auto count = count_of_json(state.at(name))) return *count;
  throw Error(std::string(name) + " is " + quote(state.at(name).dump()) +
              ", no integer of at least 0");
}

json to_json(const data::ContentMark& mark) {
  json out;
  for (const data::Split split : data::kSplits) {
    const auto i = static_cast<size_t>(split);
    out[std::string(name_of(split))] = {{"shards", mark.shards[i]}, {"hash", mark.hashes[i]}};
  }
  return out;
}

data::ContentMark mark_from(const json& in) {
  data::ContentMark mark;
  for (const data::Split split : data::kSplits) {
    const json& part = in.at(std::string(name_of(split)));
    mark.shards[static_cast<size_t>(split)] = count_in(part, "shards");
    part.at("hash").get_to(mark.hashes[static_cast<size_t>(split)]);
  }
  return mark;
}

GuardState guard_in(const json& state) {
  GuardState guard;
  state.at("recent_losses").get_to(guard.losses);
  state.at("recent_log_gradient_norms").get_to(guard.log_gradient_norms);
  guard.not_applied = count_in(state, "updates_not_applied");
  if (std::max(guard.losses.size(), guard.log_gradient_norms.size()) >
      SpikeDetector::Options().window)
    throw Error("recent_losses or recent_log_gradient_norms are longer than any run's");
  return guard;
}

}  // namespace

std::string to_json(const RunState& state) {
  json out = {{"updates", state.updates},
              {"has_best", state.has_best},
              {"best_loss", state.best_loss},
              {"best_step", state.best_step},
              {"evaluations_since_best", state.evaluations_since_best},
              {"step_end_is_due", state.step_end_is_due},
              {"tokens_seen", state.tokens_seen},
              {"tokenizer_hash", state.tokenizer_hash},
              {"data_hash", state.data_hash},
              {"recent_losses", state.guard.losses},
              {"recent_log_gradient_norms", state.guard.log_gradient_norms},
              {"updates_not_applied", state.guard.not_applied},
              {"kernels", state.kernels},
              {"processor", state.processor},
              {"products", state.products}};
  for (const data::ContentMark& mark : state.data_marks) out["data_marks"].push_back(to_json(mark));
  return out.dump(2) + "\n";
}

RunState run_state_from_json(std::string_view text, const std::string& source) {
  try {
    const json in = parse_json(text, source);
    RunState state;
    state.updates = count_in(in, "updates");
    in.at("has_best").get_to(state.has_best);
    in.at("best_loss").get_to(state.best_loss);
    state.best_step = count_in(in, "best_step");
    state.evaluations_since_best = count_in(in, "evaluations_since_best");
    state.tokens_seen = count_in(in, "tokens_seen");
    in.at("tokenizer_hash").get_to(state.tokenizer_hash);
    in.at("data_hash").get_to(state.data_hash);
    if (in.contains("data_marks"))
      for (const json& mark : in.at("data_marks")) state.data_marks.push_back(mark_from(mark));
    if (in.contains("recent_losses")) {  // older checkpoints have no history
      state.guard = guard_in(in);
      in.at("kernels").get_to(state.kernels);
      in.at("processor").get_to(state.processor);
    }
    if (in.contains("step_end_is_due")) in.at("step_end_is_due").get_to(state.step_end_is_due);
    if (in.contains("products")) in.at("products").get_to(state.products);
    if (state.best_step > state.updates) throw Error("best_step is after the last step");
    return state;
  } catch (const Error& error) {
    throw Error(source + ": not a trainer state of Weft: " + error.what());
  } catch (const json::exception& error) {
    const std::string_view reason = error.what();  // "[json.exception...] key 'x' not found"
    throw Error(source +
                ": not a trainer state of Weft: " + printable(reason.substr(reason.find(']') + 2)));
  }
}

}  // namespace weft::train
