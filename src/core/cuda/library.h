// Finds and loads device libraries. A library that is missing, or of another build, is an answer
// and not an error: a machine without a GPU is an ordinary one.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/cuda/vendor.h"

namespace weft::device {

// A loaded library; it stays loaded as long as the process runs, because kernels of it may be
// referred to by graphs and by the driver.
struct Library {
  std::string path;
  const LibraryTable* table = nullptr;

  const Api& api() const { return *table->api; }
  const VendorApi& vendor() const { return *table->vendor; }
  std::span<const Launcher> launchers() const { return {table->launchers, table->launcher_count}; }
};

// Either a library or the reason why there is none, in words for a user.
struct LoadedLibrary {
  std::shared_ptr<const Library> library;  // null: see why_not
  std::string why_not;
};

// "libweft_cuda.so", for a kind of device: "cuda" or "emulated".
std::string library_file(std::string_view kind);

// The kind that `device: cuda` stands for: "cuda", or for tests "emulated" where the environment
// says WEFT_TEST_DEVICE=emulated.
std::string gpu_library_kind();

// Where libraries are looked for, in this order: the folders of $WEFT_DEVICE_LIBRARIES (with colons
// between them), the program's own folder, `lib` beside it, and the folder above, which is a
// build's for its tests. The latter two are left out where anyone may write into that folder.
std::vector<std::string> library_folders();

// Loads the library of `kind` from the first of `folders` that has one. Thread-safe.
LoadedLibrary load_library(std::string_view kind,
                           const std::vector<std::string>& folders = library_folders());

// Why a table that a library returned cannot be used by this program; empty if it can.
std::string why_not_this_build(const LibraryTable* table, std::string_view kind);

}  // namespace weft::device
