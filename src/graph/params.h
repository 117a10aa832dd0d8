// An operator's parameters with their type erased: the graph stores, prints and compares them
// without knowing any operator. Reading them back with another type is an internal error.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "weft/error.h"
#include "weft/visit.h"

namespace weft::graph {

// Throws Error("<op>: <field> must be ...") if `value` is outside of what `info` allows, or NaN.
void check_range(std::string_view op, std::string_view field, double value, const FieldInfo& info);

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
  // Throws Error for a field that is not in the range its visit() states.
  void check_ranges(std::string_view op) const {
    if (type_ != nullptr) type_->check_ranges(data_.get(), op);
  }

 private:
  struct Type {
    std::string (*describe)(const void*);
    void (*check_ranges)(const void*, std::string_view op);
  };
  template <class P>
  static void check_fields(const void* data, std::string_view op) {
    P copy = *static_cast<const P*>(data);
    copy.visit([op](std::string_view name, const auto& value, const FieldInfo& info = {}) {
      using T = std::remove_cvref_t<decltype(value)>;
      if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
        check_range(op, name, static_cast<double>(value), info);
    });
  }
  template <class P>
  static constexpr Type kType{
      [](const void* data) { return weft::describe(*static_cast<const P*>(data)); },
      check_fields<P>};

  const Type* type_ = nullptr;
  std::shared_ptr<const void> data_;
};

// For operators without parameters.
struct NoParams {
  void visit(auto&&) {}
};

}  // namespace weft::graph
