// Numbers in JSON, which has no NaN and no infinity: they are the words "NaN", "Infinity" and
// "-Infinity".
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

namespace weft {

nlohmann::ordered_json json_of_number(double value);
// Nothing for what is neither a number nor one of the words.
std::optional<double> number_of_json(const nlohmann::json& value);
// Nothing for what is no integer of at least 0 and at most 2^63 - 1.
std::optional<int64_t> count_of_json(const nlohmann::json& value);

}  // namespace weft
