#include "text/template_parser.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "text/template_expression_parser.h"
#include "text/template_lexer.h"

namespace weft::text {
namespace {

using Words = std::initializer_list<std::string_view>;

class Parser {
 public:
  explicit Parser(std::vector<TemplateToken> tokens) : in_(std::move(tokens)) {}

  Statements run() {
    Statements all = statements({});
    if (!in_.is(TokenKind::kEnd)) in_.fail("unexpected '" + in_.describe(in_.current()) + "'");
    return all;
  }

 private:
  template <class Node>
  std::unique_ptr<Node> make(int line) {
    auto node = std::make_unique<Node>();
    node->line = line;
    return node;
  }

  // Up to a block that begins with one of `ends`, whose word is left to be read.
  Statements statements(Words ends);
  // Reads `{% end %}`'s rest after statements().
  Statements body(Words ends);
  void end_block();
  std::unique_ptr<const TemplateStatement> statement();
  std::unique_ptr<const TemplateStatement> print();
  std::unique_ptr<const TemplateStatement> if_block(int line);
  std::unique_ptr<const TemplateStatement> for_block(int line);
  std::unique_ptr<const TemplateStatement> set_block(int line);
  std::unique_ptr<const TemplateStatement> macro_block(int line);
  std::unique_ptr<const TemplateStatement> call_block(int line);
  std::unique_ptr<const TemplateStatement> filter_block(int line);
  std::unique_ptr<const TemplateStatement> with_block(int line);
  std::unique_ptr<const TemplateStatement> generation_block(int line);
  std::unique_ptr<const TemplateStatement> jump(int line, const std::string& word);
  void parameters(MacroDefinition& macro);

