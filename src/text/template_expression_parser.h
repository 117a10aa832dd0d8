// Expressions of templates, by Jinja's grammar. Not here: statements (template_parser.h).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/template_lexer.h"
#include "text/template_tree.h"

namespace weft::text {

// Levels of expressions and of statements within each other.
inline constexpr int kMaxTemplateNesting = 120;

class ExpressionParser {
 public:
  explicit ExpressionParser(std::vector<TemplateToken> tokens) : tokens_(std::move(tokens)) {}

  // The stream of tokens.
  const TemplateToken& current() const { return tokens_[at_]; }
  const TemplateToken& next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  bool is(TokenKind kind) const { return current().kind == kind; }
  bool is_operator(std::string_view text) const;
  bool is_name(std::string_view text) const;
  bool take_operator(std::string_view text);
  bool take_name(std::string_view text);
  TemplateToken take();
  void expect_operator(std::string_view text);
  std::string expect_name();
  [[noreturn]] void fail(const std::string& message) const;
  // "end of print statement": as Jinja says it.
  static std::string describe(const TemplateToken& token);

  // Within a condition an unknown filter or test is an error only when it is come to.
  class InCondition {
   public:
    explicit InCondition(ExpressionParser& parser) : parser_(parser) { ++parser_.conditions_; }
    ~InCondition() { --parser_.conditions_; }
    InCondition(const InCondition&) = delete;
    InCondition& operator=(const InCondition&) = delete;

   private:
    ExpressionParser& parser_;
  };

  ExpressionPtr expression() { return conditional(); }
  // Expressions with commas between are a tuple; `end_word` ends it too. A tuple of none needs
  // parentheses.
  struct TupleRules {
    bool with_conditions = true;
    bool in_parentheses = false;
    std::string_view end_word = {};
  };
  ExpressionPtr tuple(const TupleRules& rules);
  ExpressionPtr unary(bool with_filters = true);
  // Without `value`: of a filter block.
  std::unique_ptr<FilterNode> filter(ExpressionPtr value);
  TemplateTarget target(bool may_be_tuple, bool may_be_attribute);
  ArgumentNodes arguments();

 private:
  class Nested;

  template <class Node>
  std::unique_ptr<Node> make(int line) {
    auto node = std::make_unique<Node>();
    node->line = line;
    return node;
  }
  // Puts `child` into `place` of `node`, one level down.
  void adopt(TemplateExpression& node, ExpressionPtr& place, ExpressionPtr child);
  void adopt(TemplateExpression& node, Expressions& place, ExpressionPtr child);
  void adopt(TemplateExpression& node, ArgumentNodes& place, ArgumentNodes arguments);

  ExpressionPtr conditional();
  ExpressionPtr disjunction();
  ExpressionPtr conjunction();
  ExpressionPtr negation();
  ExpressionPtr comparison();
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr primary();
  ExpressionPtr name();
  ExpressionPtr constant(TemplateValue value);
  ExpressionPtr string();
  ExpressionPtr list();
  ExpressionPtr dict();
  ExpressionPtr postfix(ExpressionPtr value);
  ExpressionPtr filters(ExpressionPtr value);
  ExpressionPtr attribute(ExpressionPtr object);
  ExpressionPtr subscript(ExpressionPtr object);
  ExpressionPtr slice(ExpressionPtr object, ExpressionPtr start);
  ExpressionPtr call(ExpressionPtr callee);
  ExpressionPtr test(ExpressionPtr value);
  ExpressionPtr binary(BinaryOperator op, ExpressionPtr left, ExpressionPtr right);
  std::string dotted_name();
  ArgumentNodes test_arguments();

  std::vector<TemplateToken> tokens_;
  size_t at_ = 0;
  int nesting_ = 0;
  int conditions_ = 0;
};

}  // namespace weft::text
