// Documents as a stream of pieces of text, in bounded memory: text files, JSON and tables, with the
// policies for what is no text or cannot be read. It knows no tokens and no splits; tokenizers are
// trained from the same stream.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/byte_reader.h"
#include "data/input_files.h"
#include "data/left_out.h"
#include "data/table_cells.h"
#include "data/utf8_policy.h"

namespace weft::data {

// What is done with a record that is malformed or lacks its text, and with a file that cannot be
// read, changes, or is cut short.
enum class BadInput {
  kStop,  // an error with the place
  kSkip,  // leave the record, or the rest of the file, out and count it
};
// "stop", "skip": the values of --bad-input.
std::string_view name_of(BadInput policy);

// What LeftOutCounts says of such a file.
inline constexpr std::string_view kUnreadReason = "file, or rest of one, that could not be read";

struct TextOptions {
  // Where the text of a JSON value stands: a key, or a path ("message.content", "turns[0].text").
  // Of a table: the name of a column.
  std::string text_field = "text";
  InvalidUtf8 invalid_utf8 = InvalidUtf8::kError;
  BadInput bad_input = BadInput::kStop;
  // Longer documents come in several pieces, cut where piece_end() says.
  int64_t piece_bytes = 1 << 20;
  // A longer JSON value or table row is bad input: it would have to be held in memory whole.
  int64_t max_line_bytes = 64 << 20;
  uint64_t hash_seed = 0;
  // Columns of tables, and fields of JSON objects, that are read beside the text; not of text
  // files.
  std::vector<ColumnSpec> columns = {};
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
  int64_t line = 0;              // where a record of a file begins, from 1; 0 for text files
  std::vector<TableCell> cells;  // of TextOptions::columns

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
  // XXH3-128 of the file's bytes, once next() was false.
  virtual std::string file_hash() const = 0;
};
// What readers of files share. `input_begin` is the place of the file among all input bytes.
struct FileContext {
  const FileSystem& files;
  const InputFile& file;
  const TextOptions& options;
  int64_t input_begin;
  LeftOutCounts& left_out;

  ByteReader::Source source() const {
    return {file.path, file.size, file.compression, file.name()};
  }
};
std::unique_ptr<FileReader> open_text_file(const FileContext& context);
std::unique_ptr<FileReader> open_json(const FileContext& context);
std::unique_ptr<FileReader> open_table(const FileContext& context);

// All pieces of all files, in order. Throws Error naming file and line or byte, unless the policies
// say otherwise: unreadable, changed while it was read, an archive that is damaged, cut short or a
// bomb, bytes that are no text, malformed JSON or tables, a field that is missing, doubled or no
// string, a cell that is no number. Not for use by several threads at once.
class TextReader {
 public:
  // `files` and `inputs` must outlive the reader.
  TextReader(const FileSystem& files, const InputFiles& inputs, TextOptions options);

  // False at the end. `piece` is overwritten; its memory is used again.
  bool next(TextPiece& piece);
  // What was left out or replaced so far, without what `inputs` left out.
  const LeftOutCounts& left_out() const { return left_out_; }
  // XXH3-128 of each file that was read to its end so far; "" for those that could not be.
  const std::vector<std::string>& file_hashes() const { return file_hashes_; }
  // The last FileError for which a file, or the rest of one, was left out (kUnreadReason).
  std::exception_ptr file_error() const { return file_error_; }

 private:
  void leave_out(const Error& error);
  bool next_of_current(TextPiece& piece);
  void open(const InputFile& file);

  const FileSystem& files_;
  const InputFiles& inputs_;
  TextOptions options_;
  LeftOutCounts left_out_;
  std::exception_ptr file_error_;
  std::vector<std::string> file_hashes_;
  size_t next_file_ = 0;
  int64_t input_begin_ = 0;
  std::unique_ptr<FileReader> current_;
};

}  // namespace weft::data
