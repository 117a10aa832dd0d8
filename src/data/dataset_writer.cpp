// Documents into shards.
#include "data/dataset_writer.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "weft/error.h"

namespace weft::data {

SplitWriter::SplitWriter(FileSystem& files, const Path& folder, Split split,
                         const DatasetFormat& format)
    : files_(files),
      folder_(folder),
      split_(split),
      builder_(format.vocab_size, format.shard_tokens),
      tokens_log_(files, folder, std::string(name_of(split)) + "-tokens"),
      starts_log_(files, folder, std::string(name_of(split)) + "-starts"),
      features_log_(files, folder, std::string(name_of(split)) + "-features"),
      features_(format.features) {}

void SplitWriter::start_document(std::span<const float> features) {
  WEFT_ASSERT(features.size() == features_);
  if (builder_.room() == 0) write_shard();
  builder_.start_document();
  feature_rows_.insert(feature_rows_.end(), features.begin(), features.end());
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
  const size_t number = content_.shards.size();
  const ShardSummary shard = builder_.write(files_, folder_ / shard_name(split_, number));
  content_.shards.push_back(shard);
  if (features_ > 0)
    content_.features.push_back(write_npy(files_, folder_ / features_name(split_, number),
                                          feature_rows_, static_cast<int64_t>(features_)));
  feature_rows_.clear();
  content_.tokens += shard.tokens;
  content_.documents += shard.documents;
  builder_.clear();
  tokens_log_.restart();
  starts_log_.restart();
  features_log_.restart();
  saved_bytes_ = saved_starts_ = saved_features_ = 0;
}

SplitContent SplitWriter::finish() {
  if (builder_.tokens() > 0) write_shard();
  return content_;
}

nlohmann::ordered_json SplitWriter::save() {
  tokens_log_.append(builder_.stored().subspan(saved_bytes_));
  starts_log_.append(std::as_bytes(builder_.starts().subspan(saved_starts_)));
  saved_bytes_ = builder_.stored().size();
  saved_starts_ = builder_.starts().size();
  features_log_.append(std::as_bytes(std::span(feature_rows_).subspan(saved_features_)));
  saved_features_ = feature_rows_.size();
  auto shards = nlohmann::ordered_json::array(), features = nlohmann::ordered_json::array();
  for (const NpySummary& file : content_.features)
    features.push_back({{"bytes", file.bytes}, {"hash", file.hash}});
  for (const ShardSummary& shard : content_.shards)
    shards.push_back({{"tokens", shard.tokens},
                      {"documents", shard.documents},
                      {"bytes", shard.bytes},
                      {"hash", shard.hash}});
  return {{"bytes", content_.bytes},
          {"shards", std::move(shards)},
          {"features", std::move(features)},
          {"open_tokens", tokens_log_.state()},
          {"open_starts", starts_log_.state()},
          {"open_features", features_log_.state()}};
}

void SplitWriter::restore(const nlohmann::json& state) {
  content_.bytes = state.at("bytes").get<int64_t>();
  for (const auto& item : state.at("shards")) {
    const ShardSummary shard{.tokens = item.at("tokens").get<int64_t>(),
                             .documents = item.at("documents").get<int64_t>(),
                             .bytes = item.at("bytes").get<int64_t>(),
                             .hash = item.at("hash").get<uint64_t>()};
    const Path file = folder_ / shard_name(split_, content_.shards.size());
    if (files_.status(file).size != shard.bytes) throw Error("a saved shard has another size");
    content_.shards.push_back(shard);
    content_.tokens += shard.tokens;
    content_.documents += shard.documents;
  }
  for (const auto& item : state.at("features")) {
    const NpySummary summary{.bytes = item.at("bytes").get<int64_t>(),
                             .hash = item.at("hash").get<uint64_t>()};
    const Path file = folder_ / features_name(split_, content_.features.size());
    if (files_.status(file).size != summary.bytes) throw Error("saved features have another size");
    content_.features.push_back(summary);
  }
  const std::vector<std::byte> rows = features_log_.restore(state.at("open_features"));
  feature_rows_.resize(rows.size() / sizeof(float));
  if (!feature_rows_.empty())
    std::memcpy(feature_rows_.data(), rows.data(), feature_rows_.size() * sizeof(float));
  saved_features_ = feature_rows_.size();
  const std::vector<std::byte> tokens = tokens_log_.restore(state.at("open_tokens"));
  const std::vector<std::byte> bytes = starts_log_.restore(state.at("open_starts"));
  std::vector<uint64_t> starts(bytes.size() / sizeof(uint64_t));
  if (!starts.empty()) std::memcpy(starts.data(), bytes.data(), starts.size() * sizeof(uint64_t));
  builder_.restore(tokens, starts);
  saved_bytes_ = tokens.size();
  saved_starts_ = starts.size();
  if (feature_rows_.size() != starts.size() * features_)
    throw Error("saved features are of other documents");
}

void SplitWriter::remove_old() {
  tokens_log_.remove_old();
  starts_log_.remove_old();
  features_log_.remove_old();
}

std::vector<std::string> SplitWriter::file_names() const {
  std::vector<std::string> names = tokens_log_.file_names();
  for (const std::string& name : starts_log_.file_names()) names.push_back(name);
  for (const std::string& name : features_log_.file_names()) names.push_back(name);
  for (size_t i = 0; i < content_.shards.size(); ++i) names.push_back(shard_name(split_, i));
  for (size_t i = 0; i < content_.features.size(); ++i) names.push_back(features_name(split_, i));
  return names;
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
    split.start_document(piece.features);
    if (format_.bos_token_id) split.append(std::span(&*format_.bos_token_id, 1));
  }
  split.append(piece.tokens);
  split.add_bytes(piece.bytes);
  if (piece.ends_document) close_document();
}

void DatasetWriter::skip(bool begins_document, bool ends_document) {
  if (open_ && (begins_document || ends_document)) close_document();
}

void DatasetWriter::close_document() {
  writer(*open_).append(std::span(&format_.eos_token_id, 1));
  open_.reset();
}

std::array<SplitContent, 2> DatasetWriter::finish() {
  if (open_) close_document();
  return {writers_[0].finish(), writers_[1].finish()};
}

nlohmann::ordered_json DatasetWriter::save() {
  nlohmann::ordered_json state = {{"open", open_ ? name_of(*open_) : ""}};
  for (const Split split : kSplits) state[std::string(name_of(split))] = writer(split).save();
  return state;
}

void DatasetWriter::restore(const nlohmann::json& state) {
  for (const Split split : kSplits) {
    if (state.at("open").get<std::string>() == name_of(split)) open_ = split;
    writer(split).restore(state.at(std::string(name_of(split))));
  }
}

void DatasetWriter::remove_old() {
  for (SplitWriter& writer : writers_) writer.remove_old();
}

std::vector<std::string> DatasetWriter::file_names() const {
  std::vector<std::string> names;
  for (const SplitWriter& writer : writers_)
    for (std::string& name : writer.file_names()) names.push_back(std::move(name));
  return names;
}

}  // namespace weft::data
