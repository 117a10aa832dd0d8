// Finds what tells of a person in text: addresses and numbers whose form, and where they have one,
// check digit, is right. Names and the like are not looked for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft::data {

enum class PersonalKind { kEmail, kPhone, kCard, kCnId, kIp };
inline constexpr std::array kPersonalKinds = {PersonalKind::kEmail, PersonalKind::kPhone,
                                              PersonalKind::kCard, PersonalKind::kCnId,
                                              PersonalKind::kIp};
inline constexpr uint32_t kAllPersonalKinds = (1u << kPersonalKinds.size()) - 1;
// "email", "phone", "card", "cn_id", "ip".
std::string_view name_of(PersonalKind kind);
// What stands in its place: "<EMAIL>", ...
std::string_view mask_of(PersonalKind kind);

struct PersonalMatch {
  PersonalKind kind = PersonalKind::kEmail;
  size_t begin = 0;
  size_t end = 0;  // 0: nothing was found
};

// The first match that begins at `from` or later, among the kinds whose bits are set in `kinds`.
PersonalMatch find_personal_data(std::string_view text, size_t from, uint32_t kinds);

// Whether the check digit of a card number is right (Luhn, ISO/IEC 7812-1). Digits only.
bool luhn_holds(std::string_view digits);
// Whether 18 characters are a Chinese identity number: region, birth date, check digit (GB
// 11643-1999, ISO 7064 MOD 11-2).
bool is_cn_id(std::string_view text);

}  // namespace weft::data
