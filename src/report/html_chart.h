// One curve chart of report.html: an inline SVG that stretches, with its labels as HTML text beside
// it, so that they stay readable at every width. Needs no script; page_script adds a cursor.
#pragma once

#include <string>
#include <vector>

#include "report/series.h"

namespace weft::report {

enum class CurveLook : uint8_t {
  kLine,
  kMarks,     // a line with a mark at each point
  kFaint,     // measured values behind their smoothed curve
  kSmoothed,  // derived from the curve before it: drawn, but not told in words
};

struct ChartCurve {
  Series series;
  CurveLook look = CurveLook::kLine;
  int colour = 1;  // 1 or 2: a class of page_style
};

struct ChartLevel {  // a dashed horizontal line
  std::string name;
  double y = 0;
};

struct Chart {
  std::string title;
  std::string unit;  // shown beside the title; may be empty
  std::vector<ChartCurve> curves;
  std::vector<ChartLevel> levels;
  bool tall = false;
  bool from_zero = false;  // the vertical axis includes 0
};

// A <figure>; empty text if no curve has a point. Curves are drawn with at most 2,000 points each.
// Values that are NaN or infinite are red ticks at the bottom, values far above the others are red
// ticks at the top, and both are counted in words below.
std::string html_chart(const Chart& chart);

}  // namespace weft::report
