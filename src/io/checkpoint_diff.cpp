#include "io/checkpoint_diff.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "io/safetensors.h"

namespace weft::io {
namespace {

constexpr int64_t kPiece = 1 << 14;  // elements

bool is_safetensors(std::string_view name) {
  return name.ends_with(".safetensors");
}

bool has_floats(StoredType type) {
  return type == StoredType::kF32 || type == StoredType::kF16 || type == StoredType::kBF16 ||
         type == StoredType::kF64;
}

struct Norms {
  double before = 0, after = 0, change = 0;
};

// Of two tensors of as many elements; either may be null, which counts as zeros.
Norms norms_of(const TensorView* before, const TensorView* after) {
  std::vector<float> a(kPiece), b(kPiece);
  Norms sums;
  const int64_t elements = (before != nullptr ? before : after)->elements();
  for (int64_t begin = 0; begin < elements; begin += kPiece) {
    const auto count = static_cast<size_t>(std::min(kPiece, elements - begin));
    if (before != nullptr) read_floats(*before, begin, std::span(a).first(count));
    if (after != nullptr) read_floats(*after, begin, std::span(b).first(count));
    for (size_t i = 0; i < count; ++i) {
      const auto x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
      sums.before += x * x;
      sums.after += y * y;
      sums.change += (x - y) * (x - y);
    }
  }
  return {std::sqrt(sums.before), std::sqrt(sums.after), std::sqrt(sums.change)};
}

std::string type_of(const TensorView* tensor) {
  if (tensor == nullptr) return "";
  std::string text = std::string(name_of(tensor->type)) + "[";
  for (size_t i = 0; i < tensor->shape.size(); ++i)
    text += (i == 0 ? "" : ",") + std::to_string(tensor->shape[i]);
  return text + "]";
}

void fill_norms(const TensorView* before, const TensorView* after, TensorDifference& difference) {
  const bool a = before != nullptr && has_floats(before->type);
  const bool b = after != nullptr && has_floats(after->type);
  const bool comparable = a && b &&
                          std::equal(before->shape.begin(), before->shape.end(),
                                     after->shape.begin(), after->shape.end());
  if (comparable) {
    const Norms norms = norms_of(before, after);
    difference.norm_before = norms.before;
    difference.norm_after = norms.after;
    difference.norm_of_change = norms.change;
    return;
  }
  if (a) difference.norm_before = norms_of(before, nullptr).before;
  if (b) difference.norm_after = norms_of(nullptr, after).after;
}

TensorDifference compare_one(const TensorView* before, const TensorView* after) {
  TensorDifference difference{.file = {},
                              .name = std::string((before != nullptr ? before : after)->name),
                              .before = type_of(before),
                              .after = type_of(after),
                              .norm_before = {},
                              .norm_after = {},
                              .norm_of_change = {}};
  difference.equal = difference.before == difference.after &&
                     std::equal(before->bytes.begin(), before->bytes.end(), after->bytes.begin(),
                                after->bytes.end());
  fill_norms(before, after, difference);
  return difference;
}

struct Pair {
  const TensorView* before = nullptr;
  const TensorView* after = nullptr;
};

std::optional<SafetensorsFile> open_if_listed(const Checkpoint& checkpoint,
                                              const std::string& name) {
  if (!checkpoint.has(name)) return std::nullopt;
  return SafetensorsFile(checkpoint.file(name));
}

// The hash of `name`; empty where the manifest does not list it.
std::string hash_in(const Checkpoint& checkpoint, const std::string& name) {
  for (const WrittenFile& file : checkpoint.manifest.files)
    if (file.name == name) return file.hash;
  return "";
}

// Names of both, sorted.
std::vector<std::string> all_names(const Checkpoint& before, const Checkpoint& after) {
  std::vector<std::string> names;
  for (const Checkpoint* one : {&before, &after})
    for (const WrittenFile& file : one->manifest.files) names.push_back(file.name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

std::vector<TensorDifference> compare_tensors(const Checkpoint& before, const Checkpoint& after) {
  std::vector<TensorDifference> result;
  for (const std::string& file : all_names(before, after)) {
    if (!is_safetensors(file)) continue;
    const auto a = open_if_listed(before, file), b = open_if_listed(after, file);
    std::map<std::string_view, Pair> pairs;
    if (a)
      for (const TensorView& tensor : a->tensors()) pairs[tensor.name].before = &tensor;
    if (b)
      for (const TensorView& tensor : b->tensors()) pairs[tensor.name].after = &tensor;
    for (const auto& [name, pair] : pairs) {
      result.push_back(compare_one(pair.before, pair.after));
      result.back().file = file;
    }
  }
  return result;
}

std::string_view name_of(FileChange change) {
  constexpr std::array<std::string_view, 4> kNames = {"same", "changed", "added", "removed"};
  return kNames[static_cast<size_t>(change)];
}

std::vector<FileDifference> compare_files(const Checkpoint& before, const Checkpoint& after) {
  std::vector<FileDifference> result;
  for (const std::string& name : all_names(before, after)) {
    if (is_safetensors(name)) continue;
    const std::string a = hash_in(before, name), b = hash_in(after, name);
    FileChange change = a == b ? FileChange::kSame : FileChange::kChanged;
    if (a.empty()) change = FileChange::kAdded;
    if (b.empty()) change = FileChange::kRemoved;
    result.push_back({.name = name, .change = change});
  }
  return result;
}

}  // namespace weft::io
