#include "data/clean/personal_data.h"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <string>

#include "data/clean/byte_masks.h"

namespace weft::data {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alnum(char c) {
  return is_digit(c) || static_cast<uint8_t>((c | 0x20) - 'a') < 26;
}
bool is_hex(char c) {
  return is_digit(c) || static_cast<uint8_t>((c | 0x20) - 'a') < 6;
}
bool has(uint32_t kinds, PersonalKind kind) {
  return (kinds >> static_cast<int>(kind) & 1) != 0;
}
char at(std::string_view text, size_t i) {
  return i < text.size() ? text[i] : '\0';
}

// Groups of digits with one or two separators between, from a digit, '+' or '(' on.
struct Number {
  static constexpr size_t kMost = 8;
  std::array<size_t, kMost> begins{}, ends{};
  size_t groups = 0;
  bool plus = false;
  bool parentheses = false;
  std::string digits;

  size_t length(size_t group) const { return ends[group] - begins[group]; }
  // The one separator before group 1 and all after it; 0 if they differ or are longer.
  char separator(std::string_view text) const {
    for (size_t i = 1; i < groups; ++i)
      if (begins[i] != ends[i - 1] + 1 || text[ends[i - 1]] != text[ends[0]]) return 0;
    return groups > 1 ? text[ends[0]] : ' ';
  }
};

bool is_separator(char c) {
  return c == ' ' || c == '-' || c == '.' || c == '(' || c == ')';
}

// What has fewer digits is neither phone number nor card nor identity number.
constexpr size_t kLeastDigits = 8;

// Whether a Number that begins at `i` may have kLeastDigits. Most numbers are years and the like.
bool may_be_long(std::string_view text, size_t i) {
  size_t digits = 0, gap = 0;
  for (i += text[i] == '+'; digits < kLeastDigits && gap <= 3 && i < text.size(); ++i) {
    if (is_digit(text[i])) ++digits, gap = 0;
    else if (is_separator(text[i])) ++gap;
    else break;
  }
  return digits >= kLeastDigits;
}

Number number_at(std::string_view text, size_t i) {
  Number number;
  if (text[i] == '+') {
    number.plus = true;
    ++i;
  }
  while (number.groups < Number::kMost) {
    if (at(text, i) == '(') {
      number.parentheses = true;
      ++i;
    }
    if (!is_digit(at(text, i))) break;
    number.begins[number.groups] = i;
    for (; is_digit(at(text, i)); ++i) number.digits += text[i];
    number.ends[number.groups++] = i;
    size_t gap = 0;
    while (gap < 2 && is_separator(at(text, i + gap))) ++gap;
    if (gap == 0 || !(is_digit(at(text, i + gap)) || at(text, i + gap) == '(')) break;
    i += at(text, i + gap - 1) == '(' ? gap - 1 : gap;
  }
  return number;
}

// The end of the longest run of groups for which `fits(groups, digits)` holds and that no letter
// or digit follows; 0 if there is none.
template <class Fits>
size_t longest(std::string_view text, const Number& number, Fits fits) {
  size_t digits = number.digits.size();
  for (size_t groups = number.groups; groups > 0; --groups) {
    const size_t end = number.ends[groups - 1];
    const bool apart = !is_alnum(at(text, end)) && at(text, end) != '_';
    if (apart && fits(groups, digits)) return end;
    digits -= number.length(groups - 1);
  }
  return 0;
}

// 13 to 19 digits in one group, in groups of four with a shorter last one, or in the 4-6-5 of
// American Express.
size_t card_end(std::string_view text, const Number& number) {
  const char first = at(number.digits, 0);
  if (number.plus || number.parentheses || first < '2' || first > '6') return 0;
  const char separator = number.separator(text);
  return longest(text, number, [&](size_t groups, size_t digits) {
    if (digits < 13 || digits > 19) return false;
    if (groups > 1) {
      if (separator != ' ' && separator != '-') return false;
      bool fours = true;
      for (size_t i = 0; i + 1 < groups; ++i) fours &= number.length(i) == 4;
      fours &= number.length(groups - 1) <= 4;
      const bool american =
          groups == 3 && number.length(0) == 4 && number.length(1) == 6 && number.length(2) == 5;
      if (!fours && !american) return false;
    }
    return luhn_holds(std::string_view(number.digits).substr(0, digits));
  });
}

bool is_chinese_mobile(std::string_view digits) {
  return digits.size() == 11 && digits[0] == '1' && digits[1] >= '3';
}

// 555-123-4567 with separators, 1 before it or not.
bool is_north_american(const Number& number, size_t groups, std::string_view digits) {
  if (groups == 4 && digits.size() == 11 && digits[0] == '1' && number.length(0) == 1)
    return number.length(1) == 3 && number.length(2) == 3 && digits[1] >= '2';
  return groups == 3 && digits.size() == 10 && number.length(0) == 3 && number.length(1) == 3 &&
         digits[0] >= '2' && digits[3] >= '2';
}

// 010-12345678, 0755-1234567.
bool is_chinese_landline(const Number& number, size_t groups, std::string_view digits) {
  return groups == 2 && digits[0] == '0' && digits[1] != '0' && number.length(0) >= 3 &&
         number.length(0) <= 4 && number.length(1) >= 7 && number.length(1) <= 8;
}

size_t phone_end(std::string_view text, const Number& number) {
  return longest(text, number, [&](size_t groups, size_t count) {
    const std::string_view digits = std::string_view(number.digits).substr(0, count);
    if (number.plus) return count >= 8 && count <= 15 && digits[0] != '0';
    const bool mobile_groups =
        groups == 1 || (groups == 3 && number.length(0) == 3 && number.length(1) == 4);
    if (mobile_groups && is_chinese_mobile(digits)) return true;
    return is_north_american(number, groups, digits) || is_chinese_landline(number, groups, digits);
  });
}

size_t cn_id_end(std::string_view text, const Number& number) {
  const size_t begin = number.begins[0], end = begin + 18;
  if (number.length(0) < 17 || number.length(0) > 18) return 0;
  return is_cn_id(text.substr(begin, 18)) && !is_alnum(at(text, end)) ? end : 0;
}

size_t ipv4_end(std::string_view text, size_t begin) {
  size_t i = begin;
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && at(text, i++) != '.') return 0;
    int value = 0;
    const size_t start = i;
    for (; is_digit(at(text, i)) && i - start < 3; ++i) value = value * 10 + (text[i] - '0');
    if (i == start || value > 255) return 0;
  }
  const bool goes_on = is_alnum(at(text, i)) || (at(text, i) == '.' && is_digit(at(text, i + 1)));
  return goes_on ? 0 : i;
}

