// The text of docs/config.md: rules of the files, then every key from the structs themselves.
#include "config/document.h"
#include "train/load_pretrain_config.h"

namespace weft::train {
namespace {

constexpr std::string_view kIntroduction = R"(# Config keys

Made from the structs of the program by a test; `WEFT_UPDATE_DOCS=1 build/release/tests/weft_config_tests
--gtest_filter='ConfigDocument.*'` writes it anew.

A config is one YAML file: `weft pretrain CONFIG [key=value ...]`.

- **Strict.** Unknown keys, duplicate keys, wrong types, values out of range and keys that contradict each other are
  errors with `file:line:column`, what was given, what is allowed and the nearest known key. All of a file's errors are
  shown at once (up to 20).
- **Numbers** are decimal: `500`, `0.1`, `2e-5`. Refused, with advice: `010` (octal to some readers), `1_000`, `0x10`,
  `+5`, `.inf`, `.nan`, and numbers in quotes. Keys that count tokens, steps or epochs say so below and also take
  `10Gt`, `100Ku`, `5e` (K, M, G, T are powers of 1,000; t tokens, u updates, e epochs).
- **true and false** are the only booleans; `yes`, `no`, `on`, `off` are refused.
- **null** (or `~`) leaves an optional key unset; an empty value (`key:` and nothing) is an error.
- **extends: FILE** at the top of a file lays it over another one (relative to the file; up to ten in a row): keys win
  one by one, lists are replaced whole.
- **On the command line**, `key=value`, `model.hidden_size=512`, `datasets.0.path=DIR` (or `datasets[0].path=DIR`) come last;
  values are YAML. `datasets.1.path=DIR` after one dataset appends a second.
- **Aliases** are read with a note. A key and its alias together in one file are an error; of overrides on the command line
  the last one counts, whichever name it has.
- **--print-config** prints the resolved config; it loads to the same values.
- **weft check CONFIG** says what of a run would go wrong: the first batches are shown as they will be learned, and the data, the
  batch, the memory and the disk are looked at, in seconds, with nothing written. Exit code 2 where the run would end with an error.
- **Relative paths** are relative to the working folder, but `extends` to its file.
- **Limits.** A file has at most 256 KiB, 64 levels and 20,000 values (anchors and aliases count as often
  as they are used);
  UTF-8 without control characters; no tabs in indentation, no tags, no merge keys (`<<`), one document.

Keys marked ↻ may change when a run is resumed; the others belong to the run.

)";

}  // namespace

std::string pretrain_config_document() {
  return std::string(kIntroduction) +
         config::document(schema_of<PretrainConfig>(), "Keys of `weft pretrain`");
}

}  // namespace weft::train
