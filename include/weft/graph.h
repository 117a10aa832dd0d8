// A model as a static graph: values with known types, made by operators (weft/ops/*.h).
//
//     weft::Graph graph;
//     weft::Value ids = graph.input("input_ids", {weft::DType::kI32, {batch, time}});
//     weft::Value table = graph.parameter("wte.weight", {vocabulary, width});
//     weft::Value x = weft::ops::embedding(ids, table);
//
// Building a graph computes nothing; weft/train_program.h turns one into a program. A Graph and its
// Values are used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/shape.h"

namespace weft {

namespace graph {
struct GraphData;  // src/graph/graph.h
}

// What a value is, which decides where it lives and for how long.
enum class ValueKind : uint8_t {
  kParameter,  // trained; fp32 master; survives steps
  kState,      // survives steps, not trained: moments, gradients, caches
  kInput,      // written by the host before each run: token ids, learning rate, ...
  kConstant,   // written once when the program is made: rotary tables
  kTemporary,  // made by an operator; lives as long as the plan needs it
};
std::string_view name_of(ValueKind kind);

// A value of a graph: a cheap handle, valid as long as its Graph. A default-made Value is absent,
// which is how optional operands of operators are left out.
class Value {
 public:
  Value() = default;
  Value(graph::GraphData* graph, int32_t id) : graph_(graph), id_(id) {}

  explicit operator bool() const { return graph_ != nullptr; }
  const TensorType& type() const;
  const Shape& shape() const { return type().shape; }
  DType dtype() const { return type().dtype; }
  const std::string& name() const;
  int32_t id() const { return id_; }
  graph::GraphData& graph() const { return *graph_; }
  bool operator==(const Value&) const = default;

 private:
  graph::GraphData* graph_ = nullptr;
  int32_t id_ = -1;
};

// How a parameter starts. Random numbers are keyed by the parameter's name, so that they depend on
// neither layout, order nor ranks.
struct Initializer {
  enum class Kind : uint8_t { kConstant, kNormal } kind = Kind::kConstant;
  double value = 0.0;  // the constant, or the standard deviation
  // Of a parameter that packs several tensors one after another: all of them. The random numbers of
  // each are keyed by its own name, as if it stood alone.
  struct Part {
    std::string name;
    int64_t elements = 0;
  };
  std::vector<Part> parts = {};

  static Initializer constant(double value) { return {Kind::kConstant, value}; }
  static Initializer normal(double standard_deviation) {
    return {Kind::kNormal, standard_deviation};
  }
};

class Graph {
 public:
  Graph();
  ~Graph();
  Graph(Graph&&) noexcept;
  Graph& operator=(Graph&&) noexcept;

  // Names are unique within a graph and do not begin with '@' (Error otherwise).

  // A trained tensor, fp32, which starts with zeros if no initializer is given.
  Value parameter(std::string_view name, Shape shape, Initializer initializer = {});
  // A tensor that the host writes: it keeps what was written last.
  Value input(std::string_view name, TensorType type);
  // Zero-initialised memory that survives runs.
  Value state(std::string_view name, TensorType type);
  // A tensor of known contents, row-major, copied. Asking again for the same name, type and
  // contents gives the value that is there; other contents under that name are an Error.
  template <class T>
  Value constant(std::string_view name, Shape shape, const std::vector<T>& contents) {
    return constant(name, {kDTypeOf<T>, shape}, std::as_bytes(std::span(contents)));
  }
  Value constant(std::string_view name, TensorType type, std::span<const std::byte> bytes);

  // Operators that are made while a Scope lives are shown under its name; values' names are not
  // changed by it. Scopes nest. A scope named "layers.3" is a layer: full recompute keeps what
  // enters it, and Muon trains the matrices that are made in it.
  class Scope {
   public:
    Scope(Graph& graph, std::string_view name);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    graph::GraphData& data_;
    std::string outer_;
  };

  graph::GraphData& data() { return *data_; }
  const graph::GraphData& data() const { return *data_; }

 private:
  std::unique_ptr<graph::GraphData> data_;
};

}  // namespace weft
