// Curves in a terminal; see terminal_curve.h.
#include "report/terminal_curve.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "report/number_text.h"
#include "report/safe_text.h"
#include "weft/error.h"

namespace weft::report {
namespace {

struct Dot {
  int x = 0;
  int y = 0;  // from the top
};

// Dots, of which a character holds 2 x 4 in Unicode (braille) and one in ASCII; marks cover
// whole characters.
class Canvas {
 public:
  Canvas(int width, int height, bool unicode)
      : width_(width),
        height_(height),
        unicode_(unicode),
        dots_(cell(0, height), 0),
        marks_(cell(0, height)) {}

  int dots_wide() const { return unicode_ ? width_ * 2 : width_; }
  int dots_high() const { return unicode_ ? height_ * 4 : height_; }

  void dot(Dot at) {
    // Bits of the eight dots of a braille character, by row and column.
    constexpr std::array<std::array<uint8_t, 2>, 4> kBit{
        {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}};
    if (!unicode_) {
      dots_[cell(at.x, at.y)] = 1;
      return;
    }
    uint8_t& bits = dots_[cell(at.x / 2, at.y / 4)];
    bits = static_cast<uint8_t>(bits |
                                kBit[static_cast<size_t>(at.y % 4)][static_cast<size_t>(at.x % 2)]);
  }

  void line(Dot from, Dot to) {
    const int steps = std::max({std::abs(to.x - from.x), std::abs(to.y - from.y), 1});
    for (int i = 0; i <= steps; ++i) {
      const double share = static_cast<double>(i) / steps;
      dot({static_cast<int>(std::lround(from.x + share * (to.x - from.x))),
           static_cast<int>(std::lround(from.y + share * (to.y - from.y)))});
    }
  }

  void mark(Dot at, std::string_view mark) {
    marks_[unicode_ ? cell(at.x / 2, at.y / 4) : cell(at.x, at.y)] = mark;
  }

  std::string row(int y) const {
    std::string text;
    for (int x = 0; x < width_; ++x) {
      const size_t i = cell(x, y);
      if (!marks_[i].empty()) text += marks_[i];
      else if (dots_[i] == 0) text += ' ';
      else if (unicode_) text += braille(dots_[i]);
      else text += '*';
    }
    return text.substr(0, text.find_last_not_of(' ') + 1);
  }

 private:
  size_t cell(int x, int y) const {
    return static_cast<size_t>(y) * static_cast<size_t>(width_) + static_cast<size_t>(x);
  }
  static std::string braille(uint8_t bits) {  // U+2800 + bits
    return {'\xE2', static_cast<char>(0xA0 + (bits >> 6)), static_cast<char>(0x80 + (bits & 63))};
  }

  int width_, height_;
  bool unicode_;
  std::vector<uint8_t> dots_;
  std::vector<std::string_view> marks_;
};

struct Plot {
  Canvas canvas;
  Axis x, y;

  Dot dot_at(double step, double value) const {
    const auto position = [](double share, int dots) {
      return std::clamp(static_cast<int>(std::lround(share * (dots - 1))), 0, dots - 1);
    };
    return {position(x.share(step), canvas.dots_wide()),
            position(1 - y.share(value), canvas.dots_high())};
  }

  void draw_line(const Series& series) {
    bool connected = false;
    Dot last;
    for (size_t i = 0; i < series.y.size(); ++i) {
      const bool finite = std::isfinite(series.y[i]);
      if (finite) {
        const Dot here = dot_at(series.x[i], series.y[i]);
        canvas.line(connected ? last : here, here);
        last = here;
      }
      connected = finite;
    }
  }

