#include "io/safetensors_output.h"

namespace weft::io {

void write_safetensors_file(FileSystem& files, const Path& named,
                            const std::vector<TensorToWrite>& tensors) {
  const Path file = named_output(files, named);
  const Path partial = parent_folder(file) / ("." + file.filename().string() + ".partial");
  try {
    const auto out = files.open_for_writing(partial, WriteMode::kReplace);
    write_safetensors(*out, tensors);
    out->sync();
    out->close();
    files.rename(partial, file);
    files.sync_folder(parent_folder(file));
  } catch (const Error&) {
    if (files.status(partial).kind == FileKind::kFile) files.remove(partial);
    throw;
  }
}

}  // namespace weft::io
