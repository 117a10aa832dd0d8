// A config file as a typed struct (weft/visit.h, core/tree/fields.h), and a struct as YAML.
#pragma once

#include "config/layers.h"
#include "config/yaml_writer.h"
#include "core/tree/bind.h"
#include "core/tree/write.h"

namespace weft::config {

template <class T>
struct Loaded {
  T value;
  Tree tree;                       // what was given, all layers, for positions in later messages
  std::vector<std::string> notes;  // aliases used and the like: worth showing to the user
};

// Throws Error with every mistake, one a line (up to Report::kShown).
template <class T>
Loaded<T> load(const Path& file, std::span<const std::string> overrides = {},
               const ReadText& read_text = read_config_text) {
  Report report;
  Loaded<T> loaded;
  loaded.tree = load_layers(file, overrides, schema_of<T>(), report, read_text);
  bind_struct(loaded.tree, loaded.value, "", report);
  report.throw_errors();
  loaded.notes = report.notes();
  return loaded;
}

// YAML that loads to an equal struct.
template <class T>
std::string print(const T& value) {
  return to_yaml(to_tree(value));
}

}  // namespace weft::config
