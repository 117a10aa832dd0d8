// Curves in a terminal: pictures of simple series, every size, and what cannot be drawn.
#include "report/terminal_curve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "report/safe_text.h"
#include "weft/error.h"

namespace weft::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Series ramp(size_t points) {
  Series series{.name = "train", .x = {}, .y = {}};
  for (size_t i = 0; i < points; ++i) {
    series.x.push_back(static_cast<double>(i));
    series.y.push_back(static_cast<double>(points - 1 - i));
  }
  return series;
}

std::string draw(const std::vector<Series>& series, const CurveStyle& style) {
  return terminal_curve(series, style);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(TerminalCurve, DrawsAFallingLineAndMarksInAscii) {
  const Series eval{.name = "eval", .x = {0, 4}, .y = {1, 3}};
  EXPECT_EQ(draw({ramp(5), eval}, {.width = 24, .height = 5, .unicode = false}),
            "4 +***\n"
            "  |   *****            o\n"
            "2 +        *****\n"
            "  |o            *****\n"
            "0 +                  ***\n"
            "  ++---------+---------+\n"
            "   0         2         4\n"
            "  * train\n"
            "  o eval\n");
}

TEST(TerminalCurve, DrawsAFallingLineInBraille) {
  EXPECT_EQ(draw({ramp(5)}, {.width = 24, .height = 4}),
            "4 ┤⠉⠒⠤⢄⡀\n"
            "  │    ⠈⠉⠒⠢⢄⣀\n"
            "2 ┤          ⠉⠑⠒⠤⠤⣀⡀\n"
            "0 ┤                ⠈⠑⠒⠤⣀\n"
            "  └┬─────────┬─────────┬\n"
            "   0         2         4\n"
            "  ⠒ train\n");
}

TEST(TerminalCurve, EveryLineFitsEverySize) {
  Series long_series = ramp(3000);
  long_series.name = std::string(300, 'n');
  for (int width = 24; width <= 200; width += 7) {
    for (int height = 4; height <= 40; height += 9) {
      for (const bool unicode : {true, false}) {
        const std::string text = draw({long_series, ramp(7)}, {width, height, unicode});
        const auto lines = lines_of(text);
        EXPECT_EQ(lines.size(), static_cast<size_t>(height) + 4);
        for (const std::string& line : lines) EXPECT_LE(columns(line), width) << line;
      }
    }
  }
}

TEST(TerminalCurve, OnePointAndConstantSeriesAreDrawn) {
  const Series one{.name = "one", .x = {10}, .y = {2.5}};
  EXPECT_THAT(draw({one}, {.width = 40, .height = 6, .unicode = false}), HasSubstr("*"));
  const Series flat{.name = "flat", .x = {0, 1, 2}, .y = {3, 3, 3}};
  const auto lines = lines_of(draw({flat}, {.width = 40, .height = 7, .unicode = false}));
  EXPECT_THAT(lines[3], HasSubstr("3.0 +*******"));
}

TEST(TerminalCurve, NanLeavesAGapAndIsCounted) {
  Series series = ramp(30);
  for (size_t i = 10; i < 20; ++i) series.y[i] = kNan;
  const std::string text = draw({series}, {.width = 60, .height = 8, .unicode = false});
  EXPECT_THAT(text, HasSubstr("train (NaN or infinite at 10 steps"));
  EXPECT_THAT(text, HasSubstr("first 10)"));
  // The plot has 56 columns for steps 0 to 29: those of steps 10 to 19 are 19 to 37.
  const auto lines = lines_of(text);
  for (size_t row = 0; row < 8; ++row) {
    const std::string gap = lines[row].substr(std::min<size_t>(lines[row].size(), 24), 16);
    EXPECT_THAT(gap, Not(HasSubstr("*"))) << text;
  }
}

TEST(TerminalCurve, OneNanSaysWhere) {
  Series series = ramp(5);
  series.y[3] = std::numeric_limits<double>::infinity();
  EXPECT_THAT(draw({series}, {.width = 60}), HasSubstr("at 1 step, first 3)"));
}

TEST(TerminalCurve, NothingToDrawSaysSo) {
  EXPECT_EQ(draw({}, {}), "nothing to draw: no value is finite\n");
  const Series odd{.name = "train", .x = {1, 2}, .y = {kNan, kNan}};
  const std::string text = draw({odd}, {});
  EXPECT_THAT(text, HasSubstr("nothing to draw"));
  EXPECT_THAT(text, HasSubstr("NaN or infinite at 2 steps, first 1"));
}

TEST(TerminalCurve, AsciiIsAsciiAndNamesCannotMoveTheCursor) {
  Series series = ramp(9);
  series.name = "a\x1b[2Jb\n";
  const std::string text = draw({series}, {.width = 50, .height = 6, .unicode = false});
  for (const char c : text) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7F));
  EXPECT_THAT(draw({series}, {}), Not(HasSubstr("\x1b")));
}

TEST(TerminalCurve, SizesOutOfBoundsAreErrors) {
  EXPECT_THROW(draw({ramp(3)}, {.width = 23}), Error);
  EXPECT_THROW(draw({ramp(3)}, {.height = 3}), Error);
  EXPECT_THROW(draw({ramp(3)}, {.width = 1001}), Error);
}

}  // namespace
}  // namespace weft::report
