#include "text/template_value.h"

#include <algorithm>

#include "core/strict_json.h"
#include "text/utf8.h"
#include "weft/error.h"

namespace weft::text {
namespace {

using Entries = std::vector<std::pair<TemplateValue, TemplateValue>>;

int checked_depth(int inside) {
  if (inside >= kMaxValueDepth)
    TemplateBudget::exceeded("nests values more than ", kMaxValueDepth, " deep");
  return inside + 1;
}

int depth_of(const TemplateValues& items) {
  int depth = 0;
  for (const TemplateValue& item : items) depth = std::max(depth, item.depth());
  return checked_depth(depth);
}

int depth_of(const Entries& entries) {
  int depth = 0;
  for (const auto& [key, value] : entries) depth = std::max(depth, value.depth());
  return checked_depth(depth);
}

std::optional<double> as_number(const TemplateValue& value) {
  if (const double* real = value.get_if<double>()) return *real;
  if (const auto integer = as_integer(value)) return static_cast<double>(*integer);
  return std::nullopt;
}

// Exact where both are integers.
std::optional<int> compare_numbers(const TemplateValue& a, const TemplateValue& b) {
  if (const auto x = as_integer(a), y = as_integer(b); x && y) return *x < *y ? -1 : *x > *y;
  const auto x = as_number(a), y = as_number(b);
  if (!x || !y) return std::nullopt;
  if (*x == *y) return 0;
  return *x < *y ? -1 : *x > *y ? 1 : 2;  // 2: NaN
}

bool equal_dicts(TemplateBudget& budget, const TemplateDict& a, const TemplateDict& b) {
  if (a.entries.size() != b.entries.size()) return false;
  return std::all_of(a.entries.begin(), a.entries.end(), [&](const auto& entry) {
    const TemplateValue* other = b.find(budget, entry.first);
    return other != nullptr && equal(budget, entry.second, *other);
  });
}

bool equal_sequences(TemplateBudget& budget, const TemplateSequence& a, const TemplateSequence& b) {
  return a.form == b.form && a.items.size() == b.items.size() &&
         std::equal(
             a.items.begin(), a.items.end(), b.items.begin(),
             [&](const TemplateValue& x, const TemplateValue& y) { return equal(budget, x, y); });
}

// Builds values from the events of a JSON text.
class JsonBuilder : public JsonEvents {
 public:
  explicit JsonBuilder(TemplateBudget& budget) : budget_(budget) {}
  TemplateValue result;

 private:
  struct Level {
    bool is_object;
    TemplateValues items;
    Entries entries;
    std::vector<std::string> keys;
  };

  void null() override { put({}); }
  void boolean(bool value) override { put(TemplateValue(value)); }
  void integer(int64_t value) override { put(TemplateValue(value)); }
  void large_integer(uint64_t) override { throw Error("an integer beyond 64 bits"); }
  void real(double value) override { put(TemplateValue(value)); }
  void string(std::string& value) override { put(make_text(budget_, std::move(value))); }
  void key(std::string& name) override { levels_.back().keys.push_back(std::move(name)); }
  void start_object() override { levels_.push_back({true, {}, {}, {}}); }
  void start_array() override { levels_.push_back({false, {}, {}, {}}); }
  void end_array() override {
    TemplateValues items = std::move(levels_.back().items);
    levels_.pop_back();
    put(make_sequence(budget_, SequenceForm::kList, std::move(items)));
  }
  void end_object() override {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    std::sort(level.keys.begin(), level.keys.end());
    const auto twice = std::adjacent_find(level.keys.begin(), level.keys.end());
    if (twice != level.keys.end()) throw Error("an object has a key twice: '" + *twice + "'");
    const int depth = depth_of(level.entries);
    put(TemplateValue(
        std::make_shared<const TemplateDict>(TemplateDict{std::move(level.entries), depth})));
  }

  void put(TemplateValue value) {
    if (levels_.empty()) {
      result = std::move(value);
    } else if (Level& level = levels_.back(); level.is_object) {
      level.entries.emplace_back(make_text(budget_, level.keys.back()), std::move(value));
    } else {
      level.items.push_back(std::move(value));
    }
  }

