// Properties of characters by the names that regular expressions have for them: \p{Mn}, \p{Han},
// [[:alpha:]]. Pinned, like unicode.h, which has those that the usual expressions name.
#pragma once

#include <optional>
#include <string_view>

#include "text/code_set.h"

namespace weft::text {

// A general category, a script, or a class of POSIX; case, spaces, '-' and '_' of `name` do not
// count, as in Oniguruma. "posixpunct" is [[:punct:]], which has symbols too.
// "word" is [\w], which has no U+00B2 and the like, as \w by itself has.
std::optional<CodeSet> property_named(std::string_view name);

}  // namespace weft::text
