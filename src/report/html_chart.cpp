// A chart as HTML; see html_chart.h.
#include "report/html_chart.h"

#include <algorithm>
#include <cmath>

#include "report/number_text.h"
#include "report/safe_text.h"

namespace weft::report {
namespace {

constexpr size_t kMostPoints = 2000;
constexpr double kCanvas = 1000;  // width and height of the viewBox

// A chart with its axes fixed and its curves thinned out.
struct Frame {
  const Chart* chart = nullptr;
  std::vector<ChartCurve> curves;
  Axis x, y;

  std::string x_at(double value) const { return fixed(x.share(value) * kCanvas, 1); }
  std::string y_at(double value) const {
    return fixed((1 - std::clamp(y.share(value), 0.0, 1.0)) * kCanvas, 1);
  }
};

// All finite values that decide the vertical range, sorted.
std::vector<double> sorted_values(const Chart& chart) {
  std::vector<double> values;
  for (const ChartCurve& curve : chart.curves) {
    for (const double y : curve.series.y) {
      if (std::isfinite(y)) values.push_back(y);
    }
  }
  std::sort(values.begin(), values.end());
  return values;
}

// The vertical range. A few values far above all others would flatten the curve: they are left out
// of the range, and the page says so.
Range vertical_range(const Chart& chart) {
  const std::vector<double> values = sorted_values(chart);
  Range range = finite_range(values);
  if (!values.empty()) {
    const double typical = values[(values.size() - 1) * 98 / 100];
    const double spread = typical - range.low;
    if (spread > 0 && range.high > typical + 4 * spread) range.high = typical + spread / 2;
  }
  for (const ChartLevel& level : chart.levels) {
    if (!std::isfinite(level.y)) continue;
    range.low = std::min(range.low, level.y);
    range.high = std::max(range.high, level.y);
  }
  if (chart.from_zero) {
    range.low = std::min(range.low, 0.0);
    range.high = std::max(range.high, 0.0);
  }
  const double margin = (range.high - range.low) * 0.04;  // a curve on the frame is hard to see
  const bool at_zero = chart.from_zero && range.low == 0;
  return {.low = range.low - (at_zero ? 0 : margin), .high = range.high + margin};
}

Range horizontal_range(const Chart& chart) {
  std::vector<double> ends;
  for (const ChartCurve& curve : chart.curves) {
    if (curve.series.x.empty()) continue;
    ends.push_back(curve.series.x.front());
    ends.push_back(curve.series.x.back());
  }
  Range range = finite_range(ends);
  if (range.low > 0 && range.low < range.high / 10) range.low = 0;  // steps from 1: begin at 0
  return range;
}

Frame framed(const Chart& chart) {
  Frame frame{.chart = &chart,
              .curves = {},
              .x = make_axis(horizontal_range(chart), 6),
              .y = make_axis(vertical_range(chart), chart.tall ? 7 : 5)};
  for (const ChartCurve& curve : chart.curves) {
    frame.curves.push_back(curve);
    frame.curves.back().series = downsampled(curve.series, kMostPoints);
  }
  return frame;
}

// "M1 2L3 4": the curve, broken where a value is not finite. A single point becomes a dot.
std::string line_path(const Frame& frame, const Series& series) {
  std::string path;
  bool connected = false;
  for (size_t i = 0; i < series.y.size(); ++i) {
    const bool finite = std::isfinite(series.y[i]);
    if (finite) {
      path += (connected ? "L" : "M") + frame.x_at(series.x[i]) + " " + frame.y_at(series.y[i]);
      const bool alone =
          !connected && (i + 1 == series.y.size() || !std::isfinite(series.y[i + 1]));
      if (alone) path += "h0";
    }
    connected = finite;
  }
  return path;
}

// Round dots: lines of no length with round ends, which do not stretch with the picture.
std::string dot_path(const Frame& frame, const Series& series) {
  std::string path;
  for (size_t i = 0; i < series.y.size(); ++i) {
    if (!std::isfinite(series.y[i])) continue;
    path += "M" + frame.x_at(series.x[i]) + " " + frame.y_at(series.y[i]) + "h0";
  }
  return path;
}

std::string path_element(const std::string& css, const std::string& path) {
  if (path.empty()) return "";
  return "<path class=\"" + css + "\" d=\"" + path + "\"/>\n";
}

std::string grid(const Frame& frame) {
  std::string path;
  for (const double tick : frame.y.ticks) path += "M0 " + frame.y_at(tick) + "H1000";
  return path_element("grid", path);
}

// Red ticks where the curve leaves the picture: at the bottom for NaN and infinity, at the top for
// values above the range.
std::string alarms(const Frame& frame) {
  std::string path;
  for (const ChartCurve& curve : frame.curves) {
    for (size_t i = 0; i < curve.series.y.size(); ++i) {
      const std::string x = frame.x_at(curve.series.x[i]);
      if (!std::isfinite(curve.series.y[i])) path += "M" + x + " 1000v-45";
      else if (curve.series.y[i] > frame.y.high) path += "M" + x + " 0v30";
    }
  }
  return path_element("alarm", path);
}

std::string curves(const Frame& frame) {
  std::string out;
  for (const ChartCurve& curve : frame.curves) {
    const std::string colour = " c" + std::to_string(curve.colour);
    const bool faint = curve.look == CurveLook::kFaint;
    out += path_element("line" + colour + (faint ? " faint" : ""), line_path(frame, curve.series));
    if (curve.look == CurveLook::kMarks && curve.series.y.size() <= 100) {
      out += path_element("dots" + colour, dot_path(frame, curve.series));
    }
  }
  for (const ChartLevel& level : frame.chart->levels) {
    if (std::isfinite(level.y)) out += path_element("level", "M0 " + frame.y_at(level.y) + "H1000");
  }
  return out;
}

std::string percent_style(const char* side, double share) {
  return std::string(" style=\"") + side + ":" + fixed(share * 100, 2) + "%\"";
}

std::string labels(const Frame& frame) {
  std::string out = "<span class=\"x-name\">step</span>";
  for (size_t i = 0; i < frame.y.ticks.size(); ++i) {
    const double from_top = 1 - frame.y.share(frame.y.ticks[i]);
    out +=
        "<span class=\"y\"" + percent_style("top", from_top) + ">" + frame.y.texts[i] + "</span>";
  }
  for (size_t i = 0; i < frame.x.ticks.size(); ++i) {
    const double share = frame.x.share(frame.x.ticks[i]);
    out += "<span class=\"x\"" + percent_style("left", share) + ">" + frame.x.texts[i] + "</span>";
  }
  for (const ChartLevel& level : frame.chart->levels) {
    if (!std::isfinite(level.y)) continue;
    out += "<span class=\"level-name\"" + percent_style("top", 1 - frame.y.share(level.y)) + ">" +
           html_text(level.name) + " " + significant(level.y, 4) + "</span>";
  }
  return out;
}

// "train: from 8.31 at step 1 to 2.95 at step 500, lowest 2.93": what the picture says, in words.
std::string in_words(const Series& series) {
  const auto point = [&](size_t i) {
    return significant(series.y[i], 4) + " at step " + exact(series.x[i]);
  };
  const Range range = finite_range(series.y);
  return series.name + ": from " + point(0) + " to " + point(series.y.size() - 1) + ", lowest " +
         significant(range.low, 4) + ", highest " + significant(range.high, 4);
}

std::string described(const Chart& chart) {
  std::string words = chart.title + " over steps";
  for (const ChartCurve& curve : chart.curves) {
    if (!curve.series.y.empty() && curve.look != CurveLook::kSmoothed) {
      words += "; " + in_words(curve.series);
    }
  }
  return words;
}

// What is odd about a series, counted over all of its points.
struct Oddities {
  size_t not_finite = 0, first_not_finite = 0;
  size_t above = 0, highest = 0;  // above the drawn range
};

Oddities oddities_of(const Series& series, double highest_drawn) {
  Oddities found;
  for (size_t i = 0; i < series.y.size(); ++i) {
    if (!std::isfinite(series.y[i])) {
      if (found.not_finite++ == 0) found.first_not_finite = i;
    } else if (series.y[i] > highest_drawn) {
      if (found.above++ == 0 || series.y[i] > series.y[found.highest]) found.highest = i;
    }
  }
  return found;
}

std::string caveats(const Frame& frame) {
  std::string out;
  for (const ChartCurve& curve : frame.chart->curves) {
    if (curve.look == CurveLook::kSmoothed) continue;
    const Series& series = curve.series;
    const Oddities found = oddities_of(series, frame.y.high);
    const std::string name = html_text(series.name);
    if (found.not_finite > 0) {
      out += "<p class=\"caveat\">" + name + " is NaN or infinite at " +
             std::to_string(found.not_finite) +
             (found.not_finite == 1 ? " step: " : " steps, first ") +
             exact(series.x[found.first_not_finite]) + ".</p>\n";
    }
    if (found.above > 0) {
      out += "<p class=\"caveat\">" + std::to_string(found.above) +
             (found.above == 1 ? " value of " : " values of ") + name +
             " above the drawn range; the largest is " + significant(series.y[found.highest], 4) +
             " at step " + exact(series.x[found.highest]) + ".</p>\n";
    }
  }
  return out;
}

std::string legend(const Chart& chart) {
  if (chart.curves.size() == 1) return "";  // its name is the title
  std::string out;
  for (const ChartCurve& curve : chart.curves) {
    if (curve.series.y.empty()) continue;
    const bool faint = curve.look == CurveLook::kFaint;
    out += "<li><i class=\"key c" + std::to_string(curve.colour) + (faint ? " faint" : "") +
           "\"></i>" + html_text(curve.series.name) + "</li>";
  }
  return "<ul class=\"legend\">" + out + "</ul>";
}

std::string json_numbers(const std::vector<double>& values) {
  std::string out = "[";
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string text = significant(values[i], 6);
    out += (i > 0 ? "," : "") + (std::isfinite(values[i]) ? text : '"' + text + '"');
  }
  return out + "]";
}

// The numbers for the cursor of page_script. '<' is escaped, so that no name can end the element.
std::string cursor_data(const Frame& frame) {
  std::string out =
      "{\"low\":" + exact(frame.x.low) + ",\"high\":" + exact(frame.x.high) + ",\"curves\":[";
  for (size_t i = 0; i < frame.curves.size(); ++i) {
    const Series& series = frame.curves[i].series;
    out += (i > 0 ? ",{\"name\":" : "{\"name\":") + json_string(series.name) +
           ",\"x\":" + json_numbers(series.x) + ",\"y\":" + json_numbers(series.y) + "}";
  }
  out += "]}";
  for (size_t at = out.find('<'); at != std::string::npos; at = out.find('<', at)) {
    out.replace(at, 1, "\\u003c");
  }
  return "<script type=\"application/json\">" + out + "</script>\n";
}

}  // namespace

std::string html_chart(const Chart& chart) {
  const auto is_empty = [](const ChartCurve& curve) { return curve.series.y.empty(); };
  if (std::all_of(chart.curves.begin(), chart.curves.end(), is_empty)) return "";
  const Frame frame = framed(chart);
  std::string unit = chart.unit.empty() ? "" : " <small>" + html_text(chart.unit) + "</small>";
  return "<figure class=\"chart" + std::string(chart.tall ? " tall" : "") +
         "\">\n<figcaption><h3>" + html_text(chart.title) + unit + "</h3>" + legend(chart) +
         "</figcaption>\n" +
         "<div class=\"plot\">\n<svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" "
         "role=\"img\" aria-label=\"" +
         html_text(described(chart)) + "\">\n" + grid(frame) + curves(frame) + alarms(frame) +
         "</svg>\n" + labels(frame) + "\n" + cursor_data(frame) + "</div>\n" + caveats(frame) +
         "</figure>\n";
}

}  // namespace weft::report
