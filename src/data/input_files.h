// Which files a list of inputs means: files and folders, links and duplicates left out. What stands
// in them is text_reader.h's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "data/left_out.h"

namespace weft::data {

enum class InputKind {
  kText,       // the whole file is one document
  kJsonLines,  // each line is an object that holds one document
};

struct InputFile {
  Path path;
  InputKind kind = InputKind::kText;
  int64_t size = 0;  // bytes
};

struct InputFiles {
  std::vector<InputFile> files;
  LeftOutCounts left_out;
  int64_t bytes = 0;  // of all files
};

// Files stand in the order of `inputs`; those of a folder, searched with all folders in it, sorted
// by path, folder by folder. `.jsonl` is JSON lines; `.txt`, and in a folder also names without an
// extension ("LICENSE", "GPL-3", "Apache-2.0"), are text; a file that was named itself is text
// whatever its extension, unless that belongs to another kind of data. Left out and counted: in
// folders symbolic links, other extensions, hidden and empty files, what is no regular file,
// folders that `weft prepare` wrote; everywhere files equal to an earlier one (128-bit hash).
// Throws Error: nothing given; an input that is missing, unreadable, empty or of another kind of
// data; a folder without text.
InputFiles collect_inputs(const FileSystem& files, const std::vector<std::string>& inputs);

}  // namespace weft::data
