// Jinja's syntax, as far as chat templates use it: for, if, set, macro, call, filter, with, raw,
// break, continue, generation. What could read other files (include, import, extends) is refused.
// Not here: tokens (template_lexer.h), what expressions are (template_expression_parser.h).
#pragma once

#include <string_view>

#include "text/template_tree.h"

namespace weft::text {

// Throws TemplateFault: TemplateSyntaxError, TemplateAssertionError for an unknown filter or test
// outside of conditions.
Statements parse_template(std::string_view source);

}  // namespace weft::text