  ExpressionParser in_;
  int nesting_ = 0;
  int loops_ = 0;  // around this place, within the same macro
};

Statements Parser::statements(Words ends) {
  if (++nesting_ > kMaxTemplateNesting / 2)
    throw TemplateFault{"LimitError",
                        "the template nests statements more than " +
                            std::to_string(kMaxTemplateNesting / 2) + " deep",
                        in_.current().line};
  Statements all;
  while (!in_.is(TokenKind::kEnd)) {
    if (in_.is(TokenKind::kData)) {
      auto data = make<DataNode>(in_.current().line);
      data->text = in_.take().text;
      all.push_back(std::move(data));
    } else if (in_.is(TokenKind::kVariableBegin)) {
      all.push_back(print());
    } else {
      in_.take();
      const bool ended = in_.is(TokenKind::kName) &&
                         std::find(ends.begin(), ends.end(), in_.current().text) != ends.end();
      if (ended) break;
      all.push_back(statement());
    }
  }
  if (in_.is(TokenKind::kEnd) && ends.size() > 0)
    in_.fail("unexpected end of template: the block is not closed by '" +
             std::string(*(ends.end() - 1)) + "'");
  --nesting_;
  return all;
}

void Parser::end_block() {
  if (!in_.is(TokenKind::kBlockEnd))
    in_.fail("expected token 'end of statement block', got '" + in_.describe(in_.current()) + "'");
  in_.take();
}

Statements Parser::body(Words ends) {
  end_block();
  return statements(ends);
}

std::unique_ptr<const TemplateStatement> Parser::print() {
  auto node = make<PrintNode>(in_.take().line);
  node->value = in_.tuple({});
  if (!in_.is(TokenKind::kVariableEnd))
    in_.fail("expected token 'end of print statement', got '" + in_.describe(in_.current()) + "'");
  in_.take();
  return node;
}

std::unique_ptr<const TemplateStatement> Parser::statement() {
  const int line = in_.current().line;
  if (!in_.is(TokenKind::kName)) in_.fail("tag name expected");
  const std::string word = in_.current().text;
  constexpr std::array<std::string_view, 4> kFiles = {"include", "import", "extends", "from"};
  if (std::find(kFiles.begin(), kFiles.end(), word) != kFiles.end())
    in_.fail("'" + word + "' is refused: a chat template is one file and reads no other");
  struct Tag {
    std::string_view word;
    std::unique_ptr<const TemplateStatement> (Parser::*parse)(int);
  };
  constexpr std::array<Tag, 8> kTags = {{{"if", &Parser::if_block},
                                         {"for", &Parser::for_block},
                                         {"set", &Parser::set_block},
                                         {"macro", &Parser::macro_block},
                                         {"call", &Parser::call_block},
                                         {"filter", &Parser::filter_block},
                                         {"with", &Parser::with_block},
                                         {"generation", &Parser::generation_block}}};
  const bool jumps = word == "break" || word == "continue";
  const auto tag =
      std::find_if(kTags.begin(), kTags.end(), [&](const Tag& one) { return one.word == word; });
  if (tag == kTags.end() && !jumps) in_.fail("Encountered unknown tag '" + word + "'.");
  in_.take();
  auto node = jumps ? jump(line, word) : (this->*tag->parse)(line);
  end_block();
  return node;
}

std::unique_ptr<const TemplateStatement> Parser::jump(int line, const std::string& word) {
  if (loops_ == 0) in_.fail("'" + word + "' outside of a loop");
  auto node = make<JumpNode>(line);
  node->flow = word == "break" ? TemplateFlow::kBreak : TemplateFlow::kContinue;
  return node;
}

std::unique_ptr<const TemplateStatement> Parser::if_block(int line) {
  const ExpressionParser::InCondition within(in_);
  auto node = make<IfNode>(line);
  do {
    ExpressionPtr condition = in_.tuple({.with_conditions = false});
    node->branches.emplace_back(std::move(condition), body({"elif", "else", "endif"}));
  } while (in_.take_name("elif"));
  if (in_.take_name("else")) node->otherwise = body({"endif"});
  in_.take();
  return node;
}

std::unique_ptr<const TemplateStatement> Parser::for_block(int line) {
  auto node = make<ForNode>(line);
  node->target = in_.target(true, false);
  if (!in_.take_name("in"))
    in_.fail("expected token 'in', got '" + in_.describe(in_.current()) + "'");
  node->over = in_.tuple({.with_conditions = false, .end_word = "recursive"});
  if (in_.take_name("if")) node->condition = in_.expression();
  node->recursive = in_.take_name("recursive");
  ++loops_;
  node->body = body({"else", "endfor"});
  --loops_;
  if (in_.take_name("else")) node->otherwise = body({"endfor"});
  in_.take();
  return node;
}

std::unique_ptr<const TemplateStatement> Parser::set_block(int line) {
  TemplateTarget target = in_.target(true, true);
  if (in_.take_operator("=")) {
    auto node = make<SetNode>(line);
    node->target = std::move(target);
    node->value = in_.tuple({});
    return node;
  }
  auto node = make<BlockNode>(line);
  node->target = std::move(target);
  while (in_.take_operator("|")) node->filters.push_back(in_.filter(nullptr));
  node->body = body({"endset"});
  in_.take();
  return node;
}

std::unique_ptr<const TemplateStatement> Parser::filter_block(int line) {
  auto node = make<BlockNode>(line);
  do {
    node->filters.push_back(in_.filter(nullptr));
  } while (in_.take_operator("|"));
  node->body = body({"endfilter"});
  in_.take();
  return node;
}

std::unique_ptr<const TemplateStatement> Parser::with_block(int line) {
  auto node = make<WithNode>(line);
  while (!in_.is(TokenKind::kBlockEnd)) {
    if (!node->values.empty()) in_.expect_operator(",");
    TemplateTarget target = in_.target(false, false);
    in_.expect_operator("=");
    node->values.emplace_back(std::move(target), in_.expression());
  }
  node->body = body({"endwith"});
  in_.take();
  return node;
}

void Parser::parameters(MacroDefinition& macro) {
  in_.expect_operator("(");
  while (!in_.is_operator(")")) {
    if (!macro.parameters.empty()) in_.expect_operator(",");
    if (in_.is_operator(")")) break;
    std::string name = in_.expect_name();
    ExpressionPtr value;
    if (in_.take_operator("=")) {
      value = in_.expression();
    } else if (!macro.parameters.empty() && macro.parameters.back().second) {
      in_.fail("non-default argument follows default argument");
    }
    macro.parameters.emplace_back(std::move(name), std::move(value));
  }
  in_.expect_operator(")");
}

std::unique_ptr<const TemplateStatement> Parser::macro_block(int line) {
  auto node = make<MacroNode>(line);
  node->macro.name = in_.expect_name();
  parameters(node->macro);
  const int outer_loops = std::exchange(loops_, 0);
  node->macro.body = body({"endmacro"});
  loops_ = outer_loops;
  in_.take();
  return node;
}

std::unique_ptr<const TemplateStatement> Parser::call_block(int line) {
  auto node = make<CallBlockNode>(line);
  node->caller.name = "caller";
  if (in_.is_operator("(")) parameters(node->caller);
  ExpressionPtr call = in_.unary();
  if (dynamic_cast<const CallNode*>(call.get()) == nullptr) in_.fail("expected call");
  node->call.reset(static_cast<const CallNode*>(call.release()));
  const int outer_loops = std::exchange(loops_, 0);
  node->caller.body = body({"endcall"});
  loops_ = outer_loops;
  in_.take();
  return node;
}

std::unique_ptr<const TemplateStatement> Parser::generation_block(int line) {
  auto node = make<GenerationNode>(line);
  const int outer_loops = std::exchange(loops_, 0);
  node->body = body({"endgeneration"});
  loops_ = outer_loops;
  in_.take();
  return node;
}

}  // namespace

Statements parse_template(std::string_view source) {
  return Parser(lex_template(source)).run();
}

}  // namespace weft::text
