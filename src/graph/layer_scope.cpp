#include "graph/layer_scope.h"

namespace weft::graph {

std::string_view layer_of(std::string_view scope) {
  constexpr std::string_view kLayers = "layers.";
  for (size_t at = 0; at < scope.size();) {
    if (scope.substr(at).starts_with(kLayers))
      return scope.substr(0, scope.find('.', at + kLayers.size()));
    const size_t dot = scope.find('.', at);
    at = dot == std::string_view::npos ? scope.size() : dot + 1;
  }
  return {};
}

}  // namespace weft::graph
