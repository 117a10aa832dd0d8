#include "io/safetensors.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/quote.h"

namespace weft::io {
namespace {

// Hands bytes on and counts them.
class CountingFile final : public WritableFile {
 public:
  explicit CountingFile(WritableFile& out) : out_(out) {}
  void write(std::span<const std::byte> bytes) override {
    count_ += static_cast<int64_t>(bytes.size());
    out_.write(bytes);
  }
  void sync() override { out_.sync(); }
  void close() override { out_.close(); }
  int64_t count() const { return count_; }

 private:
  WritableFile& out_;
  int64_t count_ = 0;
};

using Ordered = std::vector<const TensorToWrite*>;

Ordered file_order(const std::vector<TensorToWrite>& tensors) {
  Ordered order;
  for (const TensorToWrite& tensor : tensors) order.push_back(&tensor);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return bits_of(a->type) > bits_of(b->type);
  });
  return order;
}

std::string json_string(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    throw Error("the name " + quote(text) + " is not UTF-8 and cannot be written");
  }
}

void refuse_bad_names(const Ordered& tensors) {
  std::vector<std::string_view> names{"__metadata__"};
  for (const auto* tensor : tensors) names.push_back(tensor->name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    throw Error("the name " + quote(*twice) + " would stand twice in one safetensors file");
}

std::string metadata_json(const Metadata& metadata) {
  std::string text = "\"__metadata__\":{";
  for (const auto& [key, value] : metadata)
    text += (text.back() == '{' ? "" : ",") + json_string(key) + ":" + json_string(value);
  return text + "}";
}

std::string entry_json(const TensorToWrite& tensor, int64_t begin) {
  std::string sizes;
  for (const int64_t size : tensor.shape)
    sizes += (sizes.empty() ? "" : ",") + std::to_string(size);
  return json_string(tensor.name) + ":{\"dtype\":\"" + std::string(name_of(tensor.type)) +
         "\",\"shape\":[" + sizes + "],\"data_offsets\":[" + std::to_string(begin) + "," +
         std::to_string(begin + tensor.bytes()) + "]}";
}

// The length and the header, padded with spaces so that the data is aligned to 8 bytes.
std::string head(const Ordered& tensors, const Metadata& metadata) {
  refuse_bad_names(tensors);
  std::string json = "{" + (metadata.empty() ? "" : metadata_json(metadata));
  int64_t begin = 0;
  for (const auto* tensor : tensors) {
    json += (json.size() > 1 ? "," : "") + entry_json(*tensor, begin);
    begin += tensor->bytes();
  }
  json += "}";
  json.resize((json.size() + 7) / 8 * 8, ' ');
  const uint64_t length = json.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + json;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const Path& file)
    : file_(file), header_(parse_safetensors(file_.bytes(), quote_path(file))) {
  for (const SafetensorsEntry& entry : header_.entries)
    tensors_.push_back(
        {.name = entry.name,
         .type = entry.type,
         .shape = entry.shape,
         .bytes = file_.slice(header_.data_begin + entry.begin, entry.end - entry.begin)});
  by_name_.resize(tensors_.size());
  std::iota(by_name_.begin(), by_name_.end(), size_t{0});
  std::sort(by_name_.begin(), by_name_.end(),
            [&](size_t a, size_t b) { return tensors_[a].name < tensors_[b].name; });
}

const TensorView* SafetensorsFile::find(std::string_view name) const {
  const auto at =
      std::lower_bound(by_name_.begin(), by_name_.end(), name,
                       [&](size_t i, std::string_view n) { return tensors_[i].name < n; });
  return at != by_name_.end() && tensors_[*at].name == name ? &tensors_[*at] : nullptr;
}

const TensorView& SafetensorsFile::at(std::string_view name) const {
  const TensorView* tensor = find(name);
  if (tensor == nullptr)
    throw Error(quote_path(path()) + " has no tensor " + quote(name) + " among its " +
                std::to_string(tensors_.size()));
  return *tensor;
}

int64_t safetensors_size(const std::vector<TensorToWrite>& tensors, const Metadata& metadata) {
  auto size = static_cast<int64_t>(head(file_order(tensors), metadata).size());
  for (const TensorToWrite& tensor : tensors) size += tensor.bytes();
  return size;
}

void write_safetensors(WritableFile& out, const std::vector<TensorToWrite>& tensors,
                       const Metadata& metadata) {
  const Ordered order = file_order(tensors);
  out.write(head(order, metadata));
  for (const auto* tensor : order) {
    CountingFile counted(out);
    tensor->content(counted);
    WEFT_ASSERT(counted.count() == tensor->bytes());
  }
}

}  // namespace weft::io
