// Jinja's filters of lists and dicts. What is a generator there is computed at once here.
#include <algorithm>
#include <array>
#include <charconv>

#include "text/template_builtins.h"
#include "text/template_interpreter.h"
#include "text/template_strings.h"

namespace weft::text {
namespace {

using Run = TemplateInterpreter;
using Self = TemplateValue;
using Arguments = BoundArguments;

TemplateValue generator(Run& run, TemplateValues items) {
  return make_sequence(run.budget(), SequenceForm::kGenerator, std::move(items));
}

// item.a.0.b for "a.0.b"; the item itself for none.
TemplateValue attribute_path(Run& run, TemplateValue item, const TemplateValue& path) {
  if (path.is_none()) return item;
  if (path.text() == nullptr) return element_of(run, item, path);
  for (const std::string_view part : split(*path.text(), {.separator = "."})) {
    int64_t index = 0;
    const char* end = part.data() + part.size();
    const bool number = !part.empty() && std::from_chars(part.data(), end, index).ptr == end;
    item = element_of(run, item,
                      number ? TemplateValue(index) : make_text(run.budget(), std::string(part)));
  }
  return item;
}

// What items are ordered by: texts without regard to case, unless that is asked for.
TemplateValue sort_key(Run& run, TemplateValue value, bool case_sensitive) {
  if (case_sensitive || value.text() == nullptr) return value;
  return make_text(run.budget(), to_lower(*value.text()));
}

struct Keyed {
  TemplateValue key, item;
};
std::vector<Keyed> keyed(Run& run, const Self& self, const TemplateValue& path,
                         bool case_sensitive) {
  std::vector<Keyed> all;
  for (TemplateValue& item : elements_of(run.budget(), self)) {
    TemplateValue key = sort_key(run, attribute_path(run, item, path), case_sensitive);
    all.push_back({std::move(key), std::move(item)});
  }
  return all;
}

void sort_keyed(Run& run, std::vector<Keyed>& all, bool reverse) {
  std::stable_sort(all.begin(), all.end(), [&](const Keyed& a, const Keyed& b) {
    return reverse ? less(run.budget(), b.key, a.key) : less(run.budget(), a.key, b.key);
  });
}

TemplateValue sort(Run& run, const Self& self, const Arguments& arguments) {
  std::vector<Keyed> all = keyed(run, self, arguments.at(2), arguments.flag(1));
  sort_keyed(run, all, arguments.flag(0));
  TemplateValues items;
  for (Keyed& one : all) items.push_back(std::move(one.item));
  return make_sequence(run.budget(), SequenceForm::kList, std::move(items));
}

TemplateValue unique(Run& run, const Self& self, const Arguments& arguments) {
  TemplateValues items, seen;
  for (Keyed& one : keyed(run, self, arguments.at(1), arguments.flag(0))) {
    const bool known = std::any_of(seen.begin(), seen.end(), [&](const TemplateValue& key) {
      return equal(run.budget(), key, one.key);
    });
    if (known) continue;
    seen.push_back(std::move(one.key));
    items.push_back(std::move(one.item));
  }
  return generator(run, std::move(items));
}

template <bool kMost>
TemplateValue extreme(Run& run, const Self& self, const Arguments& arguments) {
  std::vector<Keyed> all = keyed(run, self, arguments.at(1), arguments.flag(0));
  if (all.empty()) return make_undefined("No aggregated item, sequence was empty.");
  const auto before = [&](const Keyed& a, const Keyed& b) {
    return less(run.budget(), a.key, b.key);
  };
  size_t best = 0;
  for (size_t i = 1; i < all.size(); ++i) {
    if (kMost ? before(all[best], all[i]) : before(all[i], all[best])) best = i;
  }
  return all[best].item;
}

TemplateValue group_by(Run& run, const Self& self, const Arguments& arguments) {
  std::vector<Keyed> all = keyed(run, self, arguments.at(0), arguments.flag(2));
  for (Keyed& one : all) {
    if (one.key.is_undefined() && arguments.has(1)) one.key = arguments.at(1);
  }
  sort_keyed(run, all, false);
  TemplateValues groups;
  for (size_t i = 0; i < all.size();) {
    const TemplateValue grouper = attribute_path(run, all[i].item, arguments.at(0));
    TemplateValues items;
    size_t end = i;
    for (; end < all.size() && equal(run.budget(), all[i].key, all[end].key); ++end)
      items.push_back(all[end].item);
    TemplateValue list = make_sequence(run.budget(), SequenceForm::kList, std::move(items));
    groups.push_back(make_sequence(run.budget(), SequenceForm::kTuple, {grouper, std::move(list)}));
    i = std::max(end, i + 1);
  }
  return make_sequence(run.budget(), SequenceForm::kList, std::move(groups));
}

TemplateValue first(Run& run, const Self& self, const Arguments&) {
  const TemplateValues items = elements_of(run.budget(), self);
  return items.empty() ? make_undefined("No first item, sequence was empty.") : items.front();
}
TemplateValue last(Run& run, const Self& self, const Arguments&) {
  const TemplateSequence* sequence = self.sequence();
  if (sequence != nullptr && sequence->form == SequenceForm::kGenerator)
    template_fault("TypeError", "'generator' object is not reversible");
  const TemplateValues items = elements_of(run.budget(), self);
  return items.empty() ? make_undefined("No last item, sequence was empty.") : items.back();
}
TemplateValue length(Run& run, const Self& self, const Arguments&) {
  return TemplateValue(length_of(run.budget(), self));
}
TemplateValue list(Run& run, const Self& self, const Arguments&) {
  return make_sequence(run.budget(), SequenceForm::kList, elements_of(run.budget(), self));
}

TemplateValue reverse(Run& run, const Self& self, const Arguments&) {
  if (self.text() != nullptr)
    return slice_of(run.budget(), self, {{}, {}, TemplateValue(int64_t{-1})});
  TemplateValues items = elements_of(run.budget(), self);
  std::reverse(items.begin(), items.end());
  return generator(run, std::move(items));
}

TemplateValue join(Run& run, const Self& self, const Arguments& arguments) {
  const std::string between = arguments.has(0) ? printed(run.budget(), arguments.at(0)) : "";
  TemplateText out(run.budget());
  bool begun = false;
  for (const TemplateValue& item : elements_of(run.budget(), self)) {
    if (begun) out << between;
    begun = true;
    print(out, attribute_path(run, item, arguments.at(1)));
  }
  return out.value();
}

TemplateValue sum(Run& run, const Self& self, const Arguments& arguments) {
  TemplateValue total = arguments.has(1) ? arguments.at(1) : TemplateValue(int64_t{0});
  for (const TemplateValue& item : elements_of(run.budget(), self))
    total = apply(run.budget(), BinaryOperator::kAdd, total,
                  attribute_path(run, item, arguments.at(0)));
  return total;
}

// The first of `given` names a filter or test; the others are its arguments.
template <auto kFind>
const TemplateBuiltin& named_builtin(TemplateArguments& given, const char* kind) {
  const std::string* name = given.positional.front().text();
  const TemplateBuiltin* found = name != nullptr ? kFind(*name) : nullptr;
  if (found == nullptr)
    template_fault("TemplateRuntimeError", std::string("No ") + kind + " named '" +
                                               (name != nullptr ? *name : "?") + "' found.");
  given.positional.erase(given.positional.begin());
  return *found;
}

TemplateValue map_attribute(Run& run, const Self& self, const TemplateArguments& given) {
  TemplateValue path, absent;
  bool has_default = false;
  for (const auto& [name, value] : given.named) {
    if (name != "attribute" && name != "default")
      template_fault("FilterArgumentError", "Unexpected keyword argument '" + name + "'");
    (name == "attribute" ? path : absent) = value;
    has_default |= name == "default";
  }
  TemplateValues items;
  for (TemplateValue& item : elements_of(run.budget(), self)) {
    TemplateValue value = attribute_path(run, std::move(item), path);
    items.push_back(value.is_undefined() && has_default ? absent : std::move(value));
  }
  return generator(run, std::move(items));
}

TemplateValue map(Run& run, const Self& self, const Arguments& arguments) {
  TemplateArguments given = arguments.rest();
  if (given.positional.empty() && given.named.empty())
    template_fault("FilterArgumentError", "map requires a filter argument");
  if (given.positional.empty()) return map_attribute(run, self, given);
  const TemplateBuiltin& filter = named_builtin<find_filter>(given, "filter");
  TemplateValues items;
  for (const TemplateValue& item : elements_of(run.budget(), self))
    items.push_back(call_builtin(run, filter, item, given));
  return generator(run, std::move(items));
}

// select, reject: by a test of the item, or of its attribute; without a test, by its truth.
template <bool kKeep, bool kByAttribute>
TemplateValue select(Run& run, const Self& self, const Arguments& arguments) {
  TemplateArguments given = arguments.rest();
  TemplateValue path;
  if (kByAttribute) {
    if (given.positional.empty())
      template_fault("FilterArgumentError", "Missing parameter for attribute name");
    path = given.positional.front();
    given.positional.erase(given.positional.begin());
  }
  const TemplateBuiltin* test =
      given.positional.empty() ? nullptr : &named_builtin<find_test>(given, "test");
  TemplateValues items;
  for (TemplateValue& item : elements_of(run.budget(), self)) {
    run.budget().step();
    const TemplateValue value = attribute_path(run, item, path);
    const bool passes = truth(test != nullptr ? call_builtin(run, *test, value, given) : value);
    if (passes == kKeep) items.push_back(std::move(item));
  }
  return generator(run, std::move(items));
}

TemplateValues pairs_of(Run& run, const TemplateDict& dict) {
  TemplateValues pairs;
  for (const auto& [key, value] : dict.entries)
    pairs.push_back(make_sequence(run.budget(), SequenceForm::kTuple, {key, value}));
  return pairs;
}

TemplateValue items(Run& run, const Self& self, const Arguments&) {
  if (self.is_undefined()) return generator(run, {});
  if (self.dict() == nullptr)
    template_fault("TypeError", "Can only get item pairs from a mapping.");
  return generator(run, pairs_of(run, *self.dict()));
}

TemplateValue dict_sort(Run& run, const Self& self, const Arguments& arguments) {
  if (self.dict() == nullptr)
    template_fault("TypeError", "dictsort needs a mapping, not " + std::string(type_name(self)));
  const std::string by = arguments.has(1) ? arguments.text(1) : "key";
  if (by != "key" && by != "value")
    template_fault("FilterArgumentError", "You can only sort by either \"key\" or \"value\"");
  std::vector<Keyed> all;
  for (TemplateValue& pair : pairs_of(run, *self.dict())) {
    TemplateValue key = pair.sequence()->items[by == "key" ? 0 : 1];
    all.push_back({sort_key(run, std::move(key), arguments.flag(0)), std::move(pair)});
  }
  sort_keyed(run, all, arguments.flag(2));
  TemplateValues sorted;
  for (Keyed& one : all) sorted.push_back(std::move(one.item));
  return make_sequence(run.budget(), SequenceForm::kList, std::move(sorted));
}

TemplateValue batch(Run& run, const Self& self, const Arguments& arguments) {
  const int64_t size = arguments.integer(0, 0);
  if (size < 1) template_fault("ValueError", "batch: at least one item in each");
  TemplateValues batches, current;
  const auto close = [&] {
    batches.push_back(make_sequence(run.budget(), SequenceForm::kList, std::move(current)));
    current = {};
  };
  for (TemplateValue& item : elements_of(run.budget(), self)) {
    current.push_back(std::move(item));
    if (static_cast<int64_t>(current.size()) == size) close();
  }
  if (!current.empty()) {
    if (arguments.has(1) && !arguments.at(1).is_none()) {
      run.budget().make(static_cast<size_t>(size), sizeof(TemplateValue));
      current.resize(static_cast<size_t>(size), arguments.at(1));
    }
    close();
  }
  return generator(run, std::move(batches));
}

constexpr std::array<TemplateBuiltin, 21> kFilters = {{
    {"first", "", first},
    {"last", "", last},
    {"length", "", length},
    {"count", "", length},
    {"list", "", list},
    {"reverse", "", reverse},
    {"join", "[d] [attribute]", join},
    {"sum", "[attribute] [start]", sum},
    {"min", "[case_sensitive] [attribute]", extreme<false>},
    {"max", "[case_sensitive] [attribute]", extreme<true>},
    {"sort", "[reverse] [case_sensitive] [attribute]", sort},
    {"unique", "[case_sensitive] [attribute]", unique},
    {"groupby", "attribute [default] [case_sensitive]", group_by},
    {"map", "...", map},
    {"select", "...", select<true, false>},
    {"reject", "...", select<false, false>},
    {"selectattr", "...", select<true, true>},
    {"rejectattr", "...", select<false, true>},
    {"items", "", items},
    {"dictsort", "[case_sensitive] [by] [reverse]", dict_sort},
    {"batch", "linecount [fill_with]", batch},
}};

}  // namespace

std::span<const TemplateBuiltin> list_filters() {
  return kFilters;
}

}  // namespace weft::text
