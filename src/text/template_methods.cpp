// Methods of str, dict, list and tuple that templates may call: those that change nothing.
#include <algorithm>
#include <array>

#include "text/template_builtins.h"
#include "text/template_format.h"
#include "text/template_interpreter.h"
#include "text/template_strings.h"
#include "text/unicode.h"

namespace weft::text {
namespace {

using Run = TemplateInterpreter;
using Self = TemplateValue;
using Arguments = BoundArguments;

TemplateValue copy_of(Run& run, std::string_view text) {
  run.budget().make(text.size());
  return TemplateValue(std::make_shared<const std::string>(text));
}

TemplateValue list_of(Run& run, const std::vector<std::string_view>& parts,
                      SequenceForm form = SequenceForm::kList) {
  run.budget().make(parts.size(), sizeof(TemplateValue) + sizeof(std::string));
  TemplateValues items;
  for (const std::string_view part : parts) items.push_back(copy_of(run, part));
  return make_sequence(run.budget(), form, std::move(items));
}

template <bool kLeft, bool kRight>
TemplateValue stripped(Run& run, const Self& self, const Arguments& arguments) {
  std::optional<std::string_view> chars;
  if (!arguments.at(0).is_none()) {
    if (arguments.at(0).text() == nullptr)
      template_fault("TypeError", "strip arg must be None or str");
    chars = arguments.text(0);
    run.budget().scan(self.text()->size() * std::min<size_t>(chars->size(), 4096));
  }
  return copy_of(run, strip(*self.text(), chars, {kLeft, kRight}));
}

template <bool kFromRight>
TemplateValue split_text(Run& run, const Self& self, const Arguments& arguments) {
  run.budget().scan(self.text()->size());
  SplitBy by{.most = arguments.integer(1, -1), .from_right = kFromRight};
  if (!arguments.at(0).is_none()) {
    by.separator = arguments.text(0);
    if (by.separator->empty()) template_fault("ValueError", "empty separator");
    if (kFromRight) run.budget().scan(self.text()->size() * by.separator->size());
  }
  // Parts are charged before they are listed: there may be as many as there are bytes.
  const size_t longest = by.most < 0 ? self.text()->size()
                                     : std::min(self.text()->size(), static_cast<size_t>(by.most));
  run.budget().make(longest, by.separator ? sizeof(std::string_view) / by.separator->size() : 8);
  return list_of(run, split(*self.text(), by));
}

TemplateValue lines_of(Run& run, const Self& self, const Arguments& arguments) {
  run.budget().make(self.text()->size(), sizeof(std::string_view));
  return list_of(run, split_lines(*self.text(), arguments.flag(0)));
}

// Whether the text begins (or ends) with one of the texts given.
template <bool kStart>
TemplateValue has_affix(Run& run, const Self& self, const Arguments& arguments) {
  const auto fits = [&](const TemplateValue& affix) {
    if (affix.text() == nullptr)
      template_fault("TypeError", std::string(kStart ? "startswith" : "endswith") +
                                      " first arg must be str or a tuple of str, not " +
                                      std::string(type_name(affix)));
    run.budget().scan(affix.text()->size());
    return kStart ? self.text()->starts_with(*affix.text()) : self.text()->ends_with(*affix.text());
  };
  const TemplateSequence* several = arguments.at(0).sequence();
  if (several == nullptr || several->form != SequenceForm::kTuple)
    return TemplateValue(fits(arguments.at(0)));
  return TemplateValue(std::any_of(several->items.begin(), several->items.end(), fits));
}

TemplateValue replaced(Run& run, const Self& self, const Arguments& arguments) {
  const std::string &text = *self.text(), &old = arguments.text(0), &fresh = arguments.text(1);
  int64_t left = arguments.integer(2, -1);
  TemplateText out(run.budget());
  size_t at = 0;
  while (left != 0 && at <= text.size()) {
    size_t found = find_text(text, old, at);
    if (found == std::string::npos) break;
    run.budget().scan(found - at);
    out << std::string_view(text).substr(at, found - at) << fresh;
    at = found + old.size();
    if (old.empty()) {
      const size_t size = at < text.size() ? utf8_at(text, at).size : 0;
      out << std::string_view(text).substr(at, size);
      at += std::max<size_t>(size, 1);
    }
    --left;
  }
  if (at < text.size()) out << std::string_view(text).substr(at);
  return out.value();
}

template <std::string (*kChange)(std::string_view)>
TemplateValue changed(Run& run, const Self& self, const Arguments&) {
  run.budget().make(self.text()->size());
  return make_text(run.budget(), kChange(*self.text()));
}

// The place in characters, -1 where it is not there.
template <bool kFirst>
TemplateValue find_place(Run& run, const Self& self, const Arguments& arguments) {
  const std::string& part = arguments.text(0);
  run.budget().scan(self.text()->size() * (kFirst ? 1 : std::max<size_t>(part.size(), 1)));
  const size_t at = kFirst ? find_text(*self.text(), part) : self.text()->rfind(part);
  if (at == std::string::npos) return TemplateValue(int64_t{-1});
  return TemplateValue(
      static_cast<int64_t>(count_chars(std::string_view(*self.text()).substr(0, at))));
}

TemplateValue index_of_text(Run& run, const Self& self, const Arguments& arguments) {
  TemplateValue found = find_place<true>(run, self, arguments);
  if (*found.get_if<int64_t>() < 0) template_fault("ValueError", "substring not found");
  return found;
}

TemplateValue count_text(Run& run, const Self& self, const Arguments& arguments) {
  const std::string& part = arguments.text(0);
  run.budget().scan(self.text()->size());
  if (part.empty()) return TemplateValue(static_cast<int64_t>(count_chars(*self.text())) + 1);
  int64_t count = 0;
  for (size_t at = 0; (at = find_text(*self.text(), part, at)) != std::string::npos;
       at += part.size())
    ++count;
  return TemplateValue(count);
}

TemplateValue join_texts(Run& run, const Self& self, const Arguments& arguments) {
  TemplateText out(run.budget());
  const TemplateValues items = elements_of(run.budget(), arguments.at(0));
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].text() == nullptr)
      template_fault("TypeError", "sequence item " + std::to_string(i) +
                                      ": expected str instance, " +
                                      std::string(type_name(items[i])) + " found");
    if (i > 0) out << *self.text();
    out << *items[i].text();
  }
  return out.value();
}

