#include "io/tensor_to_write.h"

#include <algorithm>

#include "core/quote.h"

namespace weft::io {
namespace {

constexpr size_t kPiece = size_t{1} << 16;  // elements converted at a time

// Writes pieces of floats as `type` and refuses values that it cannot hold.
class FloatWriter {
 public:
  FloatWriter(const std::string& name, StoredType type, WritableFile& out)
      : name_(name), type_(type), out_(out) {}

  void write(std::span<const float> values) {
    bytes_.resize(values.size() * static_cast<size_t>(bits_of(type_)) / 8);
    if (const int64_t lost = store_floats(values, type_, bytes_); lost > 0)
      throw Error("tensor " + quote(name_) + " has " + std::to_string(lost) +
                  " value(s) too large for " + std::string(name_of(type_)) +
                  "; write BF16 or F32 instead");
    out_.write(std::span<const std::byte>(bytes_));
  }

 private:
  const std::string& name_;
  StoredType type_;
  WritableFile& out_;
  std::vector<std::byte> bytes_;
};

void write_floats(const std::string& name, std::span<const float> values, StoredType type,
                  WritableFile& out) {
  FloatWriter writer(name, type, out);
  for (size_t begin = 0; begin < values.size(); begin += kPiece)
    writer.write(values.subspan(begin, std::min(kPiece, values.size() - begin)));
}

void write_converted(const TensorView& view, StoredType type, WritableFile& out) {
  const std::string name(view.name);
  FloatWriter writer(name, type, out);
  std::vector<float> values;
  const auto elements = static_cast<size_t>(view.elements());
  for (size_t begin = 0; begin < elements; begin += kPiece) {
    values.resize(std::min(kPiece, elements - begin));
    read_floats(view, static_cast<int64_t>(begin), values);
    writer.write(values);
  }
}

}  // namespace

int64_t TensorToWrite::bytes() const {
  const std::optional<int64_t> bytes = stored_bytes(type, shape);
  if (!bytes) throw Error("the shape of tensor " + quote(name) + " is impossible");
  return *bytes;
}

TensorToWrite copy_of(const TensorView& view) {
  return {.name = std::string(view.name),
          .type = view.type,
          .shape = {view.shape.begin(), view.shape.end()},
          .content = [bytes = view.bytes](WritableFile& out) { out.write(bytes); }};
}

TensorToWrite converted(const TensorView& view, StoredType type) {
  if (view.type == type) return copy_of(view);
  return {.name = std::string(view.name),
          .type = type,
          .shape = {view.shape.begin(), view.shape.end()},
          .content = [view, type](WritableFile& out) { write_converted(view, type, out); }};
}

TensorToWrite floats_to_write(std::string name, std::vector<int64_t> shape,
                              std::span<const float> values, StoredType type) {
  return {.name = name,
          .type = type,
          .shape = std::move(shape),
          .content = [name = std::move(name), values, type](WritableFile& out) {
            write_floats(name, values, type, out);
          }};
}

}  // namespace weft::io
