// Which layer of a model a scope lies in.
#pragma once

#include <string_view>

namespace weft::graph {

// Scopes whose first or a later part is "layers" are layers' (Graph::Scope): "layers.3" of
// "layers.3.attention", "model.layers.3" of "model.layers.3.mlp"; empty outside of layers.
std::string_view layer_of(std::string_view scope);

}  // namespace weft::graph
