// Look-up of properties (property_table.h). Not here: where they come from
// (scripts/make_property_table).
#include "text/property_table.h"

#include <array>
#include <span>
#include <string>

#include "text/unicode.h"

namespace weft::text {
namespace {

struct NamedRanges {
  std::string_view name;
  std::span<const CodeRange> ranges;
};

#include "text/property_table.def"

struct NamedClass {
  std::string_view name;
  uint16_t mask;
};
constexpr std::array<NamedClass, 13> kClasses = {{{"l", kLetter},
                                                  {"lu", kUpper},
                                                  {"ll", kLower},
                                                  {"lt", kTitle},
                                                  {"lm", kModifierLetter},
                                                  {"lo", kOtherLetter},
                                                  {"m", kMark},
                                                  {"n", kNumber},
                                                  {"nd", kDecimal},
                                                  {"p", kPunctuation},
                                                  {"s", kSymbol},
                                                  {"space", kSpace},
                                                  {"digit", kDecimal}}};

// Other names of the same.
constexpr std::array<std::array<std::string_view, 2>, 25> kAliases = {{{"letter", "l"},
                                                                       {"uppercaseletter", "lu"},
                                                                       {"lowercaseletter", "ll"},
                                                                       {"titlecaseletter", "lt"},
                                                                       {"modifierletter", "lm"},
                                                                       {"otherletter", "lo"},
                                                                       {"mark", "m"},
                                                                       {"nonspacingmark", "mn"},
                                                                       {"number", "n"},
                                                                       {"decimalnumber", "nd"},
                                                                       {"letternumber", "nl"},
                                                                       {"othernumber", "no"},
                                                                       {"punctuation", "p"},
                                                                       {"otherpunctuation", "po"},
                                                                       {"symbol", "s"},
                                                                       {"mathsymbol", "sm"},
                                                                       {"currencysymbol", "sc"},
                                                                       {"othersymbol", "so"},
                                                                       {"separator", "z"},
                                                                       {"spaceseparator", "zs"},
                                                                       {"punct", "p"},
                                                                       {"control", "cc"},
                                                                       {"cntrl", "cc"},
                                                                       {"format", "cf"},
                                                                       {"alphabetic", "alpha"}}};

CodeSet word_property() {
  CodeSet set = CodeSet::of_class(kMark | kDecimal);
  for (const CodeRange& range : kOfAlpha) set.add(range.first, range.last);
  for (const CodeRange& range : kOfPc) set.add(range.first, range.last);
  return set;
}

// What is the same in every version of Unicode.
std::optional<CodeSet> fixed(std::string_view name) {
  CodeSet set;
  if (name == "any") set.add(0, kCodePoints - 1);
  if (name == "ascii") set.add(0, 0x7F);
  if (name == "xdigit") {
    set.add('0', '9');
    set.add('A', 'F');
    set.add('a', 'f');
  }
  return set.ranges().empty() ? std::nullopt : std::optional(set);
}

}  // namespace

std::optional<CodeSet> property_named(std::string_view given) {
  std::string name;
  for (const char c : given)
    if (c != ' ' && c != '-' && c != '_')
      name += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c;
  for (const auto& [alias, meant] : kAliases)
    if (name == alias) name = meant;
  for (const NamedClass& known : kClasses)
    if (name == known.name) return CodeSet::of_class(known.mask);
  for (const NamedRanges& known : kNamed) {
    if (name != known.name) continue;
    CodeSet set;
    for (const CodeRange& range : known.ranges) set.add(range.first, range.last);
    return set;
  }
  return name == "word" ? std::optional(word_property()) : fixed(name);
}

}  // namespace weft::text
