// Progress lines and the bar: what they say, that they fit every width, and what a terminal shows
// after all the overwriting.
#include "report/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "report/safe_text.h"

namespace weft::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

LogRecord full_record() {
  return {.step = 12,
          .loss = 5.12341,
          .grad_norm = 0.934,
          .learning_rate = 1e-3,
          .tokens_per_second = 12345,
          .peak_share = 0.612,
          .memory_bytes = 1288490189,
          .eta_seconds = 83};
}

// What a terminal of unlimited width shows: lines after carriage returns and "\x1b[K".
std::vector<std::string> shown(const std::string& written) {
  std::vector<std::string> lines{""};
  size_t cursor = 0;
  for (size_t i = 0; i < written.size(); ++i) {
    std::string& line = lines.back();
    if (written[i] == '\r') {
      cursor = 0;
    } else if (written[i] == '\n') {
      lines.emplace_back();
      cursor = 0;
    } else if (written.compare(i, 3, "\x1b[K") == 0) {
      line.resize(cursor);
      i += 2;
    } else {
      if (line.size() <= cursor) line.resize(cursor + 1);
      line[cursor++] = written[i];
    }
  }
  return lines;
}

TEST(PlainLine, NamesEveryValue) {
  EXPECT_EQ(plain_line(full_record(), 500),
            "step 12/500 loss 5.1234 grad_norm 0.93 lr 1.00e-03 tokens/s 12,345 peak 61.2% "
            "memory 1.20GiB eta 1:23");
  EXPECT_EQ(plain_line({.step = 3}, 0), "step 3");
  EXPECT_EQ(plain_line({.step = 100, .eval_loss = 4.1234, .eval_perplexity = 61.77}, 500),
            "step 100/500 eval_loss 4.1234 perplexity 61.77");
}

TEST(PlainLine, IsPairsOfWordAndValue) {
  std::istringstream words(plain_line(full_record(), 500));
  std::vector<std::string> names;
  for (std::string name, value; words >> name >> value;) names.push_back(name);
  EXPECT_THAT(names,
              ElementsAre("step", "loss", "grad_norm", "lr", "tokens/s", "peak", "memory", "eta"));
}

TEST(PlainLine, ShowsNan) {
  EXPECT_EQ(plain_line({.step = 1, .loss = kNan, .grad_norm = kNan}, 2),
            "step 1/2 loss NaN grad_norm NaN");
}

TEST(EventLines, OneLineEachWithoutControlCharacters) {
  const LogRecord record{.step = 7, .notes = {"resumed"}, .warnings = {"a\nb\x1b[2J", "c"}};
  EXPECT_EQ(event_lines(record),
            "note at step 7: resumed\nwarning at step 7: a\\x0ab\\x1b[2J\nwarning at step 7: c\n");
}

TEST(BarLine, FitsEveryWidthAndAlwaysShowsTheStep) {
  std::vector<LogRecord> records{full_record(), {.step = 1, .loss = kNan}, {.step = 4}};
  records.push_back(full_record());
  records.back().step = 123456;
  records.back().eta_seconds = 1e6;
  for (const LogRecord& record : records) {
    for (int width = 20; width <= 200; ++width) {
      for (const bool unicode : {true, false}) {
        const std::string line = bar_line(record, 1000000, {.width = width, .unicode = unicode});
        EXPECT_LT(columns(line), width) << line;
        EXPECT_THAT(line, HasSubstr(std::to_string(record.step))) << width;
        EXPECT_TRUE(unicode || static_cast<size_t>(columns(line)) == line.size());
      }
    }
  }
}

TEST(BarLine, ShowsMoreOnWiderTerminals) {
  const auto at = [](int width) {
    return bar_line(full_record(), 500, {.width = width, .unicode = false});
  };
  EXPECT_EQ(at(10), "12/500");
  EXPECT_EQ(at(20), "12/500  loss 5.1234");
  EXPECT_EQ(at(38), "step  12/500  loss 5.1234  ETA 1:23");
  EXPECT_EQ(at(80),
            "[-----------]   2%  step  12/500  loss 5.1234  norm 0.93  12.3k tok/s  ETA 1:23");
  EXPECT_EQ(at(150),
            "[----------------------------]   2%  step  12/500  loss 5.1234  norm 0.93  "
            "lr 1.00e-03  12.3k tok/s  61.2% of peak  1.20 GiB  ETA 1:23");
}

