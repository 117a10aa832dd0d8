// Which files a list of inputs means: files, folders and patterns; links and duplicates left out.
// What stands in them is text_reader.h's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "data/input_format.h"
#include "data/left_out.h"

namespace weft::data {

struct InputFile {
  Path path;
  InputKind kind = InputKind::kText;
  Compression compression = Compression::kNone;
  int64_t size = 0;  // bytes
  Path shown = {};   // what messages call it; its path where that is empty

  const Path& name() const { return shown.empty() ? path : shown; }
};

struct InputFiles {
  std::vector<InputFile> files;
  LeftOutCounts left_out;
  int64_t bytes = 0;  // of all files
};

struct InputOptions {
  std::optional<InputKind> format = {};  // of all files, whatever their names say
  Path standard_input = {};              // the file that holds what "-" means (standard_input.h)
};

// Files stand in the order of `inputs`; those of a folder, searched with all folders in it, sorted
// by path, folder by folder; "*.txt" and "**" are expanded where no file has that very name. What a
// file holds follows from its name (input_format.h); in folders, and by patterns, names without an
// extension ("LICENSE", "GPL-3", "Apache-2.0") are text; a file that was named itself is text
// whatever its extension, unless that belongs to another kind of data. Left out and counted: in
// folders symbolic links, other extensions, hidden and empty files, what is no regular file,
// folders that `weft prepare` wrote; everywhere files equal to an earlier one (128-bit hash).
// Throws Error: nothing given; an input that is missing, unreadable, empty or of another kind of
// data; a folder without text; a pattern that nothing matches.
InputFiles collect_inputs(const FileSystem& files, const std::vector<std::string>& inputs,
                          const InputOptions& options = {});

}  // namespace weft::data
