// `weft checkpoint diff`: what differs between two checkpoints: config, state, tensors, files.
#include <array>
#include <cstdio>
#include <iostream>
#include <memory>

#include "cli/checkpoint.h"
#include "core/quote.h"
#include "core/strict_json.h"
#include "io/checkpoint_diff.h"
#include "io/checkpoint_store.h"
#include "train/resume.h"
#include "train/run_state.h"

namespace weft::cli {
namespace {

using nlohmann::ordered_json;

struct Options {
  std::vector<std::string> words;
  bool all = false;
  bool json = false;
};

struct Two {
  io::Checkpoint before, after;
};

bool is_folder(const std::string& word) {
  return real_file_system().status(word).kind == FileKind::kFolder;
}

std::optional<int64_t> step_in(const std::string& word) {
  return io::checkpoint_step("checkpoint-" + word);
}

io::Checkpoint checkpoint_at(const Path& run, const std::string& word) {
  const FileSystem& files = real_file_system();
  const auto step = step_in(word);
  if (!step) throw Error(quote(word) + " is no step; give two steps of " + quote_path(run));
  const Path folder = io::checkpoint_folder(run, *step);
  if (files.status(folder).kind != FileKind::kMissing) return io::open_checkpoint(files, folder);
  std::string there;
  for (const int64_t other : io::checkpoint_steps(files, run))
    there += (there.empty() ? "" : ", ") + std::to_string(other);
  throw Error(quote_path(run) + " has no checkpoint of step " + word + "; it has " +
              (there.empty() ? "none" : there));
}

// The two newest intact ones.
Two newest_two(const Path& run) {
  const FileSystem& files = real_file_system();
  std::vector<io::Checkpoint> found;
  const auto census = io::take_census(files, run, io::CensusDepth::kHashes);
  for (const io::CheckpointEntry& entry : census.checkpoints)
    if (entry.state == io::CheckpointState::kIntact && found.size() < 2)
      found.push_back({entry.folder, *entry.manifest});
  if (found.size() < 2)
    throw Error(quote_path(run) + " has " + std::to_string(found.size()) + " intact checkpoint" +
                (found.size() == 1 ? "" : "s") + "; two are needed to compare");
  return {found[1], found[0]};
}

Two chosen(const std::vector<std::string>& words) {
  if (words.size() == 2 && is_folder(words[0]) && is_folder(words[1]))
    return {io::open_checkpoint(real_file_system(), words[0]),
            io::open_checkpoint(real_file_system(), words[1])};
  const Path run = run_folder(words[0]);
  if (words.size() == 1) return newest_two(run);
  if (words.size() == 2)
    throw Error("one step is given, " + quote(words[1]) + "; give two steps of " + quote_path(run) +
                ", or none to compare the two newest");
  return {checkpoint_at(run, words[1]), checkpoint_at(run, words[2])};
}

struct Difference {
  std::vector<weft::Difference> config, state;
  std::vector<io::TensorDifference> tensors;
  std::vector<io::FileDifference> files;
};

nlohmann::json state_of(const io::Checkpoint& checkpoint) {
  if (!checkpoint.has(train::kStateFile)) return nlohmann::json::object();
  const Path file = checkpoint.file(train::kStateFile);
  return parse_json(read_text_file(file, int64_t{1} << 20), quote_path(file));
}

std::vector<weft::Difference> compare_states(const nlohmann::json& before,
                                             const nlohmann::json& after) {
  const auto shown = [](const nlohmann::json& state, const std::string& key) {
    return state.contains(key) ? state[key].dump() : std::string();
  };
  // Histories are long.
  const auto brief = [&](const nlohmann::json& state, const std::string& key) {
    if (!state.contains(key) || !state[key].is_array() || state[key].empty())
      return shown(state, key);
    return std::to_string(state[key].size()) + " values, the last " + state[key].back().dump();
  };
  nlohmann::json both = before;
  both.update(after);
  std::vector<weft::Difference> result;
  for (const auto& [key, value] : both.items())
    if (shown(before, key) != shown(after, key))
      result.push_back({.path = key, .before = brief(before, key), .after = brief(after, key)});
  return result;
}

Difference difference_of(const Two& two) {
  Difference result{.config = {},
                    .state = compare_states(state_of(two.before), state_of(two.after)),
                    .tensors = io::compare_tensors(two.before, two.after),
                    .files = io::compare_files(two.before, two.after)};
  if (two.before.has(train::kConfigFile) && two.after.has(train::kConfigFile))
    result.config = train::config_differences(two.before, two.after);
  return result;
}

ordered_json keys_json(const std::vector<weft::Difference>& keys) {
  ordered_json list = ordered_json::array();
  for (const auto& key : keys)
    list.push_back({{"key", key.path}, {"before", key.before}, {"after", key.after}});
  return list;
}

ordered_json number(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json to_json(const Two& two, const Difference& difference) {
  ordered_json out = {
      {"before", json_path(two.before.folder)}, {"after", json_path(two.after.folder)},
      {"config", keys_json(difference.config)}, {"state", keys_json(difference.state)},
      {"tensors", ordered_json::array()},       {"files", ordered_json::array()}};
  for (const io::TensorDifference& tensor : difference.tensors)
    out["tensors"].push_back({{"file", tensor.file},
                              {"name", tensor.name},
                              {"before", tensor.before},
                              {"after", tensor.after},
                              {"equal", tensor.equal},
                              {"norm_before", number(tensor.norm_before)},
                              {"norm_after", number(tensor.norm_after)},
                              {"norm_of_difference", number(tensor.norm_of_change)}});
  for (const io::FileDifference& file : difference.files)
    out["files"].push_back({{"name", file.name}, {"change", io::name_of(file.change)}});
  return out;
}

void print_keys(const char* title, const std::vector<weft::Difference>& keys) {
  for (const auto& key : keys)
    std::printf("%s %s: %s -> %s\n", title, quote(key.path).c_str(),
                key.before.empty() ? "unset" : quote(key.before).c_str(),
                key.after.empty() ? "unset" : quote(key.after).c_str());
}

std::string norm_text(const std::optional<double>& value) {
  if (!value) return "-";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6g", *value);
  return text.data();
}

void print_tensor(const io::TensorDifference& tensor) {
  const std::string type = tensor.before == tensor.after
                               ? tensor.after
                               : (tensor.before.empty() ? "none" : tensor.before) + " -> " +
                                     (tensor.after.empty() ? "none" : tensor.after);
  std::printf("%12s  %12s  %12s  %s %s (%s)\n", norm_text(tensor.norm_before).c_str(),
              norm_text(tensor.norm_after).c_str(), norm_text(tensor.norm_of_change).c_str(),
              quote(tensor.name).c_str(), type.c_str(), quote(tensor.file).c_str());
}

void print_tensors(const std::vector<io::TensorDifference>& tensors, bool all) {
  size_t equal = 0;
  for (const io::TensorDifference& tensor : tensors) equal += tensor.equal ? 1 : 0;
  std::printf("tensors: %zu equal, %zu differ\n", equal, tensors.size() - equal);
  if (equal == tensors.size() && !all) return;
  std::printf("%12s  %12s  %12s\n", "norm before", "norm after", "difference");
  for (const io::TensorDifference& tensor : tensors)
    if (all || !tensor.equal) print_tensor(tensor);
}

void print(const Two& two, const Difference& difference, bool all) {
  std::printf("before: %s\nafter:  %s\n", printable(two.before.folder.native()).c_str(),
              printable(two.after.folder.native()).c_str());
  print_keys("config", difference.config);
  print_keys("state", difference.state);
  for (const io::FileDifference& file : difference.files)
    if (file.change != io::FileChange::kSame)
      std::printf("file %s: %s\n", quote(file.name).c_str(),
                  std::string(io::name_of(file.change)).c_str());
  print_tensors(difference.tensors, all);
  std::fflush(stdout);
}

void run_diff(const Options& options) {
  const Two two = chosen(options.words);
  const Difference difference = difference_of(two);
  if (options.json) print_json(to_json(two, difference));
  else print(two, difference, options.all);
}

}  // namespace

void add_checkpoint_diff(Verb& parent) {
  auto options = std::make_shared<Options>();
  Verb verb = parent.add_verb("diff", "Tell what differs between two checkpoints");
  verb.footer(
      "Examples:\n  weft checkpoint diff runs/demo            the two newest\n"
      "  weft checkpoint diff runs/demo 100 200    two steps\n"
      "  weft checkpoint diff runs/a/checkpoint-100 runs/b/checkpoint-100");
  verb.add_option("what", options->words, "a run and two of its steps, or two checkpoint folders")
      .required()
      .values(1, 3);
  verb.add_flag("--all", options->all, "show tensors that are equal, too");
  verb.add_flag("--json", options->json, "as JSON");
  verb.callback([options] { run_diff(*options); });
}

}  // namespace weft::cli
