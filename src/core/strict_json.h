// JSON from files that nobody vouches for: limits on size, depth and number of values, duplicate
// keys refused (which of two a reader takes is anyone's guess), positions in messages. The grammar
// is RFC 8259, UTF-8, without comments; a byte order mark at the start is skipped.
//
// It stands in core because layers, configs, tokenizers and files all read JSON.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "core/file_system.h"

namespace weft {

// Bounds the memory that a file can ask for. A value of a document takes up to 160 bytes, and the
// parser holds a string four times while it grows; so a document takes at most its text again and
// 64 MiB. The largest index of a published model has some 150,000 values in 14 MB.
struct JsonLimits {
  int64_t bytes = int64_t{64} << 20;
  int depth = 64;
  int64_t values = 200'000;
  int64_t string = int64_t{4} << 20;  // bytes of one string as it is written
};

// The whole of `text` as one value. `source` (a file's name) begins every message:
// "config.json:3:7: the key 'a' appears twice ...". Throws Error for what is not strict JSON.
nlohmann::json parse_json(std::string_view text, std::string_view source,
                          const JsonLimits& limits = {});

// The same for a file. FileError if it cannot be read or is larger than limits.bytes.
nlohmann::json read_json_file(const Path& file, const JsonLimits& limits = {});

// What parse_json_events calls, in the order of the text, for readers that must not hold a large
// document in memory. A handler overrides what it expects and throws Error for what it refuses; the
// position is put before the message. Duplicate keys are the handler's business.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual void null() { unexpected("null"); }
  virtual void boolean(bool) { unexpected("true or false"); }
  virtual void integer(int64_t) { unexpected("a number"); }
  // An integer above the largest int64_t.
  virtual void large_integer(uint64_t) { unexpected("a number of this size"); }
  virtual void real(double) { unexpected("a number that is no integer"); }
  virtual void string(std::string&) { unexpected("a string"); }
  virtual void key(std::string&) { unexpected("a key"); }
  virtual void start_object() { unexpected("an object"); }
  virtual void end_object() { unexpected("the end of an object"); }
  virtual void start_array() { unexpected("an array"); }
  virtual void end_array() { unexpected("the end of an array"); }

 protected:
  // Throws Error: "WHAT is not allowed here".
  [[noreturn]] static void unexpected(std::string_view what);
  // Where the value or key that is being told begins, in bytes from the start of the text. Only
  // within an event.
  size_t offset() const;

 private:
  friend void parse_json_events(std::string_view, std::string_view, const JsonLimits&, JsonEvents&);
  std::string_view text_;
  const size_t* position_ = nullptr;  // how far the parser has read
};

void parse_json_events(std::string_view text, std::string_view source, const JsonLimits& limits,
                       JsonEvents& events);

}  // namespace weft
