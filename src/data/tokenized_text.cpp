#include "data/tokenized_text.h"

namespace weft::data {
namespace {

void append_piece(const text::Tokenizer& tokenizer, const TextPiece& piece,
                  std::vector<int32_t>& ids) {
  try {
    tokenizer.append_ids(piece.text, {.add_special_tokens = false, .find_special_tokens = false},
                         ids);
  } catch (const Error& error) {
    throw Error(piece.origin() + ": " + error.what(), error.code());
  }
}

}  // namespace

std::optional<int32_t> document_bos(const text::Tokenizer& tokenizer) {
  const text::SpecialIds& ids = tokenizer.special_ids();
  const std::vector<int32_t> frame = tokenizer.encode("");
  const bool framed = ids.bos && !frame.empty() && frame.front() == *ids.bos && ids.bos != ids.eos;
  return framed ? ids.bos : std::nullopt;
}

TokenizedText tokenize_text(const FileSystem& files, const text::Tokenizer& tokenizer,
                            const std::vector<std::string>& inputs, const TextOptions& options,
                            int64_t most_bytes) {
  const InputFiles found = collect_inputs(files, inputs);
  if (found.bytes > most_bytes)
    throw Error("'" + inputs.front() + "' has " + std::to_string(found.bytes) + " bytes, at most " +
                std::to_string(most_bytes) +
                " are read at once; `weft prepare` makes a tokens folder of any size");
  const std::optional<int32_t> begin = document_bos(tokenizer), end = tokenizer.special_ids().eos;
  TextReader reader(files, found, options);
  TokenizedText result;
  for (TextPiece piece; reader.next(piece);) {
    if (piece.begins_document)
      result.document_starts.push_back(static_cast<int64_t>(result.ids.size()));
    if (piece.begins_document && begin) result.ids.push_back(*begin);
    append_piece(tokenizer, piece, result.ids);
    if (piece.ends_document && end) result.ids.push_back(*end);
    result.bytes += static_cast<int64_t>(piece.text.size());
  }
  LeftOutCounts left_out = found.left_out;
  left_out.add(reader.left_out());
  result.left_out = left_out.items();
  return result;
}

}  // namespace weft::data