// Around a colon at `colon`. Short ones like a::b stand in programs.
PersonalMatch ipv6_around(std::string_view text, size_t colon, size_t from) {
  constexpr size_t kLongest = 45;
  const auto part = [](char c) { return is_hex(c) || c == ':' || c == '.'; };
  size_t begin = colon, end = colon;
  while (begin > from && colon - begin < kLongest && part(text[begin - 1])) --begin;
  while (end < text.size() && end - begin < kLongest && part(text[end])) ++end;
  while (end > begin &&
         (text[end - 1] == '.' || (text[end - 1] == ':' && at(text, end - 2) != ':')))
    --end;
  if (begin > 0 && is_alnum(text[begin - 1])) return {};
  if (is_alnum(at(text, end))) return {};
  const std::string_view found = text.substr(begin, end - begin);
  const auto colons = std::count(found.begin(), found.end(), ':');
  const auto digits = std::count_if(found.begin(), found.end(), is_hex);
  if (colons < 2 || (colons < 4 && digits < 5)) return {};
  in6_addr address;
  if (inet_pton(AF_INET6, std::string(found).c_str(), &address) != 1) return {};
  return {PersonalKind::kIp, begin, end};
}

bool is_local(char c) {
  return is_alnum(c) || c == '.' || c == '_' || c == '%' || c == '+' || c == '-';
}

// Around an '@' at `sign`.
PersonalMatch email_around(std::string_view text, size_t sign, size_t from) {
  size_t begin = sign;
  while (begin > from && sign - begin < 64 && is_local(text[begin - 1])) --begin;
  while (begin < sign && !is_alnum(text[begin])) ++begin;
  if (begin == sign || text[sign - 1] == '.') return {};
  size_t end = sign + 1, last_dot = 0, i = sign + 1;
  for (; i < text.size() && i - sign < 255; ++i) {
    const char c = text[i];
    if (!is_alnum(c) && c != '-' && !(c == '.' && is_alnum(at(text, i + 1)) && i > sign + 1)) break;
    if (c == '.') last_dot = i;
  }
  end = i;
  while (end > sign && text[end - 1] == '-') --end;
  if (last_dot == 0 || end < last_dot + 3) return {};
  const std::string_view top = text.substr(last_dot + 1, end - last_dot - 1);
  const bool letters =
      std::all_of(top.begin(), top.end(), [](char c) { return is_alnum(c) && !is_digit(c); });
  return letters ? PersonalMatch{PersonalKind::kEmail, begin, end} : PersonalMatch{};
}

