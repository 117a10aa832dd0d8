// Any bytes as a safetensors file: refused with an Error, or read; what is read and written again
// has the same tensors, metadata and bytes.
#include <algorithm>

#include "io/safetensors.h"
#include "tests/io/io_test_files.h"

namespace {

using namespace weft;
using namespace weft::io;

std::span<const std::byte> bytes_of(const SafetensorsHeader& header, const SafetensorsEntry& entry,
                                    std::span<const std::byte> file) {
  return file.subspan(static_cast<size_t>(header.data_begin + entry.begin),
                      static_cast<size_t>(entry.end - entry.begin));
}

std::vector<SafetensorsEntry> by_name(SafetensorsHeader header) {
  std::sort(header.entries.begin(), header.entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return std::move(header.entries);
}

void convert(const TensorView& view) {
  try {
    std::vector<float> values(static_cast<size_t>(view.elements()));
    read_floats(view, values);
    view.tensor_type();
  } catch (const Error&) {  // a type or rank that Weft does not compute with
    return;
  }
}

void check_written_again(const SafetensorsHeader& header, std::span<const std::byte> file) {
  std::vector<TensorToWrite> tensors;
  for (const SafetensorsEntry& entry : header.entries) {
    const TensorView view{.name = entry.name,
                          .type = entry.type,
                          .shape = entry.shape,
                          .bytes = bytes_of(header, entry, file)};
    tensors.push_back(copy_of(view));
    if (!view.bytes.empty()) convert(view);
  }
  MemoryFile out;
  write_safetensors(out, tensors, header.metadata);
  const SafetensorsHeader again = parse(out.text);
  WEFT_ASSERT(again.metadata == header.metadata);
  const auto before = by_name(header), after = by_name(again);
  WEFT_ASSERT(before.size() == after.size());
  const auto written = std::as_bytes(std::span(out.text));
  for (size_t i = 0; i < before.size(); ++i) {
    WEFT_ASSERT(before[i].name == after[i].name && before[i].type == after[i].type &&
                before[i].shape == after[i].shape);
    WEFT_ASSERT(
        std::ranges::equal(bytes_of(header, before[i], file), bytes_of(again, after[i], written)));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::span<const std::byte> file = std::as_bytes(std::span(bytes, size));
  SafetensorsHeader header;
  try {
    header = parse_safetensors(file, "fuzz");
  } catch (const Error&) {
    return 0;
  }
  check_written_again(header, file);
  return 0;
}
