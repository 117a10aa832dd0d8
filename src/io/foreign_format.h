// Formats of weights that Weft does not read: what they are called, and how to convert them.
#pragma once

#include <string>
#include <string_view>

namespace weft::io {

// What the first bytes of a file say that it is, with what to do; "" for what Weft may read. A
// pickle, a zip archive as PyTorch writes it, a GGUF file, HDF5, a Git LFS pointer.
std::string foreign_format(std::string_view head);

// True for the names that PyTorch's pickles go by: .bin, .pt, .pth, .ckpt, .pkl, .pickle.
bool is_pickle_name(std::string_view file_name);

// Why a pickle is never read, and how the model in `folder` is converted once and for all.
std::string pickle_advice(std::string_view folder = "FOLDER");

}  // namespace weft::io
