#include "core/mapped_file.h"

#include <sys/mman.h>

#include <utility>

#include "core/file_descriptor.h"
#include "core/quote.h"

namespace weft {

MappedFile::MappedFile(const Path& file) : path_(file) {
  const OpenFile input = open_regular_file(file);
  if (input.size == 0) return;  // mmap refuses an empty range
  const auto size = static_cast<size_t>(input.size);
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, input.descriptor.get(), 0);
  if (address == MAP_FAILED) throw FileError("map", file, errno);
  bytes_ = {static_cast<const std::byte*>(address), size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

std::span<const std::byte> MappedFile::slice(int64_t offset, int64_t size) const {
  if (offset < 0 || size < 0 || offset > this->size() || size > this->size() - offset)
    throw Error(quote_path(path_) + " has " + std::to_string(this->size()) + " bytes; " +
                std::to_string(size) + " bytes from byte " + std::to_string(offset) +
                " do not lie within it; the file is cut short or damaged");
  return bytes_.subspan(static_cast<size_t>(offset), static_cast<size_t>(size));
}

}  // namespace weft
