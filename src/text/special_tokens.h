// Which tokens end, begin and fill texts, and the two small files of a Hugging Face folder that say
// so. Not here: how they are found in text (added_tokens.h).
#pragma once

#include <string>
#include <vector>

#include "text/added_tokens.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace weft::text {

// The roles that `config` (the content of a tokenizer_config.json) gives. Throws Error, beginning
// with `origin`, if it is malformed or names a token that the vocabulary lacks.
SpecialIds special_ids_from_config(std::string_view config, const Vocabulary& vocabulary,
                                   const std::string& origin);

// The roles by names that the field uses, where no configuration says more.
SpecialIds special_ids_by_name(const std::vector<AddedToken>& added, int32_t unknown_id);

// tokenizer_config.json and special_tokens_map.json for these roles.
std::string make_tokenizer_config(const SpecialIds& ids, const Vocabulary& vocabulary);
std::string make_special_tokens_map(const SpecialIds& ids, const Vocabulary& vocabulary);

// Whether files with these contents could be of the two above: they say nothing that is lost when
// they are replaced, such as a chat template.
bool is_made_tokenizer_config(std::string_view content);
bool is_made_special_tokens_map(std::string_view content);

}  // namespace weft::text
