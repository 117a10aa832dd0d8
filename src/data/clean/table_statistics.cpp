#include "data/clean/table_statistics.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/quote.h"
#include "weft/error.h"

namespace weft::data {
namespace {

constexpr int64_t kMostCategories = 256;

// Count, mean and sum of squared distances from it, value by value (Welford 1962).
class Moments {
 public:
  void add(double value) {
    ++count_;
    const double distance = value - mean_;
    mean_ += distance / static_cast<double>(count_);
    squares_ += distance * (value - mean_);
    least_ = count_ == 1 ? value : std::min(least_, value);
    largest_ = count_ == 1 ? value : std::max(largest_, value);
  }
  // `times` times the same value (Chan, Golub and LeVeque 1979).
  void add(double value, int64_t times) {
    if (times == 0) return;
    if (count_ == 0) add(value), --times;
    const double old = static_cast<double>(count_), fresh = static_cast<double>(times);
    const double distance = value - mean_;
    count_ += times;
    mean_ += distance * (fresh / (old + fresh));
    squares_ += distance * distance * (old * fresh / (old + fresh));
    least_ = std::min(least_, value);
    largest_ = std::max(largest_, value);
  }
  int64_t count() const { return count_; }
  double mean() const { return mean_; }
  double deviation() const { return std::sqrt(squares_ / static_cast<double>(count_)); }
  double least() const { return least_; }
  double largest() const { return largest_; }

 private:
  int64_t count_ = 0;
  double mean_ = 0, squares_ = 0, least_ = 0, largest_ = 0;
};

}  // namespace

struct TableFit::Step {
  TableStep at;
  const StageConfig* stage = nullptr;
  const ColumnSpec* column = nullptr;
  const Step* filler = nullptr;  // the step that fills the column's missing values
  ColumnStatistics result;
  Moments moments;
  std::unique_ptr<ExactMedian> median;
  std::set<std::string, std::less<>> categories;

