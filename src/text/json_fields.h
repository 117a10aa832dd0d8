// Strict reading of a JSON object's members: wrong types, missing and unread members are errors
// that say where they are. Not here: parsing (tokenizer_document.h).
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>

namespace weft::text {

using Json = nlohmann::json;

// Whether `value` is an integer from `low` to `high`.
bool is_integer_within(const Json& value, int64_t low, int64_t high);

class JsonFields {
 public:
  // `path` says in messages which object this is. Throws Error if `object` is not an object.
  JsonFields(const Json& object, std::string path);

  const std::string& path() const { return path_; }
  std::string path_of(std::string_view key) const { return path_ + "." + std::string(key); }
  [[noreturn]] void fail(std::string_view key, const std::string& what) const;

  // The member, or null where it is absent or null.
  const Json* find(std::string_view key);
  const Json& at(std::string_view key);
  bool flag(std::string_view key);
  bool flag_or(std::string_view key, bool absent);
  const std::string& text(std::string_view key);
  // Empty where absent or null.
  std::string text_or_empty(std::string_view key);
  int64_t integer(std::string_view key, int64_t low, int64_t high);
  const Json& array(std::string_view key, size_t most);
  // Reads a member on purpose without using it.
  void ignore(std::string_view key) { find(key); }
  // Throws Error if a member was not read.
  void done() const;

 private:
  const Json& object_;
  std::string path_;
  std::set<std::string, std::less<>> read_;
};

// The member "type" of a component, which is an object.
std::string component_type(const Json& component, const std::string& path);

}  // namespace weft::text