TemplateValue format_text(Run& run, const Self& self, const Arguments& arguments) {
  return format_braces(run, *self.text(), arguments.rest());
}

// Whether there are characters and all are of the classes `kMask`.
template <uint16_t kMask>
TemplateValue all_are(Run& run, const Self& self, const Arguments&) {
  const std::string& text = *self.text();
  run.budget().scan(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_at(text, at);
    const bool fits =
        kMask == kSpace ? is_python_space(c.code) : (class_table()[c.code] & kMask) != 0;
    if (!fits) return TemplateValue(false);
    at += c.size;
  }
  return TemplateValue(!text.empty());
}

// Whether there are letters of this case and none of the other.
template <bool kIsUpper>
TemplateValue all_case(Run& run, const Self& self, const Arguments&) {
  const std::string& text = *self.text();
  run.budget().scan(text.size());
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_at(text, at);
    if (kIsUpper ? is_lower(c.code) : is_upper(c.code)) return TemplateValue(false);
    any |= kIsUpper ? is_upper(c.code) : is_lower(c.code);
    at += c.size;
  }
  return TemplateValue(any);
}

template <bool kPrefix>
TemplateValue without_affix(Run& run, const Self& self, const Arguments& arguments) {
  std::string_view text = *self.text();
  const std::string& affix = arguments.text(0);
  if (kPrefix && text.starts_with(affix)) text.remove_prefix(affix.size());
  if (!kPrefix && text.ends_with(affix)) text.remove_suffix(affix.size());
  return copy_of(run, text);
}

template <bool kFirst>
TemplateValue parted(Run& run, const Self& self, const Arguments& arguments) {
  const std::string_view text = *self.text();
  const std::string& separator = arguments.text(0);
  if (separator.empty()) template_fault("ValueError", "empty separator");
  run.budget().scan(text.size() * (kFirst ? 1 : separator.size()));
  const size_t at = kFirst ? find_text(text, separator) : text.rfind(separator);
  if (at == std::string::npos) {
    return kFirst ? list_of(run, {text, "", ""}, SequenceForm::kTuple)
                  : list_of(run, {"", "", text}, SequenceForm::kTuple);
  }
  return list_of(run, {text.substr(0, at), separator, text.substr(at + separator.size())},
                 SequenceForm::kTuple);
}

enum class Place { kLeft, kRight, kCenter };
template <Place kPlace>
TemplateValue justified(Run& run, const Self& self, const Arguments& arguments) {
  const std::string fill = arguments.has(1) ? arguments.text(1) : " ";
  if (count_chars(fill) != 1)
    template_fault("TypeError", "The fill character must be exactly one character long");
  const auto size = static_cast<int64_t>(count_chars(*self.text()));
  const int64_t width = arguments.integer(0, 0), missing = std::max<int64_t>(width - size, 0);
  run.budget().make(static_cast<size_t>(missing), fill.size());
  const int64_t middle = missing / 2 + (missing & width & 1);
  const int64_t before = kPlace == Place::kLeft ? 0 : kPlace == Place::kRight ? missing : middle;
  std::string out;
  for (int64_t i = 0; i < before; ++i) out += fill;
  out += *self.text();
  for (int64_t i = before; i < missing; ++i) out += fill;
  return make_text(run.budget(), std::move(out));
}