  void draw_marks(const Series& series, std::string_view mark) {
    for (size_t i = 0; i < series.y.size(); ++i) {
      if (std::isfinite(series.y[i])) canvas.mark(dot_at(series.x[i], series.y[i]), mark);
    }
  }
};

std::string_view mark_of(size_t series, bool unicode) {
  constexpr std::array<std::string_view, 4> kUnicode{"⠒", "●", "▲", "■"};
  constexpr std::array<std::string_view, 4> kAscii{"*", "o", "x", "+"};
  return (unicode ? kUnicode : kAscii)[std::min<size_t>(series, 3)];
}

// "●  eval loss": what stands for a series, and what of it cannot be drawn.
std::string legend_line(const Series& series, size_t index, bool unicode) {
  std::string line(mark_of(index, unicode));
  line += " " + printable(series.name);
  const size_t odd = count_not_finite(series.y);
  if (odd == 0) return line;
  const auto is_odd = [](double value) { return !std::isfinite(value); };
  const auto first = std::find_if(series.y.begin(), series.y.end(), is_odd) - series.y.begin();
  return line + " (NaN or infinite at " + std::to_string(odd) +
         (odd == 1 ? " step, " : " steps, ") + "first " +
         exact(series.x[static_cast<size_t>(first)]) + ")";
}

int widest(const std::vector<std::string>& texts) {
  size_t width = 0;
  for (const std::string& text : texts) width = std::max(width, text.size());
  return static_cast<int>(width);
}

// The plot's lines with the vertical axis on their left.
std::string rows_with_axis(const Plot& plot, int height, int label_width, bool unicode) {
  std::vector<std::string> labels(static_cast<size_t>(height));
  for (size_t i = 0; i < plot.y.ticks.size(); ++i) {
    const double from_top = (1 - plot.y.share(plot.y.ticks[i])) * (height - 1);
    const int row = std::clamp(static_cast<int>(std::lround(from_top)), 0, height - 1);
    labels[static_cast<size_t>(row)] = plot.y.texts[i];
  }
  std::string text;
  for (int row = 0; row < height; ++row) {
    const std::string& label = labels[static_cast<size_t>(row)];
    text.append(static_cast<size_t>(label_width) - label.size(), ' ').append(label);
    if (unicode) text += label.empty() ? " │" : " ┤";
    else text += label.empty() ? " |" : " +";
    text += plot.canvas.row(row) + "\n";
  }
  return text;
}

// The horizontal axis and its numbers, which are centred below their ticks where there is room.
std::string bottom_axis(const Axis& axis, int plot_width, int label_width, bool unicode) {
  std::vector<bool> is_tick(static_cast<size_t>(plot_width));
  std::string numbers;
  for (size_t i = 0; i < axis.ticks.size(); ++i) {
    const int x =
        std::clamp(static_cast<int>(std::lround(axis.share(axis.ticks[i]) * (plot_width - 1))), 0,
                   plot_width - 1);
    is_tick[static_cast<size_t>(x)] = true;
    const int size = static_cast<int>(axis.texts[i].size());
    const int begin = std::clamp(x - size / 2, 0, std::max(plot_width - size, 0));
    const int used = static_cast<int>(numbers.size());
    if (begin < used + (used > 0 ? 2 : 0) || begin + size > plot_width) continue;
    numbers.append(static_cast<size_t>(begin - used), ' ').append(axis.texts[i]);
  }
  std::string line(static_cast<size_t>(label_width) + 1, ' ');
  line += unicode ? "└" : "+";
  for (const bool tick : is_tick) {
    if (unicode) line += tick ? "┬" : "─";
    else line += tick ? '+' : '-';
  }
  return line + "\n" + std::string(static_cast<size_t>(label_width) + 2, ' ') + numbers + "\n";
}

struct Ranges {
  std::vector<double> x, y;  // of all points that can be drawn
};

Ranges drawable(std::span<const Series> series) {
  Ranges ranges;
  for (const Series& one : series) {
    WEFT_ASSERT(one.x.size() == one.y.size());
    for (size_t i = 0; i < one.y.size(); ++i) {
      if (!std::isfinite(one.y[i])) continue;
      ranges.x.push_back(one.x[i]);
      ranges.y.push_back(one.y[i]);
    }
  }
  return ranges;
}

}  // namespace

std::string terminal_curve(std::span<const Series> series, const CurveStyle& style) {
  if (style.width < 24 || style.height < 4 || style.width > 1000 || style.height > 1000) {
    throw Error("a curve of " + std::to_string(style.width) + " x " + std::to_string(style.height) +
                " characters cannot be drawn; allowed is 24 x 4 to 1000 x 1000");
  }
  const Ranges ranges = drawable(series);
  std::string text;
  if (!ranges.y.empty()) {
    const Axis y = make_axis(finite_range(ranges.y), std::max(2, style.height / 3));
    const int label_width = widest(y.texts);
    const int plot_width = style.width - label_width - 2;
    Plot plot{.canvas = Canvas(plot_width, style.height, style.unicode),
              .x = make_axis(finite_range(ranges.x), std::max(2, plot_width / 12)),
              .y = y};
    for (size_t i = 0; i < series.size(); ++i) {
      if (i == 0) plot.draw_line(series[0]);
      else plot.draw_marks(series[i], mark_of(i, style.unicode));
    }
    text = rows_with_axis(plot, style.height, label_width, style.unicode) +
           bottom_axis(plot.x, plot_width, label_width, style.unicode);
  } else {
    text = "nothing to draw: no value is finite\n";
  }
  for (size_t i = 0; i < series.size(); ++i) {
    text += cut("  " + legend_line(series[i], i, style.unicode), style.width) + "\n";
  }
  return text;
}

}  // namespace weft::report
