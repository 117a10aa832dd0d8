// Documents as a stream of pieces of text, in bounded memory: .txt files and JSON lines, with the
// policy for bytes that are no text. It knows no tokens and no splits; tokenizers are trained from
// the same stream.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/input_files.h"
#include "data/utf8_policy.h"

namespace weft::data {

struct TextOptions {
  // Where the text of a JSON line stands: a key, or keys joined by dots ("message.content").
  std::string text_field = "text";
  InvalidUtf8 invalid_utf8 = InvalidUtf8::kError;
  // Longer documents come in several pieces, cut where piece_end() says.
  int64_t piece_bytes = 1 << 20;
  // A longer JSON line is an error: it would have to be held in memory whole.
  int64_t max_line_bytes = 64 << 20;
  uint64_t hash_seed = 0;
};

// A document, or a part of one that does not fit a piece.
struct TextPiece {
  std::string text;  // UTF-8, not empty
  bool begins_document = false;
  bool ends_document = false;
  uint64_t document_hash = 0;  // XXH3-64 of the whole document with hash_seed
  // The part of all input bytes that it stands in: [input_begin, input_end).
  int64_t input_begin = 0;
  int64_t input_end = 0;
  const InputFile* file = nullptr;
  int64_t line = 0;  // of a JSON line, from 1; 0 for text files

  std::string origin() const;  // "corpus/a.jsonl:17"
};

// Where to cut `text`, of which there is more than `limit` >= 4: at most `limit` bytes, after the
// last line end that stands between two characters that are no white space (there the tokenizers in
// use cut words anyway), else after any line end, else after a space, else between two characters.
size_t piece_end(std::string_view text, size_t limit);

// The reader of one file.
class FileReader {
 public:
  virtual ~FileReader() = default;
  // False at the end. `piece` is overwritten; its memory is used again.
  virtual bool next(TextPiece& piece) = 0;
};
// What readers of files share. `input_begin` is the place of the file among all input bytes.
struct FileContext {
  const FileSystem& files;
  const InputFile& file;
  const TextOptions& options;
  int64_t input_begin;
  LeftOutCounts& left_out;
};
std::unique_ptr<FileReader> open_text_file(const FileContext& context);
std::unique_ptr<FileReader> open_json_lines(const FileContext& context);

// All pieces of all files, in order. Throws Error naming file and line or byte: unreadable, changed
// while it was read, bytes that are no text (unless the policy says otherwise), malformed JSON, a
// field that is missing, doubled or no string. Not for use by several threads at once.
class TextReader {
 public:
  // `files` and `inputs` must outlive the reader.
  TextReader(const FileSystem& files, const InputFiles& inputs, TextOptions options);

  // False at the end. `piece` is overwritten; its memory is used again.
  bool next(TextPiece& piece);
  // What was left out or replaced so far, without what `inputs` left out.
  const LeftOutCounts& left_out() const { return left_out_; }

 private:
  const FileSystem& files_;
  const InputFiles& inputs_;
  TextOptions options_;
  LeftOutCounts left_out_;
  size_t next_file_ = 0;
  int64_t input_begin_ = 0;
  std::unique_ptr<FileReader> current_;
};

}  // namespace weft::data
