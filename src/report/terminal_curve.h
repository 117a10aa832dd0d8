// Curves drawn with characters, for the end of a run in a terminal. Not here: colours, interaction.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "report/series.h"

namespace weft::report {

struct CurveStyle {
  int width = 72;       // columns of the whole picture, 24 to 1000
  int height = 16;      // lines of the plot, without the axis below and the legend; 4 to 1000
  bool unicode = true;  // false: ASCII only
};

// The first series is a line (braille dots, or '*'), the others are marks. Lines end with '\n' and
// are at most style.width wide. Values that are NaN or infinite leave a gap and are counted in the
// legend with the first step at which they occur. Throws Error for a style outside these bounds.
std::string terminal_curve(std::span<const Series> series, const CurveStyle& style);

}  // namespace weft::report
