// Functions that every template sees. raise_exception and strftime_now are transformers' additions.
#include <algorithm>
#include <array>
#include <ctime>

#include "text/template_builtins.h"
#include "text/template_interpreter.h"

namespace weft::text {
namespace {

using Run = TemplateInterpreter;
using Self = TemplateValue;
using Arguments = BoundArguments;

constexpr int64_t kMaxRange = 100'000;  // Jinja's sandbox

TemplateValue range(Run& run, const Self&, const Arguments& arguments) {
  const bool one = !arguments.has(1);
  const int64_t start = one ? 0 : arguments.integer(0, 0);
  const int64_t stop = arguments.integer(one ? 0 : 1, 0), step = arguments.integer(2, 1);
  if (step == 0) template_fault("ValueError", "range() arg 3 must not be zero");
  const double count =
      (static_cast<double>(stop) - static_cast<double>(start)) / static_cast<double>(step);
  if (count > static_cast<double>(kMaxRange))
    template_fault("OverflowError",
                   "Range too big. The sandbox blocks ranges larger than "
                   "MAX_RANGE (100000).");
  TemplateValues items;
  run.budget().make(count > 0 ? static_cast<size_t>(count) : 0, sizeof(TemplateValue));
  for (int64_t at = start; step > 0 ? at < stop : at > stop;) {
    items.push_back(TemplateValue(at));
    if (__builtin_add_overflow(at, step, &at)) break;
  }
  return make_sequence(run.budget(), SequenceForm::kRange, std::move(items));
}

// The entries of a dict, or of a list of pairs.
std::vector<std::pair<TemplateValue, TemplateValue>> entries_of(Run& run,
                                                                const TemplateValue& value) {
  if (const TemplateDict* dict = value.dict()) {
    run.budget().make(dict->entries.size(), 2 * sizeof(TemplateValue));
    return dict->entries;
  }
  std::vector<std::pair<TemplateValue, TemplateValue>> entries;
  for (const TemplateValue& item : elements_of(run.budget(), value)) {
    TemplateValues pair = elements_of(run.budget(), item);
    if (pair.size() != 2)
      template_fault("ValueError", "dictionary update sequence element has length " +
                                       std::to_string(pair.size()) + "; 2 is required");
    entries.emplace_back(std::move(pair[0]), std::move(pair[1]));
  }
  return entries;
}

TemplateValue dict(Run& run, const Self&, const Arguments& arguments) {
  std::vector<std::pair<TemplateValue, TemplateValue>> entries;
  if (arguments.has(0)) entries = entries_of(run, arguments.at(0));
  for (const auto& [name, value] : arguments.rest().named)
    entries.emplace_back(make_text(run.budget(), name), value);
  return make_dict(run.budget(), std::move(entries));
}

TemplateValue make_space(Run& run, const Self&, const Arguments& arguments) {
  std::vector<std::pair<std::string, TemplateValue>> attributes;
  if (arguments.has(0)) {
    for (auto& [key, value] : entries_of(run, arguments.at(0)))
      attributes.emplace_back(printed(run.budget(), key), std::move(value));
  }
  for (const auto& [name, value] : arguments.rest().named) attributes.emplace_back(name, value);
  return run.make_namespace(std::move(attributes));
}

TemplateValue raise_exception(Run& run, const Self&, const Arguments& arguments) {
  template_fault("TemplateError", printed(run.budget(), arguments.at(0)));
}

TemplateValue strftime_now(Run& run, const Self&, const Arguments& arguments) {
  const std::string& format = arguments.text(0);
  if (!run.now())
    template_fault("ValueError", "the template asks for the time, which is not given here");
  const auto seconds = static_cast<time_t>(*run.now());
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  TemplateText out(run.budget());
  for (size_t i = 0; i < format.size(); ++i) {
    constexpr std::string_view kKnown = "aAbBcdHIjmMpSUwWxXyYeDFTR";
    const bool known = format[i] == '%' && i + 1 < format.size() &&
                       kKnown.find(format[i + 1]) != std::string_view::npos;
    if (!known) {
      out << std::string_view(format).substr(i, 1);
      continue;
    }
    const char directive[] = {'%', format[++i], '\0'};
    char buffer[64];
    out << std::string_view(buffer, std::strftime(buffer, sizeof buffer, directive, &parts));
  }
  return out.value();
}

// Jinja's own globals that no chat template has use for: they exist, as `is defined` must say.
template <int kIndex>
TemplateValue unsupported(Run&, const Self&, const Arguments&) {
  constexpr std::array<const char*, 3> kNames = {"lipsum", "cycler", "joiner"};
  template_fault("NotImplementedError",
                 std::string(kNames[kIndex]) + "() is not supported in chat templates");
}

constexpr std::array<TemplateBuiltin, 8> kGlobals = {{
    {"range", "start [stop] [step]", range},
    {"dict", "[mapping] ...", dict},
    {"namespace", "[mapping] ...", make_space},
    {"raise_exception", "message", raise_exception},
    {"strftime_now", "format", strftime_now},
    {"lipsum", "...", unsupported<0>},
    {"cycler", "...", unsupported<1>},
    {"joiner", "...", unsupported<2>},
}};

}  // namespace

std::span<const TemplateBuiltin> template_globals() {
  return kGlobals;
}

}  // namespace weft::text
