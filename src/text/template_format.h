// Formats with places to fill: Python's '%s' % value and '{}'.format(value), as far as widths,
// precisions and the types s, d, f, e, g, x go. Not here: printing without a format
// (template_print.h).
#pragma once

#include <string_view>

#include "text/template_value.h"

namespace weft::text {

// `values` is a tuple, a dict for %(name)s, or the one value.
TemplateValue format_percent(TemplateBudget& budget, std::string_view format,
                             const TemplateValue& values);
TemplateValue format_braces(TemplateInterpreter& run, std::string_view format,
                            const TemplateArguments& arguments);

}  // namespace weft::text
