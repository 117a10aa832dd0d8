// report.html: one file that needs nothing else, well-formed whatever a run writes, and nothing of
// it hidden.
#include "report/html_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "html_reader.h"
#include "report/html_style.h"
#include "sample_run.h"
#include "tests/core/temporary_folder.h"

namespace weft::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<HtmlTag> tags_named(const std::string& page, const std::string& name) {
  std::vector<HtmlTag> found;
  for (const HtmlTag& tag : HtmlReader::read(page)) {
    if (tag.name == name) found.push_back(tag);
  }
  return found;
}

// Tags whose class attribute has the word `css`.
std::vector<HtmlTag> tags_of_class(const std::string& page, const std::string& css) {
  std::vector<HtmlTag> found;
  for (const HtmlTag& tag : HtmlReader::read(page)) {
    const auto attribute = tag.attributes.find("class");
    if (attribute == tag.attributes.end()) continue;
    if ((" " + attribute->second + " ").find(" " + css + " ") != std::string::npos) {
      found.push_back(tag);
    }
  }
  return found;
}

TEST(HtmlReport, NeedsNothingOutsideItself) {
  const std::string page = html_report(sample_run());
  for (const char* outside : {"http:", "https:", "src=", "href=", "url(", "@import", "<link"}) {
    EXPECT_THAT(page, Not(HasSubstr(outside)));
  }
}

TEST(HtmlReport, AllowsItsOwnScriptAndNoOther) {
  const std::string script(page_script());
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(script.data()), script.size(), digest);
  std::string base64(4 * ((sizeof(digest) + 2) / 3) + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()), digest, sizeof(digest));
  base64.pop_back();
  EXPECT_EQ(page_script_hash(), "sha256-" + base64);

  const std::string page = html_report(sample_run());
  EXPECT_EQ(tags_named(page, "meta").at(1).attributes.at("content"),
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-" + base64 + "'");
  EXPECT_EQ(tags_named(page, "script").back().text, script);
}

TEST(HtmlReport, HostileTextStaysText) {
  const std::set<std::string> tags{
      "html",   "head",       "meta",  "title",   "style",   "body",  "header", "main",
      "footer", "section",    "div",   "h1",      "h2",      "h3",    "small",  "p",
      "span",   "b",          "i",     "ul",      "li",      "svg",   "g",      "path",
      "figure", "figcaption", "table", "caption", "thead",   "tbody", "tfoot",  "tr",
      "th",     "td",         "pre",   "details", "summary", "script"};
  const std::set<std::string> attributes{
      "lang",         "charset",        "http-equiv", "content",
      "name",         "class",          "style",      "viewBox",
      "aria-hidden",  "aria-label",     "fill",       "stroke",
      "stroke-width", "stroke-linecap", "d",          "preserveAspectRatio",
      "role",         "scope",          "tabindex",   "type"};
  for (const HtmlTag& tag : HtmlReader::read(html_report(odd_run()))) {
    EXPECT_TRUE(tags.contains(tag.name)) << tag.name;
    for (const auto& [name, value] : tag.attributes) {
      EXPECT_TRUE(attributes.contains(name)) << tag.name << " " << name << "=" << value;
    }
  }
}

TEST(HtmlReport, HostileTextAddsNoScript) {
  const auto scripts = tags_named(html_report(odd_run()), "script");
  ASSERT_EQ(scripts.size(), 6u);  // the numbers of five charts, and the page's own
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(scripts[i].attributes.at("type"), "application/json");
    EXPECT_TRUE(nlohmann::json::parse(scripts[i].text).contains("curves"));
  }
  EXPECT_EQ(scripts[5].text, page_script());
}

