// The style sheet and the script of report.html: fixed text, nothing of a run.
#pragma once

#include <string_view>

namespace weft::report {

// Light and dark, from a telephone's width up, and for paper.
std::string_view page_style();

// Shows the values below the pointer on the charts. The page reads well without.
std::string_view page_script();

// "sha256-...": of page_script. The page allows no other script to run, so that even text that were
// not escaped could do nothing.
std::string_view page_script_hash();

// The mark beside the title, as inline SVG.
std::string_view page_mark();

}  // namespace weft::report