  bool drops() const { return stage->method == TableMethod::kDrop; }
};

TableFit::TableFit(const TablePlan& plan, const std::vector<StageConfig>& stages, FileSystem& files,
                   const Path& folder)
    : plan_(plan) {
  steps_.reserve(plan.steps.size());  // they point to each other
  for (const TableStep& at : plan.steps) {
    Step step{.at = at, .stage = &stages[at.stage], .column = &plan.columns[at.column]};
    step.result = {.stage = std::string(name_of(step.stage->stage)), .column = step.column->name};
    if (step.stage->stage == StageKind::kNormalize)
      step.result.method = name_of(step.stage->method.value_or(TableMethod::kZScore));
    else if (step.stage->method) step.result.method = name_of(*step.stage->method);
    if (step.stage->method == TableMethod::kMedian)
      step.median = std::make_unique<ExactMedian>(
          files, folder / ("median-" + std::to_string(steps_.size()) + ".open"));
    for (const Step& other : steps_)
      if (other.at.column == at.column && other.stage->stage == StageKind::kMissing)
        step.filler = &other;
    steps_.push_back(std::move(step));
  }
}

TableFit::~TableFit() = default;

void TableFit::add(std::span<const TableCell> row, const std::string& place) {
  WEFT_ASSERT(row.size() == plan_.columns.size());
  bool stays = true;
  for (size_t i = 0; i < steps_.size(); ++i) {
    // A stage sees all of its columns before it drops the row.
    if (!stays && steps_[i].at.stage != steps_[i - 1].at.stage) return;
    stays &= add_to(steps_[i], row[steps_[i].at.column], place);
  }
}

// False if the row is dropped.
bool TableFit::add_to(Step& step, const TableCell& cell, const std::string& place) {
  ++(cell.missing ? step.result.missing : step.result.values);
  if (cell.missing) {
    const bool one_hot = step.stage->stage == StageKind::kOneHot;
    if (one_hot && step.filler) step.categories.insert(*step.filler->stage->value);
    return !step.drops();
  }
  if (step.median) step.median->add(cell.number);
  else if (step.stage->stage == StageKind::kOneHot) step.categories.insert(cell.word);
  else if (!step.column->categorical) step.moments.add(cell.number);
  const auto most = static_cast<size_t>(step.stage->most.value_or(kMostCategories));
  if (step.categories.size() > most)
    throw Error(place + ": column " + quote(step.column->name) + " has more than " +
                std::to_string(most) +
                " different values up to here; one_hot is for categories: leave the column out, "
                "or raise `most` of the stage");
  return true;
}

void TableFit::finish(Step& step) const {
  ColumnStatistics& out = step.result;
  const bool is_missing = step.stage->stage == StageKind::kMissing;
  const auto method = step.stage->method;
  if (is_missing && method == TableMethod::kConstant) {
    if (step.column->categorical) out.fill_word = *step.stage->value;
    else out.fill = *number_of(*step.stage->value);
    return;
  }
  if (is_missing && method == TableMethod::kDrop) return;
  const bool filled = step.filler && !step.filler->drops();
  if (out.values == 0 && !(filled && out.missing > 0))
    throw Error("column " + quote(out.column) + " has no value in any row of the train split (" +
                std::to_string(out.missing) + " rows lack it), so there is no " +
                (is_missing ? out.method : "statistic for " + out.stage) +
                "; leave it out, or fill it with missing,method=constant");
  if (is_missing) {
    out.fill = step.median ? step.median->median() : step.moments.mean();
    return;
  }
  if (step.stage->stage == StageKind::kOneHot) {
    out.categories.assign(step.categories.begin(), step.categories.end());
    return;
  }
  if (filled) step.moments.add(step.filler->result.fill, out.missing);
  out.least = step.moments.least();
  out.largest = step.moments.largest();
  const bool z_score = method.value_or(TableMethod::kZScore) == TableMethod::kZScore;
  out.subtract = z_score ? step.moments.mean() : out.least;
  out.divide = z_score ? step.moments.deviation() : out.largest - out.least;
  if (!(out.least < out.largest) || !(out.divide > 0)) out.divide = 1;
}

std::vector<ColumnStatistics> TableFit::finish() {
  std::vector<ColumnStatistics> result;
  for (Step& step : steps_) {
    finish(step);
    result.push_back(step.result);
  }
  return result;
}

nlohmann::ordered_json to_json(const ColumnStatistics& column) {
  nlohmann::ordered_json json = {{"stage", column.stage}};
  if (!column.method.empty()) json["method"] = column.method;
  json["column"] = column.column;
  json["values"] = column.values;
  json["missing"] = column.missing;
  if (column.stage == "missing" && column.method != "drop") {
    if (column.fill_word.empty()) json["fill"] = column.fill;
    else json["fill"] = column.fill_word;
  }
  if (column.stage == "normalize") {
    json["subtract"] = column.subtract;
    json["divide"] = column.divide;
    json["least"] = column.least;
    json["largest"] = column.largest;
  }
  if (column.stage == "one_hot") json["categories"] = column.categories;
  return json;
}

ColumnStatistics column_statistics_from(const nlohmann::json& json) {
  ColumnStatistics column{.stage = json.at("stage").get<std::string>(),
                          .method = json.value("method", ""),
                          .column = json.at("column").get<std::string>(),
                          .values = json.at("values").get<int64_t>(),
                          .missing = json.at("missing").get<int64_t>()};
  if (json.contains("fill")) {
    if (json.at("fill").is_string()) column.fill_word = json.at("fill").get<std::string>();
    else column.fill = json.at("fill").get<double>();
  }
  column.subtract = json.value("subtract", 0.0);
  column.divide = json.value("divide", 1.0);
  column.least = json.value("least", 0.0);
  column.largest = json.value("largest", 0.0);
  column.categories = json.value("categories", std::vector<std::string>());
  const bool finite = std::isfinite(column.fill) && std::isfinite(column.subtract) &&
                      std::isfinite(column.divide) && column.divide != 0;
  if (!finite || column.values < 0 || column.missing < 0 ||
      !std::is_sorted(column.categories.begin(), column.categories.end()))
    throw Error("the statistics of column " + quote(column.column) + " are none");
  // What is not written of this stage must not stand there.
  if (nlohmann::json(to_json(column)) != json)
    throw Error("the statistics of column " + quote(column.column) + " have unknown keys");
  return column;
}

void check_statistics(const std::vector<ColumnStatistics>& statistics, const TablePlan& plan,
                      const std::vector<StageConfig>& stages, const std::string& origin) {
  const auto name = [](std::string_view stage, std::string_view method, const std::string& column) {
    return std::string(stage) + (method.empty() ? "" : " by " + std::string(method)) + " of " +
           quote(column);
  };
  for (size_t i = 0; i < std::max(statistics.size(), plan.steps.size()); ++i) {
    std::string wanted = "nothing", given = "nothing";
    if (i < plan.steps.size()) {
      const StageConfig& stage = stages[plan.steps[i].stage];
      auto method = stage.method;
      if (stage.stage == StageKind::kNormalize) method = method.value_or(TableMethod::kZScore);
      wanted = name(name_of(stage.stage), method ? name_of(*method) : "",
                    plan.columns[plan.steps[i].column].name);
    }
    if (i < statistics.size())
      given = name(statistics[i].stage, statistics[i].method, statistics[i].column);
    if (wanted != given)
      throw Error("column_statistics: step " + std::to_string(i + 1) + " of the stages is " +
                  wanted + ", and of " + origin + " " + given +
                  "; give the stages that it was prepared with");
  }
}

FeatureLayout::FeatureLayout(const TablePlan& plan, const std::vector<ColumnStatistics>& statistics)
    : widths_(plan.columns.size()) {
  for (size_t column = 0; column < plan.columns.size(); ++column) {
    if (!plan.columns[column].categorical) {
      names_.push_back(plan.columns[column].name);
      continue;
    }
    for (size_t i = 0; i < plan.steps.size(); ++i)
      if (plan.steps[i].column == column) widths_[column] += statistics[i].categories.size();
    for (size_t i = 0; i < plan.steps.size(); ++i)
      if (plan.steps[i].column == column)
        for (const std::string& word : statistics[i].categories)
          names_.push_back(plan.columns[column].name + "=" + word);
  }
}

void FeatureLayout::append(std::span<const TableCell> row, std::vector<float>& out) const {
  for (size_t column = 0; column < row.size(); ++column) {
    if (widths_[column] == 0) {
      out.push_back(static_cast<float>(row[column].number));
      continue;
    }
    const size_t begin = out.size();
    out.resize(begin + widths_[column]);
    const auto category = static_cast<int64_t>(row[column].number);
    if (category >= 0) out[begin + static_cast<size_t>(category)] = 1;
  }
}

}  // namespace weft::data
