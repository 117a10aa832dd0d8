// rotary: rotates pairs of each query and key head by angles that grow with the position (RoPE; Su
// et al., "RoFormer", 2021), in Hugging Face's layout: element i is paired with i + R/2.
#pragma once

#include "weft/graph.h"

namespace weft::ops {

struct RotaryParams {
  int64_t heads = 1;
  int64_t kv_heads = 1;
  int64_t head_dim = 1;
  bool inverse = false;  // rotates back: the gradient

  void visit(auto&& v) {
    v("heads", heads, {.min = 1});
    v("kv_heads", kv_heads, {.min = 1});
    v("head_dim", head_dim, {.min = 1});
    v("inverse", inverse);
  }
};

// qkv [..., (H + 2 K) D] as in head_norm; positions i32 of qkv's leading sizes, each below P; table
// f32 [P, 2, R/2], a row of cosines and one of sines for each position, R even and at most D: the
// first R elements of a head turn. The result is like qkv.
Value rotary(Value qkv, Value positions, Value table, const RotaryParams& params);

// How the angles are made.
struct RotaryTable {
  enum class Scaling : uint8_t { kNone, kLinear, kLlama3 } scaling = Scaling::kNone;
  int64_t positions = 0;   // P
  int64_t rotary_dim = 0;  // R
  double theta = 10000.0;
  double factor = 1.0;
  double low_freq_factor = 1.0;  // Llama 3 only, as the two below
  double high_freq_factor = 4.0;
  int64_t original_positions = 8192;
};

// A constant of the graph, shared by all layers that ask for the same one. Angles are computed in
// double precision.
Value rotary_table(Graph& graph, const RotaryTable& table);

}  // namespace weft::ops
