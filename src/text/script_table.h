// The scripts of characters, as the pre-tokenizer UnicodeScripts tells them apart. Pinned, like
// unicode.h. Not here: other classes of characters (unicode.h, fold_tables.h).
#pragma once

#include "text/unicode.h"

namespace weft::text {

// A number for each script; Hiragana and Katakana have that of Han. 0: a space, or unassigned.
const ClassTable& script_table();

}  // namespace weft::text
