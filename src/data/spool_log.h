// A growing record of bytes that survives the process, for going on after an interruption: what is
// not yet in a shard, and what duplicates are found by. Each process appends to a file of its own,
// for what a killed one wrote last may be half of something.
//
// Nothing is synced: whoever reads a record back compares its hash, and starts over if it is not
// what was written.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "core/file_system.h"

namespace weft::data {

class SpoolLog {
 public:
  // Files are called "NAME-0.open", "NAME-1.open", ...
  SpoolLog(FileSystem& files, const Path& folder, std::string name);

  void append(std::span<const std::byte> bytes);
  // All that was appended is forgotten; the files stay until remove_old().
  void restart();
  // Removes the files of before the last restart().
  void remove_old();

  // What restore() needs, as JSON.
  nlohmann::ordered_json state() const;
  // The record that `state` tells of. Throws Error or an exception of the parser if it is not there
  // unharmed.
  std::vector<std::byte> restore(const nlohmann::json& state);
  // Names of the files that state() tells of.
  std::vector<std::string> file_names() const;

 private:
  struct Segment {
    int64_t number = 0;
    int64_t bytes = 0;
  };
  std::string file_name(int64_t number) const;

  FileSystem& files_;
  Path folder_;
  std::string name_;
  std::vector<Segment> segments_;
  std::vector<int64_t> old_;
  int64_t next_number_ = 0;
  bool own_segment_ = false;  // the last segment is this process's
  uint64_t hash_ = 0;         // of the hashes of what was appended, in order
};

}  // namespace weft::data
