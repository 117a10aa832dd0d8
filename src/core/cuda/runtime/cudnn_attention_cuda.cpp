// An engine of cuDNN's for each graph of attention: which there are, by its own judgement, and how
// one runs. Two tensors of the backward graph are memory that only it uses: they come first in the
// workspace, what the engine needs for itself after them.
#include "core/cuda/runtime/cudnn_attention_cuda.h"

#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "core/cuda/runtime/cudnn_graph_cuda.h"
#include "weft/dtype.h"

namespace weft::device::cudnn {
namespace {

constexpr int64_t kAlignment = 256;

constexpr int64_t aligned(int64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

int64_t delta_bytes(const Attention& a) {
  return a.backward ? aligned(a.batch * a.heads * a.tokens * 4) : 0;
}
int64_t dq_bytes(const Attention& a) {
  return a.backward ? aligned(a.batch * a.heads * a.tokens * a.width * 4) : 0;
}

struct PreparedAttention {
  Attention attention;
  Descriptors descriptors = {};
  Descriptor plan = nullptr;
};

// The device that an engine is for: one that is there, or a description of one.
struct Target {
  cudnnHandle_t handle = nullptr;
  const char* described = nullptr;
};

// Of the device that is selected when it is first asked for; it lives as long as the process.
cudnnStatus_t get_handle(cudnnHandle_t& out) {
  static cudnnHandle_t the_handle = nullptr;
  if (the_handle == nullptr)
    if (const cudnnStatus_t status = functions().cudnnCreate(&the_handle);
        status != CUDNN_STATUS_SUCCESS)
      return status;
  out = the_handle;
  return CUDNN_STATUS_SUCCESS;
}

Descriptor device_description(Descriptors& d, const char* text) {
  const Descriptor device = d.make(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  d.set_values(device, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
               std::span<const char>(text, std::strlen(text)));
  d.finalize(device);
  return device;
}

// cuDNN's list for the graph, best first by its own judgement.
std::vector<Descriptor> engines(Descriptors& d, Descriptor graph, const Target& target) {
  const Descriptor heuristics = d.make(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  d.set(heuristics, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  d.set(heuristics, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_HEUR_MODE_A);
  if (target.described != nullptr)
    d.set(heuristics, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, device_description(d, target.described));
  d.finalize(heuristics);
  const int64_t count = d.get(heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS, std::span<Descriptor>());
  std::vector<Descriptor> found;
  for (int64_t i = 0; i < count; ++i) found.push_back(d.make(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
  if (count > 0)
    found.resize(static_cast<size_t>(
        d.get(heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS, std::span<Descriptor>(found))));
  return found;
}

int64_t bytes_of(Descriptors& d, Descriptor of, cudnnBackendAttributeName_t name) {
  int64_t bytes = 0;
  d.get(of, name, std::span<int64_t>(&bytes, 1));
  return bytes;
}

// What NVIDIA's manual of its attention excludes, beyond what its list of engines knows.
bool is_offered(const Attention& a) {
  constexpr int64_t kWidest = 256, kWidthUnit = 8;
  if (a.width % kWidthUnit != 0 || a.width > kWidest) return false;
  if (!a.backward) return true;
  // Up to 9.15 its gradients need a mask for what pads the keys to whole tiles.
  constexpr size_t kPadsKeys = 91501;
  constexpr int64_t kTile = 128;
  return a.tokens > 1 && (version() >= kPadsKeys || a.tokens % kTile == 0);
}

// Prepares the engine at `rank` of those that serve `to.attention` within `workspace_bytes`.
Status prepare(PreparedAttention& to, const Target& target, int rank, int64_t workspace_bytes,
               AttentionOffer& offer) {
  Descriptors& d = to.descriptors;
  const int64_t ours = delta_bytes(to.attention) + dq_bytes(to.attention);
  const Descriptor graph = attention_graph(d, to.attention, target.handle);
  Descriptor chosen = nullptr;
  for (const Descriptor engine : engines(d, graph, target)) {
    const int64_t bytes = ours + bytes_of(d, engine, CUDNN_ATTR_ENGINECFG_WORKSPACE_SIZE);
    if (bytes > workspace_bytes || offer.count++ != rank) continue;
    chosen = engine;
    offer.workspace_bytes = bytes;
  }
  if (!d.is_good()) return status_of(d.status());
  if (chosen == nullptr) return kUnsupported;
  to.plan = d.make(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  if (target.handle != nullptr) d.set(to.plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, target.handle);
  d.set(to.plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, chosen);
  d.finalize(to.plan);
  const int64_t bytes = ours + bytes_of(d, to.plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
  if (d.is_good() && bytes > workspace_bytes) return kUnsupported;
  return status_of(d.status());
}

// Whether cuDNN found fault with a graph, or could not compile its kernel: ours serve then. What
// its driver says is an error of the device.
bool is_refusal(Status status) {
  if (status < kAttentionStatus) return false;
  const int category = CUDNN_STATUS_CATEGORY(status - kAttentionStatus);
  return category == CUDNN_STATUS_BAD_PARAM || category == CUDNN_STATUS_INTERNAL_ERROR;
}

// ---- Running -----------------------------------------------------------------------------------

// The tensors of a graph, and where they are.
struct Operands {
  std::vector<int64_t> ids = {};
  std::vector<void*> addresses = {};

  void put(TensorId id, const void* where) {
    ids.push_back(id);
    addresses.push_back(const_cast<void*>(where));  // as the API wants what it only reads, too
  }
  // Packed rows: the gradient's parts lie as those of what it is of.
  void put_packed(const void* rows, const Attention& a, std::array<TensorId, 3> parts) {
    const auto* q = static_cast<const BFloat16*>(rows);
    const BFloat16* k = q + a.heads * a.width;
    put(parts[0], q);
    put(parts[1], k);
    put(parts[2], k + a.kv_heads * a.width);
  }
};

// Values that graphs are given by address.
struct Values {
  float scale, masked, window, one;
};

Operands operands_of(const Attention& a, const AttentionArgs& args, const Values& values) {
  Operands operands;
  operands.put_packed(args.qkv, a, {kQ, kK, kV});
  operands.put(kOut, args.out);
  operands.put(kLse, args.log_sum_exp);
  operands.put(kScale, &values.scale);
  if (a.causal) operands.put(kMasked, &values.masked);
  if (a.window > 0) operands.put(kWindow, &values.window);
  if (!a.backward) return operands;
  auto* ours = static_cast<std::byte*>(args.workspace);
  operands.put(kOne, &values.one);
  operands.put(kDout, args.dout);
  operands.put_packed(args.dqkv, a, {kDq, kDk, kDv});
  operands.put(kDelta, ours);
  operands.put(kDqSums, ours + delta_bytes(a));
  return operands;
}

Descriptor pack_of(Descriptors& d, const Operands& operands, const void* workspace) {
  const Descriptor pack = d.make(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  d.set_values(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::span<const int64_t>(operands.ids));
  d.set_addresses(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, operands.addresses);
  d.set_addresses(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, {const_cast<void*>(workspace)});
  d.finalize(pack);
  return pack;
}

}  // namespace

Status attention_create(void** out, const Attention& attention, int rank, int64_t workspace_bytes) {
  if (*library().why_not != '\0' || !is_offered(attention)) return kUnsupported;
  auto made = std::make_unique<PreparedAttention>();
  made->attention = attention;
  Target target;
  if (const cudnnStatus_t status = get_handle(target.handle); status != CUDNN_STATUS_SUCCESS)
    return status_of(status);
  AttentionOffer offer;
  const Status status = prepare(*made, target, rank, workspace_bytes, offer);
  if (is_refusal(status)) return kUnsupported;
  if (status == kSuccess) *out = made.release();
  return status;
}

Status attention_run(void* attention, const AttentionArgs& args, void* stream) {
  const auto& prepared = *static_cast<const PreparedAttention*>(attention);
  const Attention& a = prepared.attention;
  const Values values{.scale = args.scale,
                      .masked = -std::numeric_limits<float>::infinity(),
                      .window = static_cast<float>(a.window),
                      .one = 1.0f};
  const void* engines_own =
      static_cast<const std::byte*>(args.workspace) + delta_bytes(a) + dq_bytes(a);
  cudnnHandle_t handle = nullptr;
  cudnnStatus_t status = get_handle(handle);
  if (status == CUDNN_STATUS_SUCCESS)
    status = functions().cudnnSetStream(handle, static_cast<cudaStream_t>(stream));
  if (status != CUDNN_STATUS_SUCCESS) return status_of(status);
  Descriptors d;
  const Descriptor pack = pack_of(d, operands_of(a, args, values), engines_own);
  if (!d.is_good()) return status_of(d.status());
  return status_of(functions().cudnnBackendExecute(handle, prepared.plan, pack));
}

Status attention_destroy(void* attention) {
  delete static_cast<PreparedAttention*>(attention);
  return kSuccess;
}

Status attention_offer(const char* device, const Attention& attention, int rank,
                       AttentionOffer* out) {
  if (*library().why_not != '\0' || !is_offered(attention)) return kUnsupported;
  PreparedAttention made{.attention = attention};
  *out = {};
  const int64_t workspace =
      attention.backward ? attention_workspace(attention) : std::numeric_limits<int64_t>::max();
  return prepare(made, {.described = device}, rank, workspace, *out);
}

}  // namespace weft::device::cudnn
