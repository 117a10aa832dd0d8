#include "train/optimizer_file.h"

#include "core/quote.h"
#include "io/safetensors.h"
#include "runtime/model_files.h"

namespace weft::train {

io::FileToWrite optimizer_to_write(const std::vector<NamedTensor>& state) {
  std::vector<io::TensorToWrite> tensors;
  for (const NamedTensor& entry : state)
    tensors.push_back(runtime::tensor_to_write(entry.name, entry.tensor));
  return {.name = std::string(kOptimizerFile),
          .bytes = io::safetensors_size(tensors, {}),
          .content = [tensors](WritableFile& out) { io::write_safetensors(out, tensors, {}); }};
}

void load_optimizer(const Path& file, Session& session) {
  const io::SafetensorsFile tensors(file);
  const std::vector<NamedTensor> state = session.optimizer_state();
  if (tensors.tensors().size() != state.size())
    throw Error(quote_path(file) + " has " + std::to_string(tensors.tensors().size()) +
                " tensors where this run's optimizer has " + std::to_string(state.size()) +
                "; was the checkpoint written with another optimizer?");
  for (const NamedTensor& entry : state) {
    const io::TensorView& stored = tensors.at(entry.name);
    if (stored.tensor_type() != entry.tensor.type)
      throw Error(quote_path(file) + " has " + stored.to_string() + " where this run has " +
                  entry.tensor.type.to_string() + "; is the checkpoint of another model?");
    io::read_floats(stored, {entry.tensor.as<float>(),
                             static_cast<size_t>(entry.tensor.type.shape.elements())});
  }
  session.optimizer_state_changed();
}

}  // namespace weft::train
