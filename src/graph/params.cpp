#include "graph/params.h"

#include <cmath>
#include <sstream>

namespace weft::graph {

void check_range(std::string_view op, std::string_view field, double value, const FieldInfo& info) {
  const bool above = info.above_min ? value > info.min : value >= info.min;
  const bool below = info.below_max ? value < info.max : value <= info.max;
  if (above && below) return;  // NaN is neither
  const bool has_min = std::isfinite(info.min), has_max = std::isfinite(info.max);
  std::ostringstream message;
  message << op << ": " << field << " must be";
  if (has_min) message << (info.above_min ? " above " : " at least ") << info.min;
  if (has_min && has_max) message << " and";
  if (has_max) message << (info.below_max ? " below " : " at most ") << info.max;
  if (!has_min && !has_max) message << " a number";
  message << ", got " << value;
  throw Error(message.str());
}

}  // namespace weft::graph
