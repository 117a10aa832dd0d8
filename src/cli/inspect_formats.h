// What `weft inspect` tells of the files of models: weights, checkpoints, tokenizers, configs.
// Everything goes through the reader that training, export or generation would use, so that a file
// which is refused here is refused there, in the same words. Text and tokens are inspect.cpp's.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/file_system.h"

namespace weft::cli {

struct FormatOptions {
  std::string path;
  bool json = false;
  bool hashes = true;  // of every tensor and file, which means reading all of them
  // Documents of it are asked for. What Weft never reads is refused all the same.
  bool as_text = false;
};

// Prints what `path` holds if it is of one of these formats; false, and nothing printed, if it is
// text, tokens or nothing. Throws Error, one line, for what is malformed, and for a pickle.
bool inspect_format(const FormatOptions& options);

// A file or folder as the table of formats sees it.
struct FormatSource {
  Path path;
  std::string name;  // of the file or folder
  bool is_folder = false;
  std::string head;  // the first bytes of a file

  // A folder holds it, or something else of that name, which its reader will refuse.
  bool has(const std::string& file) const;
  // The folder holds a file of which the name ends so.
  bool has_ending(const std::string& ending) const;
  // That file of the folder, whose head nobody needs: its name says what it is.
  FormatSource file(const std::string& name) const;
};

// The readers, one for each format (inspect_readers.cpp, inspect_run_files.cpp). Facts for people
// and for --json, in the order in which they are shown.
nlohmann::ordered_json inspect_weights(const FormatSource& source, const FormatOptions& options);
nlohmann::ordered_json inspect_index(const FormatSource& source, const FormatOptions& options);
nlohmann::ordered_json inspect_weights_folder(const FormatSource& source,
                                              const FormatOptions& options);
nlohmann::ordered_json inspect_llama2c(const FormatSource& source, const FormatOptions& options);
nlohmann::ordered_json inspect_model_folder(const FormatSource& source,
                                            const FormatOptions& options);
nlohmann::ordered_json inspect_checkpoint(const FormatSource& source, const FormatOptions& options);
nlohmann::ordered_json inspect_checkpoint_manifest(const FormatSource& source,
                                                   const FormatOptions& options);
nlohmann::ordered_json inspect_run(const FormatSource& source, const FormatOptions& options);
nlohmann::ordered_json inspect_run_state(const FormatSource& source, const FormatOptions& options);
nlohmann::ordered_json inspect_run_log(const FormatSource& source, const FormatOptions& options);
nlohmann::ordered_json inspect_run_status(const FormatSource& source, const FormatOptions& options);
nlohmann::ordered_json inspect_run_record(const FormatSource& source, const FormatOptions& options);
nlohmann::ordered_json inspect_tokenizer(const FormatSource& source, const FormatOptions& options);
nlohmann::ordered_json inspect_model_config(const FormatSource& source,
                                            const FormatOptions& options);
nlohmann::ordered_json inspect_yaml(const FormatSource& source, const FormatOptions& options);
nlohmann::ordered_json inspect_dataset_manifest(const FormatSource& source,
                                                const FormatOptions& options);
nlohmann::ordered_json inspect_json_object(const FormatSource& source,
                                           const FormatOptions& options);

}  // namespace weft::cli
