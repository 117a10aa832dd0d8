// What a config consists of before it is typed: a file, the files it extends, and the arguments of
// the command line, laid over each other. Later layers win key by key; lists are replaced whole.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "core/file_system.h"
#include "core/tree/schema.h"

namespace weft::config {

// Gives a file's text; throws Error. Tests and the fuzz target put their own.
using ReadText = std::function<std::string(const Path&)>;

// A regular file; FileError if it is larger than kMaxTreeBytes, before it is read.
std::string read_config_text(const Path& file);

// `file`, laid over the file that its key `extends` names (relative to it, up to ten in a row), and
// `overrides` over both. Names are resolved by `schema`; a mistake in a key goes into `report`.
// Throws Error for what is no config at all: unreadable, no YAML, no map, files in a circle.
//
// An override is `key=value`, `a.b.c=value`, `list.0.key=value` or `list[0].key=value` with the
// value in YAML; the index one past the end appends. Its position reads "command line: key=value".
Tree load_layers(const Path& file, std::span<const std::string> overrides, const Schema& schema,
                 Report& report, const ReadText& read_text = read_config_text);

// Lays `layer` over `base`.
void lay_over(Tree& base, Tree layer, Report& report, std::string_view path = "");

// One override as a tree of nested maps; list indices are maps `by_index`. Throws Error.
Tree parse_override(std::string_view argument);

}  // namespace weft::config
