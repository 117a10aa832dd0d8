// Vocabularies (vocabulary.h).
#include "text/vocabulary.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>

#include "core/quote.h"
#include "text/tokenizer_document.h"
#include "weft/error.h"

namespace weft::text {

StringTable::StringTable(size_t most_strings)
    : slots_(std::bit_ceil(std::max<size_t>(2 * most_strings, 2))) {}

// The slot that holds `text`, or the free one where it belongs.
size_t StringTable::slot_of(std::string_view text) const {
  const size_t mask = slots_.size() - 1;
  size_t i = XXH3_64bits(text.data(), text.size()) & mask;
  while (slots_[i].value >= 0 && slots_[i].text != text) i = (i + 1) & mask;
  return i;
}

bool StringTable::insert(std::string_view text, int32_t value) {
  Slot& slot = slots_[slot_of(text)];
  if (slot.value >= 0) return false;
  slot = {text, value};
  return true;
}

int32_t StringTable::find(std::string_view text) const {
  return slots_.empty() ? -1 : slots_[slot_of(text)].value;
}

Vocabulary::Vocabulary(std::vector<std::pair<std::string, int64_t>> model,
                       const std::vector<AddedToken>& added, const std::string& origin)
    : model_ids_(model.size()), added_ids_(added.size()) {
  size_t size = model.size();
  for (const AddedToken& token : added) size = std::max(size, static_cast<size_t>(token.id) + 1);
  for (const auto& [text, id] : model) {
    if (id >= 0)
      size = std::max(size, static_cast<size_t>(std::min<int64_t>(id, kMaxVocabulary)) + 1);
  }
  if (size > model.size() + added.size() + kMaxHoles) {
    throw Error(origin + ": ids reach to " + std::to_string(size - 1) + " but there are at most " +
                std::to_string(model.size() + added.size()) + " tokens; at most " +
                std::to_string(kMaxHoles) + " ids may have none");
  }
  texts_.resize(size);
  is_model_token_.resize(size);
  for (auto& [text, id] : model) {
    const auto where = [&origin](std::string_view token) {
      return origin + ": model.vocab[" + quote(token) + "]";
    };
    place(std::move(text), id, where);
    is_model_token_[static_cast<size_t>(id)] = true;
    const std::string& placed = texts_[static_cast<size_t>(id)];
    if (!model_ids_.insert(placed, static_cast<int32_t>(id)))
      throw Error(where(placed) + ": the token appears twice");
  }
  for (const AddedToken& token : added) {
    const auto where = [&origin](std::string_view text) {
      return origin + ": added_tokens " + quote(text);
    };
    const int32_t known = model_id(token.content);
    if (known < 0) place(token.content, token.id, where);
    if (known >= 0 && known != token.id) {
      throw Error(where(token.content) + ": has id " + std::to_string(token.id) + " here and " +
                  std::to_string(known) + " in model.vocab");
    }
    added_ids_.insert(texts_[static_cast<size_t>(token.id)], token.id);
  }
  const auto holes = static_cast<size_t>(std::ranges::count(texts_, ""));
  if (holes > kMaxHoles) {
    const auto first = std::ranges::find(texts_, "") - texts_.begin();
    throw Error(origin + ": no token has the id " + std::to_string(first) + " and " +
                std::to_string(holes - 1) + " others; at most " + std::to_string(kMaxHoles) +
                " ids may have none");
  }
}

// `where` names the token in messages; few tokens need one.
template <class Where>
void Vocabulary::place(std::string text, int64_t id, const Where& where) {
  if (text.empty()) throw Error(where(text) + ": a token is empty");
  if (text.size() > kMaxTokenBytes) {
    throw Error(where(text) + ": the token is longer than " + std::to_string(kMaxTokenBytes) +
                " bytes");
  }
  if (id < 0 || id >= size()) {
    throw Error(where(text) + ": the id must be an integer from 0 to " +
                std::to_string(size() - 1));
  }
  std::string& slot = texts_[static_cast<size_t>(id)];
  if (!slot.empty()) {
    throw Error(where(text) + ": id " + std::to_string(id) + " is also that of " + quote(slot));
  }
  slot = std::move(text);
}

int32_t Vocabulary::id(std::string_view token) const {
  const int32_t added = added_ids_.find(token);
  return added >= 0 ? added : model_id(token);
}

}  // namespace weft::text
