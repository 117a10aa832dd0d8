// Documents into shards.
#include "data/dataset_writer.h"

#include <algorithm>

namespace weft::data {

SplitWriter::SplitWriter(FileSystem& files, const Path& folder, Split split,
                         const DatasetFormat& format)
    : files_(files),
      folder_(folder),
      split_(split),
      builder_(format.vocab_size, format.shard_tokens) {}

void SplitWriter::start_document() {
  if (builder_.room() == 0) write_shard();
  builder_.start_document();
}

void SplitWriter::append(std::span<const int32_t> tokens) {
  while (!tokens.empty()) {
    if (builder_.room() == 0) write_shard();
    const size_t count = std::min(tokens.size(), static_cast<size_t>(builder_.room()));
    builder_.append(tokens.first(count));
    tokens = tokens.subspan(count);
  }
}

void SplitWriter::write_shard() {
  const ShardSummary shard =
      builder_.write(files_, folder_ / shard_name(split_, content_.shards.size()));
  content_.shards.push_back(shard);
  content_.tokens += shard.tokens;
  content_.documents += shard.documents;
  builder_.clear();
}

SplitContent SplitWriter::finish() {
  if (builder_.tokens() > 0) write_shard();
  return content_;
}

DatasetWriter::DatasetWriter(FileSystem& files, const Path& folder, const DatasetFormat& format)
    : format_(format),
      writers_{SplitWriter(files, folder, Split::kTrain, format),
               SplitWriter(files, folder, Split::kValidation, format)} {}

void DatasetWriter::add(const TokenPiece& piece) {
  if (open_ && (piece.begins_document || *open_ != piece.split)) close_document();
  SplitWriter& split = writer(piece.split);
  if (!open_) {
    open_ = piece.split;
    split.start_document();
    if (format_.bos_token_id) split.append(std::span(&*format_.bos_token_id, 1));
  }
  split.append(piece.tokens);
  split.add_bytes(piece.bytes);
  if (piece.ends_document) close_document();
}

void DatasetWriter::close_document() {
  writer(*open_).append(std::span(&format_.eos_token_id, 1));
  open_.reset();
}

std::array<SplitContent, 2> DatasetWriter::finish() {
  if (open_) close_document();
  return {writers_[0].finish(), writers_[1].finish()};
}

}  // namespace weft::data
