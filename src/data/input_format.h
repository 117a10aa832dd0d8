// What kind of data a file holds, by its name: formats, compression, and the kinds that are refused
// with the way to convert them. It opens no file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/file_system.h"

namespace weft::data {

enum class InputKind {
  kText,       // the whole file is one document
  kJsonLines,  // each line is an object that holds one document
  kJson,       // a list of objects, or objects one after the other, each with one document
  kCsv,        // a table with a header; each row holds one document
  kTsv,        // the same with tabs between fields
};
// "txt", "jsonl", "json", "csv", "tsv": the values of --input-format.
std::string_view name_of(InputKind kind);
// Throws Error for other words.
InputKind input_kind(std::string_view word);

enum class Compression { kNone, kGzip, kZstd };

struct InputFormat {
  std::optional<InputKind> kind;  // unset: an extension that says nothing, or none
  Compression compression = Compression::kNone;
};

// By the extensions of `path`: ".jsonl.gz" is compressed JSON lines. A version at the end of a name
// ("GPL-3", "Apache-2.0") is no extension.
InputFormat format_of(const Path& path);
bool has_no_extension(const Path& path);

// What to do about a file of another kind: for Parquet and Arrow the command that converts them.
// Unset for files that may be text.
std::optional<std::string> refusal_of(const Path& path);
// The same by the first bytes of a file, whose name does not say what it is: "is a Parquet
// file...".
std::optional<std::string> refusal_of_content(const Path& path, std::string_view head);

}  // namespace weft::data
