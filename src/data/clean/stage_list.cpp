#include "data/clean/stage_list.h"

#include <algorithm>
#include <sstream>

#include "data/clean/personal_data.h"
#include "data/clean/stage_registry.h"
#include "text/utf8.h"
#include "weft/error.h"

namespace weft::data {
namespace {

constexpr size_t kExcerptBytes = 160;
constexpr size_t kBeforeChange = 40;
// No address or number that personal_data.h finds is longer; an excerpt that begins or ends within
// one must not show a part of it.
constexpr size_t kMargin = 320;

size_t character_begin(std::string_view text, size_t at) {
  at = std::min(at, text.size());
  while (at > 0 && at < text.size() && text::is_continuation(text[at])) --at;
  return at;
}

// The text around an excerpt that begins at `begin`.
void keep_excerpt(std::string_view text, size_t begin, Excerpt& out) {
  begin = character_begin(text, begin);
  const size_t end = character_begin(text, begin + kExcerptBytes);
  const size_t first = character_begin(text, begin - std::min(begin, kMargin));
  out.around.assign(text.substr(first, character_begin(text, end + kMargin) - first));
  out.begin = begin - first;
  out.end = end - first;
}

// With masks in the place of what tells of a person: reports are shown around.
std::string shown(const Excerpt& excerpt) {
  const std::string_view text = excerpt.around;
  std::string out;
  size_t at = 0;
  const auto add_until = [&](size_t until) {
    const size_t from = std::max(at, excerpt.begin), to = std::min(until, excerpt.end);
    if (from < to) out.append(text.substr(from, to - from));
  };
  for (PersonalMatch match = find_personal_data(text, 0, kAllPersonalKinds); match.end > 0;
       match = find_personal_data(text, at, kAllPersonalKinds)) {
    add_until(match.begin);
    if (match.begin < excerpt.end && match.end > excerpt.begin) out.append(mask_of(match.kind));
    at = match.end;
  }
  add_until(text.size());
  return out;
}

void add_excerpts(std::string_view before, std::string_view after, StageResult& result) {
  const auto differ = std::mismatch(before.begin(), before.end(), after.begin(), after.end());
  const auto at = static_cast<size_t>(differ.first - before.begin());
  const size_t begin = at > kBeforeChange ? at - kBeforeChange : 0;
  keep_excerpt(before, begin, result.before);
  keep_excerpt(after, begin, result.after);
}

// Only what is kept is looked through for personal data.
void add_example(StageReport& report, std::string_view what, const std::string& place,
                 const StageResult& result) {
  if (report.wants_example(what))
    report.examples.push_back({.what = std::string(what),
                               .place = place,
                               .before = shown(result.before),
                               .after = shown(result.after)});
}

// "min_words=50, kinds=[email]": the keys that are given.
std::string settings_of(const StageConfig& config) {
  std::ostringstream out;
  StageConfig copy = config;
  copy.visit([&]<class F>(std::string_view name, const F& value, const FieldInfo& = {}) {
    if constexpr (std::is_same_v<F, StageKind>) return;
    else {
      if constexpr (requires { value.has_value(); }) {
        if (!value.has_value()) return;
      } else if (value.empty()) {
        return;
      }
      out << (out.tellp() > 0 ? ", " : "") << name << "=";
      print_field(out, value);
    }
  });
  return out.str();
}

}  // namespace

StageList::StageList(const FileSystem& files, const std::vector<StageConfig>& configs)
    : configs_(configs), tables_(plan_tables(configs)) {
  for (const StageConfig& config : configs) {
    stages_.push_back(is_of_tables(config.stage) ? nullptr : make_stage(files, config));
    reports_.push_back(
        {.stage = std::string(name_of(config.stage)), .settings = settings_of(config)});
  }
}

void StageList::set_statistics(std::vector<ColumnStatistics> statistics) {
  statistics_ = std::move(statistics);
  for (size_t i = 0; i < tables_.stages; ++i)
    stages_[i] = make_table_stage(configs_[i], i, tables_, statistics_);
  features_ = FeatureLayout(tables_, statistics_);
}

void StageList::apply(std::string& text, std::span<TableCell> row, StageResults& results) const {
  thread_local std::string scratch;  // not of each document: many wait to be written
  results.entries.resize(stages_.size());
  results.reached = 0;
  for (const auto& stage : stages_) {
    StageResults::Entry& entry = results.entries[results.reached++];
    StageResult& result = entry.result;
    result.clear();
    scratch.clear();
    entry.bytes_in = static_cast<int64_t>(text.size());
    if (!row.empty()) stage->apply_row(row, result);
    if (!result.dropped) stage->apply(text, scratch, result);
    if (result.changed) {
      add_excerpts(text, scratch, result);
      text.swap(scratch);
      if (text.empty()) {
        result.notes.clear();
        result.drop("nothing is left");
      }
    } else if (result.dropped || !result.keys.empty()) {
      keep_excerpt(text, 0, result.before);
    }
    entry.bytes_out = result.dropped ? 0 : static_cast<int64_t>(text.size());
    if (result.dropped) return;
  }
}

StageTally::StageTally(const StageList& stages)
    : reports_(stages.empty_reports()), new_keys_(stages.size()) {
  for (size_t i = 0; i < stages.size(); ++i) {
    WEFT_ASSERT(stages.has_stage(i));
    memories_.push_back(stages.stage(i).make_memory());
  }
}

bool StageTally::admit(const StageResults& results, const std::string& place) {
  for (size_t i = 0; i < results.reached; ++i)
    if (!decide(i, results.entries[i], place)) return false;
  return true;
}

bool StageTally::decide(size_t stage, const StageResults::Entry& entry, const std::string& place) {
  StageReport& report = reports_[stage];
  const StageResult& result = entry.result;
  ++report.documents;
  report.bytes_in += entry.bytes_in;
  const bool has_keys = memories_[stage] && !result.keys.empty();
  if (has_keys && !memories_[stage]->admit(result.keys)) {
    ++report.dropped;
    report.count(memories_[stage]->reason(), 1);
    add_example(report, memories_[stage]->reason(), place, result);
    return false;
  }
  if (has_keys) {
    new_keys_[stage].push_back(result.keys.size());
    new_keys_[stage].insert(new_keys_[stage].end(), result.keys.begin(), result.keys.end());
  }
  report.bytes_out += entry.bytes_out;
  report.changed += (result.changed || result.row_changed) && !result.dropped;
  report.dropped += result.dropped;
  for (const StageNote& note : result.notes) report.count(note.what, note.count);
  if (result.changed || result.dropped)
    add_example(report, result.notes.empty() ? "changed" : result.notes[0].what, place, result);
  return !result.dropped;
}

std::vector<std::vector<uint64_t>> StageTally::take_new_keys() {
  std::vector<std::vector<uint64_t>> taken(new_keys_.size());
  taken.swap(new_keys_);
  return taken;
}

size_t StageTally::new_key_count() const {
  size_t count = 0;
  for (const auto& keys : new_keys_) count += keys.size();
  return count;
}

void StageTally::restore(std::vector<StageReport> reports,
                         const std::vector<std::vector<uint64_t>>& keys) {
  if (keys.size() != memories_.size() || reports.size() != reports_.size())
    throw Error("what was saved is of another number of stages");
  for (size_t stage = 0; stage < keys.size(); ++stage)
    for (size_t at = 0; at < keys[stage].size();) {
      const size_t count = keys[stage][at++];
      if (!memories_[stage] || count > keys[stage].size() - at)
        throw Error("what a stage remembers is damaged");
      memories_[stage]->admit(std::span(keys[stage]).subspan(at, count));
      at += count;
    }
  reports_ = std::move(reports);
}

}  // namespace weft::data
