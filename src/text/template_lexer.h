// A template's text as tokens, by the rules of Jinja as transformers sets it up: trim_blocks (the
// newline after a tag goes), lstrip_blocks (blanks before a tag that begins a line go), one newline
// at the end of the template goes. Not here: what tokens mean (template_parser.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::text {

enum class TokenKind {
  kData,  // text between tags, never empty
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,  // `text` is unescaped
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct TemplateToken {
  TokenKind kind;
  std::string text;
  int line = 1;
  int64_t integer = 0;
  double real = 0;
};

// Ends with one kEnd. Throws TemplateFault (TemplateSyntaxError).
std::vector<TemplateToken> lex_template(std::string_view source);

}  // namespace weft::text