TEST(BarLine, BarFillsWithTheSteps) {
  const auto at = [](int64_t step, bool unicode) {
    const LogRecord record{.step = step, .loss = 1, .eta_seconds = 1};
    const std::string line = bar_line(record, 160, {.width = 55, .unicode = unicode});
    return line.substr(0, line.find("step"));
  };
  EXPECT_EQ(at(0, false), "[----------]   0%  ");
  EXPECT_EQ(at(80, false), "[#####-----]  50%  ");
  EXPECT_EQ(at(159, false), "[#########-]  99%  ");
  EXPECT_EQ(at(160, false), "[##########] 100%  ");
  EXPECT_EQ(at(170, false), "[##########] 100%  ");  // beyond the last step
  EXPECT_EQ(at(82, true), "▕█████▏    ▏  51%  ");
}

TEST(BarLine, UnknownLengthHasNoBar) {
  EXPECT_EQ(bar_line({.step = 9, .loss = 2}, 0, {.width = 100}), "step 9  loss 2.0000");
}

TEST(BarLine, ShowsNan) {
  EXPECT_THAT(bar_line({.step = 9, .loss = kNan}, 10, {.width = 30}), HasSubstr("loss NaN"));
}

class ProgressBarTest : public ::testing::Test {
 protected:
  std::ostringstream out_;
  ProgressBar bar_{out_, 10, [] { return BarStyle{.width = 60, .unicode = false}; }};
};

TEST_F(ProgressBarTest, OverwritesItsLineAndEndsIt) {
  bar_.show({.step = 1, .loss = 10.5});
  bar_.show({.step = 2, .loss = 9});
  bar_.finish();
  bar_.finish();
  EXPECT_THAT(shown(out_.str()),
              ElementsAre(bar_line({.step = 2, .loss = 9}, 10, {60, false}), ""));
}

TEST_F(ProgressBarTest, NeverErasesBeforeItWrites) {
  bar_.show({.step = 1, .loss = 10.5});
  bar_.show({.step = 2, .loss = 9});
  EXPECT_THAT(out_.str(), Not(HasSubstr("\r\x1b[K")));
  EXPECT_THAT(out_.str(), Not(HasSubstr("\x1b[2K")));
}

TEST_F(ProgressBarTest, MessagesEventsAndEvaluationsStandAboveTheBar) {
  bar_.show({.step = 1, .loss = 3});
  bar_.message("saved\nchecked");
  bar_.show({.step = 2, .loss = 2, .warnings = {"slow disk"}});
  bar_.show({.step = 2, .eval_loss = 2.5});
  bar_.finish();
  EXPECT_THAT(
      shown(out_.str()),
      ElementsAre("saved", "checked", "warning at step 2: slow disk", "step 2/10 eval_loss 2.5000",
                  bar_line({.step = 2, .loss = 2}, 10, {60, false}), ""));
}

TEST_F(ProgressBarTest, MessagesBeforeAndAfterTheBarAreWholeLines) {
  bar_.message("start");
  bar_.show({.step = 1, .loss = 3});
  bar_.finish();
  bar_.message("end");
  EXPECT_THAT(shown(out_.str()),
              ElementsAre("start", bar_line({.step = 1, .loss = 3}, 10, {60, false}), "end", ""));
}

TEST_F(ProgressBarTest, RedrawsAtMostTenTimesASecondButAlwaysTheLastStep) {
  for (int64_t step = 1; step <= 9; ++step) {
    bar_.show({.step = step, .loss = 1, .wall_time = 1000 + 0.01 * static_cast<double>(step)});
  }
  const std::string before_end = out_.str();
  EXPECT_EQ(std::count(before_end.begin(), before_end.end(), '\r'), 1);
  bar_.finish();
  EXPECT_THAT(shown(out_.str())[0], HasSubstr("step  9/10"));
}

TEST_F(ProgressBarTest, AClockThatWasSetBackStopsNoDrawing) {
  bar_.show({.step = 1, .loss = 1, .wall_time = 5000});
  bar_.show({.step = 2, .loss = 1, .wall_time = 1000});
  EXPECT_THAT(shown(out_.str())[0], HasSubstr("step  2/10"));
}

TEST_F(ProgressBarTest, LastStepIsDrawnAtOnce) {
  bar_.show({.step = 9, .loss = 1, .wall_time = 1000});
  bar_.show({.step = 10, .loss = 1, .wall_time = 1000.01});
  EXPECT_THAT(shown(out_.str())[0], HasSubstr("step 10/10"));
}

TEST(ProgressBar, DestructorEndsTheLineAndAnUnusedBarWritesNothing) {
  const auto style = [] { return BarStyle{}; };
  std::ostringstream used, unused;
  ProgressBar(used, 5, style).show({.step = 1, .loss = 1});
  { ProgressBar bar(unused, 5, style); }
  EXPECT_EQ(used.str().back(), '\n');
  EXPECT_EQ(unused.str(), "");
}

}  // namespace
}  // namespace weft::report