TEST(HtmlReport, ShowsEveryPartOfTheRun) {
  const std::string page = html_report(sample_run());
  for (const char* part : {"<title>demo - Weft</title>",
                           "byte-level BPE of 4,096 tokens",
                           "finished",
                           "2.9748",
                           "perplexity 20.84",
                           "2.05M",
                           "58.0% of peak",
                           "planned 475 MiB",
                           "unigram counts 6.42",
                           "Learning rate",
                           "Gradient norm",
                           "Throughput",
                           "optimizer state",
                           "46.0 MiB",
                           "5,914,880",
                           "lr_scheduler: cosine",
                           "you can redistribute it",
                           "2 duplicates left out",
                           "Intel Xeon, 2 cores",
                           "checkpoint saved: runs/demo/checkpoint-250",
                           "2025-11-22 07:49 UTC"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
  EXPECT_THAT(page, Not(HasSubstr("Warnings")));
}

TEST(HtmlReport, ShowsASavedProfileAsText) {
  ReportData run = sample_run();
  const std::string title = "Where the time of a step goes";
  EXPECT_THAT(html_report(run), Not(HasSubstr(title)));
  run.profile = "attention <1> ms\n";
  EXPECT_THAT(html_report(run), HasSubstr(title));
  EXPECT_THAT(html_report(run), HasSubstr("attention &lt;1&gt; ms"));
}

TEST(HtmlReport, ShowsNanEverywhere) {
  const std::string page = html_report(odd_run());
  EXPECT_THAT(page, HasSubstr("<li class=\"tile bad\"><span>Training loss</span><b>NaN</b>"));
  EXPECT_THAT(page, HasSubstr("The training loss is NaN or infinite at 39 steps, first at step"));
  EXPECT_THAT(page, HasSubstr("Gradient norm is NaN or infinite at 39 steps"));
  EXPECT_THAT(page, HasSubstr("<td>NaN</td>"));
  EXPECT_THAT(page, HasSubstr("state diverged"));
  EXPECT_FALSE(tags_of_class(page, "alarm").empty());
  for (const HtmlTag& path : tags_named(page, "path")) {
    EXPECT_THAT(path.attributes.at("d"), Not(HasSubstr("NaN")));
  }
}

TEST(HtmlReport, ValuesFarAboveAreToldInWords) {
  EXPECT_THAT(html_report(odd_run()),
              HasSubstr("1 value of Gradient norm above the drawn range; the largest is 1234 at"));
}

TEST(HtmlReport, EmptyRunIsAWholePage) {
  const std::string page = html_report({});
  EXPECT_FALSE(HtmlReader::read(page).empty());
  EXPECT_TRUE(tags_named(page, "figure").empty());
  EXPECT_TRUE(tags_of_class(page, "tiles").empty());
}

TEST(HtmlReport, AnyHandfulOfRecordsIsAWholePage) {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  for (const double loss : {2.5, 0.0, -1.0, nan, inf, -inf, 1e308}) {
    for (int64_t count = 1; count <= 3; ++count) {
      ReportData data{.title = "small"};
      for (int64_t i = 0; i < count; ++i) {
        data.log.push_back({.step = i, .loss = loss, .memory_bytes = 0, .eval_loss = loss});
      }
      data.references = {{.name = "zero", .loss = 0}, {.name = "odd", .loss = loss}};
      data.plan = PlanSummary{.categories = {{"nothing", 0}}};
      const std::string page = html_report(data);
      for (const HtmlTag& path : tags_named(page, "path")) {
        EXPECT_EQ(path.attributes.at("d").find_first_not_of("MLHVhv0123456789. -"),
                  std::string::npos);
      }
    }
  }
}

TEST(HtmlReport, LongRunsAreThinnedOutButKeepTheirSpikes) {
  ReportData data = sample_run(100000);
  data.log[54321].loss = 9.99;
  const std::string page = html_report(data);
  EXPECT_LE(page.size(), 1000000u);
  for (const HtmlTag& path : tags_named(page, "path")) {
    const std::string& d = path.attributes.at("d");
    EXPECT_LE(std::count(d.begin(), d.end(), 'L') + std::count(d.begin(), d.end(), 'M'), 2000);
  }
  const auto numbers = nlohmann::json::parse(tags_named(page, "script")[0].text);
  const std::vector<double> loss = numbers.at("curves").at(0).at("y");
  EXPECT_EQ(*std::max_element(loss.begin(), loss.end()), 9.99);
}

TEST(HtmlReport, PicturesHaveWordsAndTablesHaveHeaders) {
  const std::string page = html_report(sample_run());
  EXPECT_EQ(tags_named(page, "html").at(0).attributes.at("lang"), "en");
  int pictures = 0;
  for (const HtmlTag& svg : tags_named(page, "svg")) {
    if (svg.attributes.contains("aria-hidden")) continue;
    ++pictures;
    EXPECT_EQ(svg.attributes.at("role"), "img");
    EXPECT_THAT(svg.attributes.at("aria-label"), HasSubstr("at step 500"));
  }
  EXPECT_EQ(pictures, 5);
  for (const HtmlTag& header : tags_named(page, "th")) {
    EXPECT_TRUE(header.attributes.contains("scope"));
  }
  EXPECT_GE(tags_named(page, "tr").size(), 30u);  // the numbers behind the curves
}

TEST(HtmlReport, OnlyTheLatestSamplesAreOpen) {
  const std::string page = html_report(sample_run());
  EXPECT_EQ(tags_of_class(page, "sample").size(), 5u);
  EXPECT_THAT(page, HasSubstr("<summary>2 earlier</summary>"));
  EXPECT_LT(page.find("either version 5"), page.find("either version 4"));
}

TEST(HtmlReport, ManyWarningsAreCounted) {
  ReportData data;
  data.warnings.assign(60, "again");
  EXPECT_THAT(html_report(data), HasSubstr("and 10 more, in log.jsonl"));
}

TEST(HtmlReport, ReplacesAnOlderPage) {
  const TemporaryFolder folder;
  const Path file = folder.write("report.html", "old");
  write_html_report(real_file_system(), file, sample_run());
  EXPECT_EQ(read_text_file(file, 1 << 24), html_report(sample_run()));
}

// ---- Contrast, as WCAG 2.1 defines it ----

double luminance(const std::string& colour) {
  double sum = 0;
  const double weights[] = {0.2126, 0.7152, 0.0722};
  for (size_t i = 0; i < 3; ++i) {
    const double share = std::stoi(colour.substr(1 + 2 * i, 2), nullptr, 16) / 255.0;
    sum += weights[i] * (share <= 0.04045 ? share / 12.92 : std::pow((share + 0.055) / 1.055, 2.4));
  }
  return sum;
}

double contrast(const std::string& a, const std::string& b) {
  const double one = luminance(a), other = luminance(b);
  return (std::max(one, other) + 0.05) / (std::min(one, other) + 0.05);
}

// The value of a colour variable: its first definition is the light one, its second the dark one.
std::string colour(const std::string& name, int definition) {
  const std::string style(page_style()), key = "--" + name + ": ";
  size_t at = style.find(key);
  if (definition == 1) at = style.find(key, at + 1);
  return style.substr(at + key.size(), 7);
}

TEST(HtmlStyle, TextAndCurvesHaveEnoughContrastInLightAndDark) {
  for (const int definition : {0, 1}) {
    for (const char* back : {"page", "card", "code"}) {
      for (const char* text : {"ink", "soft", "c1", "c2", "bad", "good"}) {
        EXPECT_GE(contrast(colour(text, definition), colour(back, definition)), 4.5)
            << text << " on " << back << " " << definition;
      }
    }
    EXPECT_GE(contrast(colour("bad", definition), colour("bad-card", definition)), 4.5);
    EXPECT_GE(contrast(colour("ink", definition), colour("bad-card", definition)), 4.5);
    for (const char* mark : {"level", "m1", "m2", "m3", "m4", "m5", "m6"}) {
      EXPECT_GE(contrast(colour(mark, definition), colour("card", definition)), 3) << mark;
    }
  }
}

// Two pages to look at, where WEFT_REPORT_FILE says.
TEST(HtmlReportForViewing, WritesThePages) {
  const char* file = std::getenv("WEFT_REPORT_FILE");
  // A page for eyes: tests of the report check what it says.
  if (file == nullptr) GTEST_SKIP() << "only to look at the page in a browser";
  write_html_report(real_file_system(), file, sample_run());
  write_html_report(real_file_system(), std::string(file) + ".odd.html", odd_run());
}

}  // namespace
}  // namespace weft::report
