#include "train/resume.h"

#include <algorithm>
#include <array>
#include <span>

#include "config/load.h"
#include "core/quote.h"
#include "train/run_state.h"

namespace weft::train {
namespace {

// Keys of which it does not matter how they are spelled: what they mean is compared by content, as
// tokenizer_hash and data_hash of the run's state.
constexpr std::array<std::string_view, 7> kComparedByContent = {"tokenizer",
                                                                "datasets",
                                                                "val_split",
                                                                "micro_batch_size",
                                                                "global_batch_size",
                                                                "global_batch_tokens",
                                                                "gradient_accumulation_steps"};

// Keys that decide nothing but which samples there are and how they follow each other (`seed` also
// keys dropout): they may change where config.resume_with_other_data says so.
constexpr std::array<std::string_view, 7> kOrderOfData = {
    "curriculum",     "sequence_len", "sample_packing", "packing_strategy", "group_by_length",
    "shuffle_window", "seed"};

bool is_among(std::span<const std::string_view> keys, std::string_view key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

bool may_change(const Difference& difference, const PretrainConfig& now) {
  const std::string_view key =
      std::string_view(difference.path).substr(0, difference.path.find_first_of(".["));
  return difference.may_change || is_among(kComparedByContent, key) ||
         (now.resume_with_other_data && is_among(kOrderOfData, key));
}

std::string described(const Difference& difference) {
  const auto shown = [](const std::string& value) { return value.empty() ? "unset" : value; };
  return difference.path + " was " + shown(difference.before) + ", is " + shown(difference.after);
}

// What a run has written names no other file: a stranger's must not have one of the user's shown.
PretrainConfig config_of(const io::Checkpoint& checkpoint) {
  const Path own = checkpoint.file(kConfigFile);
  const auto read = [&](const Path& file) {
    if (file != own)
      throw Error(quote_path(own) + " is not as a run writes it: it extends " + quote_path(file));
    return config::read_config_text(file);
  };
  return config::load<PretrainConfig>(own, {}, read).value;
}

std::vector<Difference> differences(const PretrainConfig& before, const PretrainConfig& after) {
  return compare(to_tree(before), to_tree(after), schema_of<PretrainConfig>());
}

void check_config(const io::Checkpoint& checkpoint, const PretrainConfig& now,
                  std::vector<std::string>& notices) {
  std::string forbidden;
  for (const Difference& difference : differences(config_of(checkpoint), now)) {
    if (may_change(difference, now))
      notices.push_back("changed since " + quote_path(checkpoint.folder) + ": " +
                        described(difference));
    else forbidden += (forbidden.empty() ? "" : "; ") + described(difference);
  }
  if (!forbidden.empty())
    throw Error("the checkpoint " + quote_path(checkpoint.folder) +
                " was trained with other settings, which cannot change within a run: " + forbidden +
                ". Set them back, or choose another output_dir");
}

// Of the newest checkpoint in output_dir, intact or not; -1: there is none.
int64_t newest_step(const FileSystem& files, const Path& output_dir) {
  const std::vector<int64_t> steps = io::checkpoint_steps(files, output_dir);
  return steps.empty() ? -1 : steps.front();
}

// The newest of output_dir, with what was skipped.
std::optional<io::Checkpoint> newest_checkpoint(const FileSystem& files,
                                                const PretrainConfig& config, Resume& resume) {
  io::FoundCheckpoint found = io::latest_checkpoint(files, config.output_dir);
  for (const io::SkippedCheckpoint& skipped : found.skipped)
    resume.notices.push_back("skipped the damaged checkpoint " + quote_path(skipped.folder) + ": " +
                             skipped.reason);
  return std::move(found.checkpoint);
}

// A run that began with the chosen checkpoint and was interrupted goes on with its own.
io::Checkpoint chosen_checkpoint(const FileSystem& files, const PretrainConfig& config,
                                 Resume& resume) {
  io::Checkpoint chosen = io::open_checkpoint(files, config.resume_from_checkpoint);
  const int64_t newest = newest_step(files, config.output_dir);
  if (newest <= chosen.manifest.step) return chosen;
  io::Checkpoint own = *newest_checkpoint(files, config, resume);
  if (config_of(own).resume_from_checkpoint != config.resume_from_checkpoint)
    throw Error("resume_from_checkpoint is " + quote_path(config.resume_from_checkpoint) +
                ", but output_dir " + quote_path(config.output_dir) + " has the later checkpoint-" +
                std::to_string(newest) +
                "; choose another output_dir, move the later ones away, or set "
                "resume_from_checkpoint=auto to go on with the newest");
  return own;
}

}  // namespace

io::FoundCheckpoint rewind_checkpoint(const FileSystem& files, const PretrainConfig& config,
                                      int64_t before) {
  io::FoundCheckpoint found;
  for (const int64_t step : io::checkpoint_steps(files, config.output_dir)) {
    if (step >= before || !config.save_steps || step % *config.save_steps != 0) continue;
    const Path folder = io::checkpoint_folder(config.output_dir, step);
    try {
      found.checkpoint = io::open_checkpoint(files, folder);
      return found;
    } catch (const Error& error) {
      found.skipped.push_back({.folder = folder, .reason = error.what()});
    }
  }
  return found;
}

Resume find_resume(const FileSystem& files, const PretrainConfig& config) {
  Resume resume;
  if (config.resume_from_checkpoint == "auto") {
    resume.checkpoint = newest_checkpoint(files, config, resume);
  } else if (config.resume_from_checkpoint != "never") {
    resume.checkpoint = chosen_checkpoint(files, config, resume);
  } else if (const int64_t newest = newest_step(files, config.output_dir); newest >= 0) {
    throw Error("resume_from_checkpoint is never, but output_dir " + quote_path(config.output_dir) +
                " has checkpoint-" + std::to_string(newest) +
                " of an earlier run; choose another output_dir, or move the checkpoints away");
  }
  if (resume.checkpoint) check_config(*resume.checkpoint, config, resume.notices);
  return resume;
}

RunState state_of(const io::Checkpoint& checkpoint) {
  const Path file = checkpoint.file(kStateFile);
  RunState state =
      run_state_from_json(read_text_file(file, int64_t{1} << 20), printable(file.native()));
  if (state.updates != checkpoint.manifest.step)
    throw Error(quote_path(file) + " is of step " + std::to_string(state.updates) +
                ", its checkpoint of step " + std::to_string(checkpoint.manifest.step) +
                "; restore it from a copy, or remove the checkpoint");
  return state;
}

RunState state_to_resume(Resume& resume, const PretrainConfig& config, const DataIdentity& now) {
  const io::Checkpoint& checkpoint = *resume.checkpoint;
  RunState state = state_of(checkpoint);
  const std::string where = "the checkpoint " + quote_path(checkpoint.folder) + " was trained ";
  if (state.tokenizer_hash != now.tokenizer_hash)
    throw Error(where + "with another tokenizer; choose another output_dir");
  if (state.data_hash == now.order) return state;
  const std::string orders =
      where + "on another order of data (" + state.data_hash + "; now: " + now.order + ")";
  if (!config.resume_with_other_data)
    throw Error(
        orders +
        "; choose another output_dir, set the keys back, or say resume_with_other_data=true");
  resume.notices.push_back(orders + ": as resume_with_other_data says, the run goes on with it");
  return state;
}

io::CheckpointOptions retention(const PretrainConfig& config) {
  return {.keep_last = config.save_total_limit.value_or(0),
          .keep_every = config.save_keep_every.value_or(0),
          .keep_best = config.keep_best_checkpoint,
          .keep_newest_of = config.may_rewind() ? config.save_steps.value_or(0) : 0};
}

std::vector<Difference> config_differences(const io::Checkpoint& before,
                                           const io::Checkpoint& after) {
  return differences(config_of(before), config_of(after));
}

io::FoundCheckpoint model_checkpoint(const FileSystem& files, const Path& run) {
  io::FoundCheckpoint newest = io::latest_checkpoint(files, run);
  if (!newest.checkpoint || !newest.checkpoint->has(kConfigFile)) return newest;
  const bool best = config_of(*newest.checkpoint).load_best_model_at_end;
  return best ? io::best_checkpoint(files, run) : std::move(newest);
}

}  // namespace weft::train