TemplateValue zero_filled(Run& run, const Self& self, const Arguments& arguments) {
  const std::string& text = *self.text();
  const auto size = static_cast<int64_t>(count_chars(text));
  const auto missing = static_cast<size_t>(std::max<int64_t>(arguments.integer(0, 0) - size, 0));
  run.budget().make(missing);
  const size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  return make_text(run.budget(),
                   text.substr(0, sign) + std::string(missing, '0') + text.substr(sign));
}

constexpr std::array<TemplateBuiltin, 37> kTextMethods = {{
    {"strip", "[chars]", stripped<true, true>},
    {"lstrip", "[chars]", stripped<true, false>},
    {"rstrip", "[chars]", stripped<false, true>},
    {"split", "[sep] [maxsplit]", split_text<false>},
    {"rsplit", "[sep] [maxsplit]", split_text<true>},
    {"splitlines", "[keepends]", lines_of},
    {"startswith", "prefix", has_affix<true>},
    {"endswith", "suffix", has_affix<false>},
    {"replace", "old new [count]", replaced},
    {"upper", "", changed<to_upper>},
    {"lower", "", changed<to_lower>},
    {"casefold", "", changed<to_lower>},
    {"title", "", changed<titled>},
    {"capitalize", "", changed<capitalized>},
    {"swapcase", "", changed<swap_case>},
    {"find", "sub", find_place<true>},
    {"rfind", "sub", find_place<false>},
    {"index", "sub", index_of_text},
    {"count", "sub", count_text},
    {"join", "iterable", join_texts},
    {"format", "...", format_text},
    {"isalpha", "", all_are<kLetter>},
    {"isdigit", "", all_are<kDecimal>},
    {"isdecimal", "", all_are<kDecimal>},
    {"isnumeric", "", all_are<kNumber>},
    {"isalnum", "", all_are<static_cast<uint16_t>(kLetter | kNumber)>},
    {"isspace", "", all_are<kSpace>},
    {"isupper", "", all_case<true>},
    {"islower", "", all_case<false>},
    {"removeprefix", "prefix", without_affix<true>},
    {"removesuffix", "suffix", without_affix<false>},
    {"partition", "sep", parted<true>},
    {"rpartition", "sep", parted<false>},
    {"zfill", "width", zero_filled},
    {"center", "width [fillchar]", justified<Place::kCenter>},
    {"ljust", "width [fillchar]", justified<Place::kLeft>},
    {"rjust", "width [fillchar]", justified<Place::kRight>},
}};

template <SequenceForm kForm>
TemplateValue view(Run& run, const Self& self, const Arguments&) {
  TemplateValues items;
  run.budget().make(self.dict()->entries.size(), sizeof(TemplateValue));
  for (const auto& [key, value] : self.dict()->entries) {
    if (kForm == SequenceForm::kKeys) items.push_back(key);
    if (kForm == SequenceForm::kValues) items.push_back(value);
    if (kForm == SequenceForm::kItems)
      items.push_back(make_sequence(run.budget(), SequenceForm::kTuple, {key, value}));
  }
  return make_sequence(run.budget(), kForm, std::move(items));
}

TemplateValue get_entry(Run& run, const Self& self, const Arguments& arguments) {
  const TemplateValue* found = self.dict()->find(run.budget(), arguments.at(0));
  return found != nullptr ? *found : arguments.at(1);
}

TemplateValue itself(Run&, const Self& self, const Arguments&) {
  return self;
}

constexpr std::array<TemplateBuiltin, 5> kDictMethods = {{
    {"items", "", view<SequenceForm::kItems>},
    {"keys", "", view<SequenceForm::kKeys>},
    {"values", "", view<SequenceForm::kValues>},
    {"get", "key [default]", get_entry},
    {"copy", "", itself},
}};

TemplateValue index_of_item(Run& run, const Self& self, const Arguments& arguments) {
  const TemplateValues& items = self.sequence()->items;
  const auto found = std::find_if(items.begin(), items.end(), [&](const TemplateValue& item) {
    return equal(run.budget(), item, arguments.at(0));
  });
  if (found == items.end()) template_fault("ValueError", "the value is not in the list");
  return TemplateValue(static_cast<int64_t>(found - items.begin()));
}

TemplateValue count_items(Run& run, const Self& self, const Arguments& arguments) {
  const TemplateValues& items = self.sequence()->items;
  return TemplateValue(static_cast<int64_t>(std::count_if(
      items.begin(), items.end(),
      [&](const TemplateValue& item) { return equal(run.budget(), item, arguments.at(0)); })));
}

constexpr std::array<TemplateBuiltin, 3> kListMethods = {{
    {"index", "value", index_of_item},
    {"count", "value", count_items},
    {"copy", "", itself},
}};

}  // namespace

std::span<const TemplateBuiltin> text_methods() {
  return kTextMethods;
}
std::span<const TemplateBuiltin> dict_methods() {
  return kDictMethods;
}
std::span<const TemplateBuiltin> list_methods() {
  return kListMethods;
}

}  // namespace weft::text
