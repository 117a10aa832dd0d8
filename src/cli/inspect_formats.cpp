// Which format a file or folder is of, and how what its reader tells is printed.
#include "cli/inspect_formats.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/quote.h"
#include "data/dataset_manifest.h"
#include "io/checkpoint_folder.h"
#include "io/foreign_format.h"
#include "train/run_log.h"
#include "train/run_record.h"
#include "train/run_status.h"
#include "weft/error.h"

namespace weft::cli {

using nlohmann::ordered_json;

namespace {

constexpr size_t kHeadBytes = 4096;
constexpr size_t kLongestShown = 200;  // of a text, on a line

std::string head_of(const Path& file) {
  std::array<std::byte, kHeadBytes> buffer{};
  const auto input = real_file_system().open_for_reading(file, ReadFrom::kCache);
  const size_t count = input->read(buffer);
  return {reinterpret_cast<const char*>(buffer.data()), count};
}

FormatSource source_of(const std::string& given) {
  Path path = given;
  while (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
  const FileKind kind = real_file_system().status(path).kind;
  FormatSource source{.path = path,
                      .name = path.filename().string(),
                      .is_folder = kind == FileKind::kFolder,
                      .head = {}};
  if (kind == FileKind::kFile) source.head = head_of(path);
  return source;
}

bool is_named(const FormatSource& source, std::initializer_list<std::string_view> endings) {
  return !source.is_folder &&
         std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return source.name.ends_with(ending); });
}

bool mentions(const FormatSource& source, std::string_view word) {
  return is_named(source, {".json"}) && source.head.find(word) != std::string::npos;
}

// A length that a header may have, and the bracket that begins it.
bool has_safetensors_head(const FormatSource& source) {
  uint64_t length = 0;
  if (source.is_folder || source.head.size() < 9 || source.head[8] != '{') return false;
  std::memcpy(&length, source.head.data(), sizeof length);
  return length <= (uint64_t{1} << 32);
}

bool has_checkpoints(const FormatSource& source) {
  return source.is_folder && (!io::checkpoint_steps(real_file_system(), source.path).empty() ||
                              source.has("run_config.yaml") || source.has("run.lock"));
}

bool is_tokenizer_folder(const FormatSource& source) {
  constexpr std::array<const char*, 6> kNames = {"tokenizer.json", "tokenizer.model",
                                                 "spiece.model",   "vocab.json",
                                                 "encoder.json",   "vocab.txt"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](const char* name) { return source.has(name); });
}

struct Format {
  const char* name;
  bool (*is)(const FormatSource& source);
  ordered_json (*read)(const FormatSource& source, const FormatOptions& options);
};

// The first that fits. Names go before contents, so that a damaged file is still refused as what it
// is called.
constexpr std::array kFormats = {
    Format{"checkpoint", [](const FormatSource& s) { return s.has("manifest.json"); },
           inspect_checkpoint},
    Format{"model folder", [](const FormatSource& s) { return s.has("config.json"); },
           inspect_model_folder},
    Format{"run", has_checkpoints, inspect_run},
    Format{"safetensors folder",
           [](const FormatSource& s) {
             return s.has_ending(".safetensors") || s.has_ending(".safetensors.index.json");
           },
           inspect_weights_folder},
    Format{"tokenizer", is_tokenizer_folder, inspect_tokenizer},
    Format{"safetensors", [](const FormatSource& s) { return is_named(s, {".safetensors"}); },
           inspect_weights},
    Format{"safetensors index",
           [](const FormatSource& s) {
             return is_named(s, {".index.json"}) || mentions(s, "\"weight_map\"");
           },
           inspect_index},
    Format{"checkpoint manifest",
           [](const FormatSource& s) {
             return is_named(s, {"manifest.json"}) || mentions(s, "\"weft checkpoint\"");
           },
           inspect_checkpoint_manifest},
    Format{"manifest of a tokens folder",
           [](const FormatSource& s) {
             return is_named(s, {"dataset.json"}) || mentions(s, "\"weft-tokens\"");
           },
           inspect_dataset_manifest},
    Format{"state of a run", [](const FormatSource& s) { return is_named(s, {"state.json"}); },
           inspect_run_state},
    Format{"status of a run", [](const FormatSource& s) { return s.name == train::kRunStatusFile; },
           inspect_run_status},
    Format{"record of a run", [](const FormatSource& s) { return s.name == train::kRunRecordFile; },
           inspect_run_record},
    // Others call what they collect so, too.
    Format{"log of a run",
           [](const FormatSource& s) {
             return s.name == train::kRunLogFile && s.head.starts_with("{\"step\"");
           },
           inspect_run_log},
    Format{"settings",
           [](const FormatSource& s) {
             return is_named(
                 s, {"generation_config.json", "tokenizer_config.json", "special_tokens_map.json",
                     "added_tokens.json", "chat_template.json"});
           },
           inspect_json_object},
    Format{"tokenizer",
           [](const FormatSource& s) {
             return is_named(s, {"tokenizer.json", "vocab.json", "encoder.json", "vocab.txt",
                                 "merges.txt", "vocab.bpe", ".model"}) ||
                    mentions(s, "\"pre_tokenizer\"");
           },
           inspect_tokenizer},
    Format{"model config",
           [](const FormatSource& s) {
             return is_named(s, {"config.json"}) || mentions(s, "\"model_type\"");
           },
           inspect_model_config},
    Format{"config",
           [](const FormatSource& s) {
             return is_named(s, {".yaml", ".yml"});
           },
           inspect_yaml},
    Format{"llama2.c checkpoint", [](const FormatSource& s) { return is_named(s, {".bin"}); },
           inspect_llama2c},
    Format{"safetensors", has_safetensors_head, inspect_weights}};

