#include "core/cuda/runtime/cudnn_cuda.h"

#include <cudnn_version.h>
#include <dlfcn.h>

#include <array>
#include <string>

#include "core/cuda/runtime/vendor_file.h"

namespace weft::device::cudnn {
namespace {

// Its attention in bf16 is known to be wrong in 9.10.0 and 9.10.1, and before 9.10 a masked score
// was not minus infinity.
constexpr size_t kLeastVersion = 91002;

struct Loaded {
  Functions call;
  size_t number = 0;
  std::string version, file, why_not;
};

std::string text_of_version(size_t number) {
  return std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." +
         std::to_string(number % 100);
}

void load_functions(Loaded& loaded, void* handle) {
#define WEFT_LOAD(name)                                                                  \
  loaded.call.name = reinterpret_cast<decltype(loaded.call.name)>(dlsym(handle, #name)); \
  if (loaded.call.name == nullptr) loaded.why_not = "'" + loaded.file + "' lacks " #name;
  WEFT_CUDNN(WEFT_LOAD)
#undef WEFT_LOAD
}

Loaded load() {
  Loaded loaded;
  const VendorFile found = open_vendor_file("libcudnn.so." + std::to_string(CUDNN_MAJOR), "cuDNN");
  loaded.file = found.file;
  loaded.why_not = found.why_not;
  if (found.handle != nullptr) load_functions(loaded, found.handle);
  if (!loaded.why_not.empty()) return loaded;
  loaded.number = loaded.call.cudnnGetVersion();
  loaded.version = text_of_version(loaded.number);
  if (loaded.number < kLeastVersion)
    loaded.why_not = "'" + loaded.file + "' is of version " + loaded.version +
                     ", whose attention is too old; " + text_of_version(kLeastVersion) +
                     " or newer is needed";
  return loaded;
}

const Loaded& loaded() {
  static const Loaded the_library = load();
  return the_library;
}

}  // namespace

const VendorLibrary& library() {
  static const VendorLibrary kFound{.name = "cuDNN",
                                    .task = "compute attention",
                                    .version = loaded().version.c_str(),
                                    .file = loaded().file.c_str(),
                                    .why_not = loaded().why_not.c_str()};
  return kFound;
}

const Functions& functions() {
  return loaded().call;
}

size_t version() {
  return loaded().number;
}

Status status_of(cudnnStatus_t status) {
  if (status == CUDNN_STATUS_SUCCESS) return kSuccess;
  if (CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED) return kUnsupported;
  return kAttentionStatus + static_cast<Status>(status);
}

const char* error_name(Status status) {
  return functions().cudnnGetErrorString(static_cast<cudnnStatus_t>(status - kAttentionStatus));
}

const char* error_text() {
  static thread_local std::array<char, 1024> the_text;
  functions().cudnnGetLastErrorString(the_text.data(), the_text.size());
  return the_text.data();
}

Descriptors::~Descriptors() {
  for (size_t i = made_.size(); i-- > 0;) functions().cudnnBackendDestroyDescriptor(made_[i]);
}

Descriptor Descriptors::make(cudnnBackendDescriptorType_t type) {
  Descriptor made = nullptr;
  if (is_good()) status_ = functions().cudnnBackendCreateDescriptor(type, &made);
  if (made != nullptr) made_.push_back(made);
  return made;
}

void Descriptors::set_values(Descriptor of, cudnnBackendAttributeName_t name,
                             cudnnBackendAttributeType_t type, int64_t count, const void* values) {
  if (is_good()) status_ = functions().cudnnBackendSetAttribute(of, name, type, count, values);
}

// A descriptor is a void*, too, so these have a name of their own.
void Descriptors::set_addresses(Descriptor of, cudnnBackendAttributeName_t name,
                                std::vector<void*> addresses) {
  set_values(of, name, CUDNN_TYPE_VOID_PTR, static_cast<int64_t>(addresses.size()),
             addresses.data());
}

void Descriptors::finalize(Descriptor which) {
  if (is_good()) status_ = functions().cudnnBackendFinalize(which);
}

}  // namespace weft::device::cudnn
