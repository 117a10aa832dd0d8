// What a stage of cleaning is: something done to the text of one document, by any thread, that
// depends on this text and the configuration alone; and, for duplicates, a memory of the documents
// before it, asked in their order by one thread. Because the two are apart, the outcome is that of
// a loop over documents and stages, whatever the threads (docs/adr/0008-cleaning-in-order.md).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/table_cells.h"

namespace weft::data {

// Something that a stage found in a document: why it is left out, or what was changed.
struct StageNote {
  std::string_view what;  // of a constant
  int64_t count = 0;
};

// A part of a text, with what stands around it.
struct Excerpt {
  std::string around;
  size_t begin = 0, end = 0;  // of the part

  void clear() {
    around.clear();
    begin = end = 0;
  }
};

// What a stage did with one document.
struct StageResult {
  bool changed = false;
  bool row_changed = false;      // cells of its row, not its text
  bool dropped = false;          // notes[0] says why
  std::vector<StageNote> notes;  // a handful
  std::vector<uint64_t> keys;    // for the stage's memory, if it has one
  Excerpt before, after;         // of a text that was changed or may be left out

  void drop(std::string_view why) {
    dropped = true;
    notes.push_back({why, 1});
  }
  void note(std::string_view what, int64_t count) {
    if (count > 0) notes.push_back({what, count});
  }
  void clear() {
    changed = row_changed = dropped = false;
    notes.clear();
    keys.clear();
    before.clear();
    after.clear();
  }
};

// What a stage remembers of the documents it has let pass. For one thread.
class StageMemory {
 public:
  virtual ~StageMemory() = default;
  // False for a document that is one too many. Otherwise it is remembered: the same calls with only
  // the keys of these documents lead to the same memory. Throws Error if it would need more memory
  // than it may have.
  virtual bool admit(std::span<const uint64_t> keys) = 0;
  // Why a document is left out.
  virtual std::string_view reason() const = 0;
};

// Immutable after it was made: any number of threads may share it.
class Stage {
 public:
  virtual ~Stage() = default;
  // Looks at `text` and says in `result` whether it is dropped; or puts another text into
  // `changed`, which is empty before, and sets result.changed.
  virtual void apply(std::string_view text, std::string& changed, StageResult& result) const = 0;
  // The same with the cells of the row that the text stands in, before apply(): for stages of
  // tables (docs/adr/0010-tables.md).
  virtual void apply_row(std::span<TableCell>, StageResult&) const {}
  // A new, empty memory for what apply() puts into keys; null for most stages.
  virtual std::unique_ptr<StageMemory> make_memory() const { return nullptr; }
};

}  // namespace weft::data
