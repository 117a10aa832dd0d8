#include "data/clean/report_page.h"

#include <cstdio>

namespace weft::data {
namespace {

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en"><meta charset="utf-8"><title>weft prepare</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>
:root { color-scheme: light dark; --quiet: #666; --line: #ccc; --back: #f4f4f4; }
@media (prefers-color-scheme: dark) { :root { --quiet: #aaa; --line: #555; --back: #222; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; }
table { border-collapse: collapse; margin: .5em 0 1em; display: block; overflow-x: auto; }
th, td { padding: .2em .8em; text-align: left; vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; } tr { border-bottom: 1px solid var(--line); }
pre { min-width: 16em; background: var(--back); white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; padding: .3em; }
.place { color: var(--quiet); font-size: 85%; }
</style>
)";

// Text that a browser shows as it is; controls become pictures of themselves.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default:
        if (static_cast<uint8_t>(c) < 0x20 && c != '\n' && c != '\t') out += "&#xFFFD;";
        else out += c;
    }
  }
  return out;
}

std::string cell(int64_t number) {
  return "<td class=n>" + std::to_string(number);
}

std::string row(std::string_view what, int64_t number) {
  return "<tr><td>" + escaped(what) + cell(number) + "\n";
}

std::string megabytes(int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", static_cast<double>(bytes) / 1e6);
  return text;
}

std::string summary(const DatasetManifest& manifest) {
  std::string out = "<h1>Prepared text</h1>\n<table>\n";
  out += row("input files", manifest.input_files) + row("bytes of them", manifest.input_bytes);
  for (const Split split : kSplits) {
    const std::string name(name_of(split));
    out += row(name + " documents", manifest.split(split).documents);
    out += row(name + " bytes of text", manifest.split(split).bytes);
    out += row(name + " tokens", manifest.split(split).tokens);
  }
  return out + "</table>\n";
}

std::string reading(const DatasetManifest& manifest) {
  if (manifest.left_out.empty()) return "";
  std::string out = "<h2>Reading</h2>\n<table><tr><th>left out or mended<th>count<th>first\n";
  for (const LeftOut& item : manifest.left_out)
    out += "<tr><td>" + escaped(item.reason) + cell(item.count) + "<td class=place>" +
           escaped(item.example) + "\n";
  return out + "</table>\n";
}

std::string overview(const std::vector<StageReport>& stages) {
  std::string out =
      "<h2>Stages</h2>\n<table><tr><th>stage<th>settings<th>documents<th>changed<th>left "
      "out<th>MB in<th>MB out\n";
  for (const StageReport& stage : stages)
    out += "<tr><td>" + escaped(stage.stage) + "<td>" + escaped(stage.settings) +
           cell(stage.documents) + cell(stage.changed) + cell(stage.dropped) + "<td class=n>" +
           megabytes(stage.bytes_in) + "<td class=n>" + megabytes(stage.bytes_out) + "\n";
  return out + "</table>\n";
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string learned(const ColumnStatistics& column) {
  if (column.stage == "one_hot") {
    std::string list;
    for (const std::string& word : column.categories) list += (list.empty() ? "" : ", ") + word;
    return list;
  }
  if (column.stage == "normalize")
    return "(x - " + number(column.subtract) + ") / " + number(column.divide) + ", from " +
           number(column.least) + " to " + number(column.largest);
  if (column.method == "drop") return "";
  return column.fill_word.empty() ? number(column.fill) : column.fill_word;
}

std::string columns(const DatasetManifest& manifest) {
  if (manifest.columns.empty()) return "";
  std::string out =
      "<h2>Columns of the train split</h2>\n<table><tr><th>stage<th>column<th>values<th>missing"
      "<th>learned\n";
  for (const ColumnStatistics& column : manifest.columns)
    out += "<tr><td>" + escaped(column.stage + " " + column.method) + "<td>" +
           escaped(column.column) + cell(column.values) + cell(column.missing) + "<td>" +
           escaped(learned(column)) + "\n";
  return out + "</table>\n";
}

std::string details(const StageReport& stage) {
  std::string out = "<h3>" + escaped(stage.stage) + "</h3>\n<table>\n";
  for (const StageCount& item : stage.counts) out += row(item.what, item.count);
  out += "</table>\n";
  if (stage.examples.empty()) return out;
  out += "<table><tr><th>what<th>before<th>after\n";
  for (const StageExample& example : stage.examples)
    out += "<tr><td>" + escaped(example.what) + "<div class=place>" + escaped(example.place) +
           "</div><td><pre>" + escaped(example.before) + "</pre><td>" +
           (example.after.empty() ? std::string("left out")
                                  : "<pre>" + escaped(example.after) + "</pre>") +
           "\n";
  return out + "</table>\n";
}

}  // namespace

std::string report_page(const DatasetManifest& manifest, const std::vector<StageReport>& stages) {
  std::string page = std::string(kHead) + summary(manifest) + reading(manifest);
  if (stages.empty()) return page + "</html>\n";
  page += overview(stages) + columns(manifest);
  for (const StageReport& stage : stages) page += details(stage);
  return page + "</html>\n";
}

}  // namespace weft::data