// What Weft never reads says so before any reader looks at it.
void refuse_foreign(const FormatSource& source) {
  if (source.is_folder) return;
  if (source.name.starts_with("events.out.tfevents."))
    throw Error(quote_path(source.path) +
                ": this is an event file, which Weft writes and never reads; look at it with "
                "TensorBoard, or at log.jsonl beside it, which says the same");
  const bool may_be_text = !io::is_pickle_name(source.name) && source.head.starts_with("PK");
  const std::string foreign = may_be_text ? "" : io::foreign_format(source.head);
  if (!foreign.empty()) throw Error(quote_path(source.path) + ": this is " + foreign);
  if (io::is_pickle_name(source.name) && !source.name.ends_with(".bin"))
    throw Error(quote_path(source.path) + ": by its name this is a Python pickle" +
                io::pickle_advice());
}

// A folder of pickles alone; an empty one and one of text are not ours to refuse.
void refuse_pickle_folder(const FormatSource& source) {
  if (!source.is_folder) return;
  for (const std::string& name : real_file_system().list(source.path))
    if (io::is_pickle_name(name))
      throw Error(quote_path(source.path) + " has no safetensors; " + quote(name) + " is a pickle" +
                  io::pickle_advice(source.path.native()));
}

std::string shown(const ordered_json& value) {
  if (value.is_string()) return printable(value.get<std::string>(), kLongestShown);
  return printable(value.dump(-1, ' ', true, ordered_json::error_handler_t::replace),
                   kLongestShown);
}

bool is_flat(const ordered_json& value) {
  return !value.is_object() && !(value.is_array() && !value.empty() && value[0].is_object());
}

void print_row(const ordered_json& row, const std::string& indent) {
  std::string line = indent;
  for (const auto& [key, value] : row.items())
    line +=
        (line == indent ? "" : "  ") + (key == "name" ? "" : printable(key) + " ") + shown(value);
  std::cout << line << "\n";
}

void print_facts(const ordered_json& facts, const std::string& indent) {
  for (const auto& [key, value] : facts.items()) {
    std::cout << indent << printable(key);
    if (is_flat(value)) {
      std::cout << " " << shown(value) << "\n";
    } else if (value.is_object()) {
      std::cout << "\n";
      print_facts(value, indent + "  ");
    } else {
      std::cout << " (" << value.size() << ")\n";
      for (const ordered_json& row : value) print_row(row, indent + "  ");
    }
  }
}

// Errors of a config come all at once, a line each.
std::string in_one_line(std::string errors) {
  for (size_t at = errors.find('\n'); at != errors.npos; at = errors.find('\n', at))
    errors.replace(at, 1, "; ");
  return errors;
}

}  // namespace

bool FormatSource::has(const std::string& file) const {
  if (!is_folder) return false;
  const FileStatus status = real_file_system().status(path / file);
  return status.kind != FileKind::kMissing || status.is_link;
}

FormatSource FormatSource::file(const std::string& one) const {
  return {.path = path / one, .name = one, .is_folder = false, .head = {}};
}

bool FormatSource::has_ending(const std::string& ending) const {
  if (!is_folder) return false;
  const std::vector<std::string> names = real_file_system().list(path);
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& one) { return one.ends_with(ending); });
}

bool inspect_format(const FormatOptions& options) {
  const FormatSource source = source_of(options.path);
  if (source.has(std::string(data::kManifestName))) return false;
  if (!source.is_folder && source.head.empty() &&
      real_file_system().status(source.path).kind != FileKind::kFile)
    return false;
  refuse_foreign(source);
  if (options.as_text) return false;
  const auto* const format =
      std::find_if(kFormats.begin(), kFormats.end(), [&](const Format& f) { return f.is(source); });
  if (format == kFormats.end()) {
    refuse_pickle_folder(source);
    return false;
  }
  ordered_json facts = {{"format", format->name}, {"path", source.path.string()}};
  try {
    facts.update(format->read(source, options));
  } catch (const Error& error) {
    throw Error(in_one_line(error.what()), error.code());
  }
  if (options.json)
    std::cout << facts.dump(2, ' ', true, ordered_json::error_handler_t::replace) << "\n";
  else print_facts(facts, "");
  return true;
}

}  // namespace weft::cli
