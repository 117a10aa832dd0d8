// An operator's parameters with their type erased: the graph stores, prints and compares them
// without knowing any operator. Reading them back with another type is an internal error.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "weft/error.h"
#include "weft/visit.h"

namespace weft::graph {

class Params {
 public:
  Params() = default;
  template <class P>
  requires(!std::is_same_v<std::remove_cvref_t<P>, Params>)
      Params(P params)  // implicit: contracts write `.params = LinearParams{...}`
      : type_(&kType<P>), data_(std::make_shared<const P>(std::move(params))) {}

  template <class P>
  const P& as() const {
    WEFT_ASSERT(type_ == &kType<P>);
    return *static_cast<const P*>(data_.get());
  }
  bool empty() const { return data_ == nullptr; }
  // "eps=1e-05": also what makes two nodes' parameters equal.
  std::string describe() const { return type_ == nullptr ? "" : type_->describe(data_.get()); }

 private:
  struct Type {
    std::string (*describe)(const void*);
  };
  template <class P>
  static constexpr Type kType{
      [](const void* data) { return weft::describe(*static_cast<const P*>(data)); }};

  const Type* type_ = nullptr;
  std::shared_ptr<const void> data_;
};

// For operators without parameters.
struct NoParams {
  void visit(auto&&) {}
};

}  // namespace weft::graph
