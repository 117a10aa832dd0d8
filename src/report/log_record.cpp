// Log records as JSON; see log_record.h.
#include "report/log_record.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/json_number.h"
#include "core/quote.h"
#include "core/strict_json.h"
#include "report/number_text.h"
#include "report/safe_text.h"
#include "weft/error.h"

namespace weft::report {
namespace {

using nlohmann::json;

std::string number(std::string_view name, double value) {
  const std::string text = name == "loss" ? seventeen_digits(value) : exact(value);
  return std::isfinite(value) ? text : '"' + text + '"';
}
std::string number(std::string_view, int64_t value) {
  return std::to_string(value);
}

void append_texts(std::string& out, std::string_view name, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  out += ", \"" + std::string(name) + "\": [";
  for (size_t i = 0; i < texts.size(); ++i) out += (i > 0 ? ", " : "") + json_string(texts[i]);
  out += "]";
}

void append_samples(std::string& out, const std::vector<TextSample>& samples) {
  if (samples.empty()) return;
  out += ", \"samples\": [";
  for (size_t i = 0; i < samples.size(); ++i)
    out += std::string(i > 0 ? ", " : "") + "{\"prompt\": " + json_string(samples[i].prompt) +
           ", \"text\": " + json_string(samples[i].text) + "}";
  out += "]";
}

[[noreturn]] void bad_value(std::string_view source, std::string_view key, const json& value,
                            std::string_view allowed) {
  throw Error(std::string(source) + ": \"" + std::string(key) + "\" is " + quote(value.dump()) +
              "; allowed is " + std::string(allowed));
}

// A field of a record, from the JSON value under its key.
struct FieldReader {
  std::string_view source;
  std::string_view key;
  const json& value;
  bool found = false;

  void operator()(std::string_view name, std::optional<double>& field) {
    if (name != key) return;
    found = true;
    field = number_of_json(value);
    if (!field) bad_value(source, key, value, "a number, \"NaN\", \"Infinity\" or \"-Infinity\"");
  }

  void operator()(std::string_view name, std::optional<int64_t>& field) {
    if (name != key) return;
    found = true;
    field = integer();
  }

  int64_t integer() const {
    const bool fits =
        value.is_number_integer() && (!value.is_number_unsigned() ||
                                      value.get<uint64_t>() <= std::numeric_limits<int64_t>::max());
    if (!fits) bad_value(source, key, value, "an integer");
    return value.get<int64_t>();
  }

  std::vector<std::string> texts() const {
    const auto is_text = [](const json& entry) { return entry.is_string(); };
    if (!value.is_array() || !std::all_of(value.begin(), value.end(), is_text)) {
      bad_value(source, key, value, "a list of strings");
    }
    return value.get<std::vector<std::string>>();
  }

  std::vector<TextSample> samples() const {
    const auto is_sample = [](const json& entry) {
      return entry.is_object() && entry.size() == 2 && entry.contains("prompt") &&
             entry["prompt"].is_string() && entry.contains("text") && entry["text"].is_string();
    };
    if (!value.is_array() || !std::all_of(value.begin(), value.end(), is_sample))
      bad_value(source, key, value, "a list of {\"prompt\": string, \"text\": string}");
    std::vector<TextSample> result;
    for (const json& entry : value)
      result.push_back({entry["prompt"].get<std::string>(), entry["text"].get<std::string>()});
    return result;
  }
};

void read_field(LogRecord& record, FieldReader reader) {
  if (reader.key == "step") {
    record.step = reader.integer();
  } else if (reader.key == "notes") {
    record.notes = reader.texts();
  } else if (reader.key == "warnings") {
    record.warnings = reader.texts();
  } else if (reader.key == "samples") {
    record.samples = reader.samples();
  } else {
    record.visit_values(reader);
    if (reader.found) return;
    throw Error(std::string(reader.source) + ": unknown key " + quote(reader.key) +
                " in a log line; it was written by another program or another release");
  }
}

}  // namespace

std::string to_json(const LogRecord& record) {
  std::string out = "{\"step\": " + std::to_string(record.step);
  record.visit_values([&](std::string_view name, const auto& field) {
    if (field) out += ", \"" + std::string(name) + "\": " + number(name, *field);
  });
  append_texts(out, "notes", record.notes);
  append_texts(out, "warnings", record.warnings);
  append_samples(out, record.samples);
  return out + "}";
}

LogRecord log_record_from_json(std::string_view line, std::string_view source) {
  const json object = parse_json(line, source);
  if (!object.is_object() || !object.contains("step")) {
    throw Error(std::string(source) + ": a log line must be an object with \"step\", but is " +
                quote(line));
  }
  LogRecord record;
  for (const auto& [key, value] : object.items()) {
    read_field(record, FieldReader{.source = source, .key = key, .value = value});
  }
  return record;
}

}  // namespace weft::report