// A number that begins at `i`.
PersonalMatch number_match(std::string_view text, size_t i, uint32_t kinds) {
  if (has(kinds, PersonalKind::kIp) && is_digit(text[i]))
    if (const size_t end = ipv4_end(text, i)) return {PersonalKind::kIp, i, end};
  if (!may_be_long(text, i)) return {};
  const Number number = number_at(text, i);
  if (number.groups == 0) return {};
  if (has(kinds, PersonalKind::kCnId) && !number.plus)
    if (const size_t end = cn_id_end(text, number))
      return {PersonalKind::kCnId, number.begins[0], end};
  if (has(kinds, PersonalKind::kCard))
    if (const size_t end = card_end(text, number)) return {PersonalKind::kCard, i, end};
  if (has(kinds, PersonalKind::kPhone))
    if (const size_t end = phone_end(text, number)) return {PersonalKind::kPhone, i, end};
  return {};
}

bool may_begin_number(std::string_view text, size_t i, size_t from) {
  if (i == 0 || i == from) return true;
  const char before = text[i - 1];
  if (is_alnum(before) || before == '_') return false;
  // A part of a longer number: 0.4111..., 1,234,567.
  const bool fraction = (before == '.' || before == ',') && i >= 2 && is_digit(text[i - 2]);
  return !fraction;
}

// Where a match may begin or have its sign: signs, and digits that follow no digit.
class Triggers {
 public:
  Triggers(std::string_view text, size_t from) : text_(text), next_(from) {}
  // The next place, or the end of the text.
  size_t operator()() {
    while (bits_ == 0) {
      if (next_ >= text_.size()) return text_.size();
      load();
    }
    const auto bit = static_cast<size_t>(std::countr_zero(bits_));
    bits_ &= bits_ - 1;
    return begin_ + bit;
  }

 private:
  void load() {
    begin_ = next_;
    next_ += ByteBlock::kSize;
    const ByteBlock block(text_, begin_);
    const ByteBits digits = block.bits([](__m128i x) { return bytes::between(x, '0', '9'); });
    const ByteBits signs = block.bits([](__m128i x) {
      return _mm_or_si128(_mm_or_si128(bytes::equal(x, '+'), bytes::equal(x, '(')),
                          _mm_or_si128(bytes::equal(x, '@'), bytes::equal(x, ':')));
    });
    bits_ = signs | (digits & ~(digits << 1 | within_));
    within_ = digits >> 63;
  }

  std::string_view text_;
  size_t next_;       // the first byte that was not looked at
  size_t begin_ = 0;  // of the block
  ByteBits bits_ = 0;
  ByteBits within_ = 0;  // 1: the next block begins after a digit
};

}  // namespace

std::string_view name_of(PersonalKind kind) {
  switch (kind) {
    case PersonalKind::kEmail: return "email";
    case PersonalKind::kPhone: return "phone";
    case PersonalKind::kCard: return "card";
    case PersonalKind::kCnId: return "cn_id";
    case PersonalKind::kIp: return "ip";
  }
  return "?";
}

std::string_view mask_of(PersonalKind kind) {
  switch (kind) {
    case PersonalKind::kEmail: return "<EMAIL>";
    case PersonalKind::kPhone: return "<PHONE>";
    case PersonalKind::kCard: return "<CARD>";
    case PersonalKind::kCnId: return "<CN_ID>";
    case PersonalKind::kIp: return "<IP>";
  }
  return "?";
}

bool luhn_holds(std::string_view digits) {
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    const int digit = digits[digits.size() - 1 - i] - '0';
    const int doubled = i % 2 == 1 ? 2 * digit : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 == 0;
}

bool is_cn_id(std::string_view text) {
  if (text.size() != 18 || text[0] < '1' || text[0] > '8') return false;
  constexpr std::array<int, 17> kWeights = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
  int sum = 0;
  for (size_t i = 0; i < 17; ++i) {
    if (!is_digit(text[i])) return false;
    sum += kWeights[i] * (text[i] - '0');
  }
  const auto number = [&](size_t begin, size_t count) {
    int value = 0;
    for (size_t i = begin; i < begin + count; ++i) value = value * 10 + (text[i] - '0');
    return value;
  };
  const int year = number(6, 4), month = number(10, 2), day = number(12, 2);
  if (year < 1850 || year > 2100 || month < 1 || month > 12 || day < 1 || day > 31) return false;
  const char check = text[17] == 'x' ? 'X' : text[17];
  return check == "10X98765432"[sum % 11];
}

PersonalMatch find_personal_data(std::string_view text, size_t from, uint32_t kinds) {
  Triggers next(text, from);
  for (size_t i = next(); i < text.size(); i = next()) {
    PersonalMatch match;
    switch (text[i]) {
      case '@':
        if (has(kinds, PersonalKind::kEmail)) match = email_around(text, i, from);
        break;
      case ':':
        if (has(kinds, PersonalKind::kIp)) match = ipv6_around(text, i, from);
        break;
      default:
        if (may_begin_number(text, i, from)) match = number_match(text, i, kinds);
    }
    if (match.end > 0) return match;
  }
  return {};
}

}  // namespace weft::data
