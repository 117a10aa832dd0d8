// Members of JSON objects (json_fields.h).
#include "text/json_fields.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "core/quote.h"
#include "weft/error.h"

namespace weft::text {

bool is_integer_within(const Json& value, int64_t low, int64_t high) {
  if (!value.is_number_integer()) return false;
  if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) return false;
  return value.get<int64_t>() >= low && value.get<int64_t>() <= high;
}

JsonFields::JsonFields(const Json& object, std::string path)
    : object_(object), path_(std::move(path)) {
  if (!object.is_object()) {
    throw Error(path_ + ": expected an object, found " + std::string(object.type_name()));
  }
}

void JsonFields::fail(std::string_view key, const std::string& what) const {
  throw Error(path_of(key) + ": " + what);
}

const Json* JsonFields::find(std::string_view key) {
  read_.emplace(key);
  const auto it = object_.find(std::string(key));
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

const Json& JsonFields::at(std::string_view key) {
  const Json* member = find(key);
  if (member == nullptr) fail(key, "is missing");
  return *member;
}

bool JsonFields::flag(std::string_view key) {
  const Json& member = at(key);
  if (!member.is_boolean()) {
    fail(key, "expected true or false, found " + std::string(member.type_name()));
  }
  return member.get<bool>();
}

bool JsonFields::flag_or(std::string_view key, bool absent) {
  return find(key) == nullptr ? absent : flag(key);
}

const std::string& JsonFields::text(std::string_view key) {
  const Json& member = at(key);
  if (!member.is_string()) fail(key, "expected a string, found " + std::string(member.type_name()));
  return member.get_ref<const std::string&>();
}

std::string JsonFields::text_or_empty(std::string_view key) {
  return find(key) == nullptr ? std::string() : text(key);
}

int64_t JsonFields::integer(std::string_view key, int64_t low, int64_t high) {
  const Json& member = at(key);
  if (!is_integer_within(member, low, high)) {
    fail(key, "expected an integer from " + std::to_string(low) + " to " + std::to_string(high) +
                  ", found " + quote(member.dump(), 40));
  }
  return member.get<int64_t>();
}

const Json& JsonFields::array(std::string_view key, size_t most) {
  const Json& member = at(key);
  if (!member.is_array()) fail(key, "expected a list, found " + std::string(member.type_name()));
  if (member.size() > most) {
    fail(key, "has " + std::to_string(member.size()) + " entries; at most " + std::to_string(most) +
                  " are allowed");
  }
  return member;
}

void JsonFields::done() const {
  for (const auto& [key, value] : object_.items()) {
    if (!read_.contains(key)) throw Error(path_ + ": unknown key " + quote(key));
  }
}

std::string component_type(const Json& component, const std::string& path) {
  JsonFields fields(component, path);
  return fields.text("type");
}

}  // namespace weft::text