  TemplateBudget& budget_;
  std::vector<Level> levels_;
};

constexpr TemplateLimits kUnlimited = {.steps = INT64_MAX / 2, .bytes = INT64_MAX / 2};

}  // namespace

const std::string* TemplateValue::text() const {
  const Text* held = get_if<Text>();
  return held ? held->get() : nullptr;
}
const TemplateSequence* TemplateValue::sequence() const {
  const Sequence* held = get_if<Sequence>();
  return held ? held->get() : nullptr;
}
const TemplateDict* TemplateValue::dict() const {
  const Dict* held = get_if<Dict>();
  return held ? held->get() : nullptr;
}
const TemplateFunction* TemplateValue::function() const {
  const Function* held = get_if<Function>();
  return held ? held->get() : nullptr;
}

int TemplateValue::depth() const {
  if (const TemplateSequence* held = sequence()) return held->depth;
  if (const TemplateDict* held = dict()) return held->depth;
  if (const TemplateFunction* held = function()) return held->depth();
  return 0;
}

const TemplateValue* TemplateDict::find(TemplateBudget& budget, const TemplateValue& key) const {
  if (const std::string* name = key.text()) {
    budget.step(1 + static_cast<int64_t>(entries.size() / 8));
    return find(*name);
  }
  for (const auto& [own, value] : entries) {
    if (equal(budget, own, key)) return &value;
  }
  return nullptr;
}

const TemplateValue* TemplateDict::find(std::string_view key) const {
  for (const auto& [own, value] : entries) {
    const std::string* name = own.text();
    if (name != nullptr && *name == key) return &value;
  }
  return nullptr;
}

const TemplateValue* TemplateNamespace::find(std::string_view name) const {
  for (const auto& [own, value] : attributes) {
    if (own == name) return &value;
  }
  return nullptr;
}

TemplateValue make_text(TemplateBudget& budget, std::string text) {
  budget.make(text.size());
  return TemplateValue(std::make_shared<const std::string>(std::move(text)));
}

TemplateValue make_sequence(TemplateBudget& budget, SequenceForm form, TemplateValues items) {
  budget.make(items.size(), sizeof(TemplateValue));
  const int depth = depth_of(items);
  return TemplateValue(
      std::make_shared<const TemplateSequence>(TemplateSequence{form, std::move(items), depth}));
}

TemplateValue make_dict(TemplateBudget& budget, Entries entries) {
  budget.make(entries.size(), 2 * sizeof(TemplateValue));
  TemplateDict dict{{}, depth_of(entries)};
  for (auto& [key, value] : entries) {
    if (key.sequence() != nullptr || key.dict() != nullptr)
      template_fault("TypeError", "unhashable type: '" + std::string(type_name(key)) + "'");
    if (const TemplateValue* known = dict.find(budget, key)) {
      *const_cast<TemplateValue*>(known) = std::move(value);
    } else {
      dict.entries.emplace_back(std::move(key), std::move(value));
    }
  }
  return TemplateValue(std::make_shared<const TemplateDict>(std::move(dict)));
}

TemplateValue make_undefined(std::string message, const char* kind) {
  return TemplateValue(
      std::make_shared<const TemplateUndefined>(TemplateUndefined{kind, std::move(message)}));
}

TemplateValue template_value_from_json(std::string_view json, std::string_view source) {
  TemplateBudget budget(kUnlimited);  // JsonLimits bound what a text can ask for
  JsonBuilder builder(budget);
  parse_json_events(json, source, {}, builder);
  return std::move(builder.result);
}

std::string_view type_name(const TemplateValue& value) {
  if (value.is_none()) return "NoneType";
  if (value.is_undefined()) return "Undefined";
  if (value.get_if<bool>()) return "bool";
  if (value.get_if<int64_t>()) return "int";
  if (value.get_if<double>()) return "float";
  if (value.text()) return "str";
  if (value.dict()) return "dict";
  if (const TemplateFunction* function = value.function()) return function->type_name();
  const TemplateSequence* sequence = value.sequence();
  if (sequence == nullptr) return "Namespace";
  switch (sequence->form) {
    case SequenceForm::kList: return "list";
    case SequenceForm::kTuple: return "tuple";
    case SequenceForm::kRange: return "range";
    case SequenceForm::kKeys: return "dict_keys";
    case SequenceForm::kValues: return "dict_values";
    case SequenceForm::kItems: return "dict_items";
    case SequenceForm::kGenerator: break;
  }
  return "generator";
}

bool truth(const TemplateValue& value) {
  if (value.is_none() || value.is_undefined()) return false;
  if (const bool* flag = value.get_if<bool>()) return *flag;
  if (const int64_t* integer = value.get_if<int64_t>()) return *integer != 0;
  if (const double* real = value.get_if<double>()) return *real != 0;
  if (const std::string* text = value.text()) return !text->empty();
  if (const TemplateDict* dict = value.dict()) return !dict->entries.empty();
  if (const TemplateSequence* sequence = value.sequence())
    return sequence->form == SequenceForm::kGenerator || !sequence->items.empty();
  return true;
}

std::optional<int64_t> as_integer(const TemplateValue& value) {
  if (const int64_t* integer = value.get_if<int64_t>()) return *integer;
  if (const bool* flag = value.get_if<bool>()) return *flag ? 1 : 0;
  return std::nullopt;
}

bool equal(TemplateBudget& budget, const TemplateValue& a, const TemplateValue& b) {
  budget.step();
  if (const auto order = compare_numbers(a, b)) return *order == 0;
  if (const std::string* x = a.text(), *y = b.text(); x && y) {
    budget.scan(std::min(x->size(), y->size()));
    return *x == *y;
  }
  if (const TemplateSequence* x = a.sequence(), *y = b.sequence(); x && y)
    return x == y || equal_sequences(budget, *x, *y);
  if (const TemplateDict* x = a.dict(), *y = b.dict(); x && y)
    return x == y || equal_dicts(budget, *x, *y);
  if (const auto* x = a.get_if<TemplateValue::Namespace>(),
      *y = b.get_if<TemplateValue::Namespace>();
      x && y)
    return *x == *y;
  if (a.function() != nullptr) return a.function() == b.function();
  return (a.is_none() && b.is_none()) || (a.is_undefined() && b.is_undefined());
}

bool less(TemplateBudget& budget, const TemplateValue& a, const TemplateValue& b) {
  budget.step();
  if (const auto order = compare_numbers(a, b)) return *order == -1;
  if (const std::string* x = a.text(), *y = b.text(); x && y) {
    budget.scan(std::min(x->size(), y->size()));
    return *x < *y;  // the order of UTF-8 is that of code points
  }
  const TemplateSequence *x = a.sequence(), *y = b.sequence();
  if (x == nullptr || y == nullptr || x->form != y->form || x->form > SequenceForm::kTuple)
    template_fault("TypeError", "'<' not supported between instances of '" +
                                    std::string(type_name(a)) + "' and '" +
                                    std::string(type_name(b)) + "'");
  for (size_t i = 0; i < std::min(x->items.size(), y->items.size()); ++i) {
    if (!equal(budget, x->items[i], y->items[i])) return less(budget, x->items[i], y->items[i]);
  }
  return x->items.size() < y->items.size();
}

TemplateValues elements_of(TemplateBudget& budget, const TemplateValue& value) {
  TemplateValues elements;
  if (const TemplateSequence* sequence = value.sequence()) {
    budget.make(sequence->items.size(), sizeof(TemplateValue));
    return sequence->items;
  }
  if (const TemplateDict* dict = value.dict()) {
    budget.make(dict->entries.size(), sizeof(TemplateValue));
    for (const auto& [key, held] : dict->entries) elements.push_back(key);
    return elements;
  }
  if (const std::string* text = value.text()) {
    budget.make(text->size(), sizeof(TemplateValue) + 2 * sizeof(std::string));
    for (size_t at = 0; at < text->size();) {
      const size_t size = utf8_at(*text, at).size;
      elements.push_back(make_text(budget, text->substr(at, size)));
      at += size;
    }
    return elements;
  }
  if (const auto* undefined = value.get_if<TemplateValue::Undefined>()) {
    if ((*undefined)->kind != std::string_view("UndefinedError"))
      template_fault((*undefined)->kind, (*undefined)->message);
    return {};
  }
  template_fault("TypeError", "'" + std::string(type_name(value)) + "' object is not iterable");
}

}  // namespace weft::text
