#include "text/template_expression_parser.h"

#include <algorithm>
#include <array>

namespace weft::text {
namespace {

constexpr TemplateLimits kConstantLimits = {};

struct BinaryWord {
  std::string_view word;
  BinaryOperator op;
};
constexpr std::array<BinaryWord, 2> kSums = {
    {{"+", BinaryOperator::kAdd}, {"-", BinaryOperator::kSubtract}}};
constexpr std::array<BinaryWord, 4> kProducts = {{{"*", BinaryOperator::kMultiply},
                                                  {"/", BinaryOperator::kDivide},
                                                  {"//", BinaryOperator::kFloorDivide},
                                                  {"%", BinaryOperator::kModulo}}};
struct CompareWord {
  std::string_view word;
  CompareOperator op;
};
constexpr std::array<CompareWord, 6> kComparisons = {{{"==", CompareOperator::kEqual},
                                                      {"!=", CompareOperator::kNotEqual},
                                                      {"<", CompareOperator::kLess},
                                                      {"<=", CompareOperator::kLessEqual},
                                                      {">", CompareOperator::kGreater},
                                                      {">=", CompareOperator::kGreaterEqual}}};

// The row of `words` that the token is, or null.
template <class Words>
auto find_word(const Words& words, const TemplateToken& token) -> decltype(&words[0]) {
  if (token.kind != TokenKind::kOperator) return nullptr;
  for (const auto& row : words) {
    if (row.word == token.text) return &row;
  }
  return nullptr;
}

}  // namespace

// Bounds how deep functions of the parser call each other.
class ExpressionParser::Nested {
 public:
  explicit Nested(ExpressionParser& parser) : parser_(parser) {
    if (++parser_.nesting_ > kMaxTemplateNesting)
      throw TemplateFault{"LimitError",
                          "the template nests expressions more than " +
                              std::to_string(kMaxTemplateNesting) + " deep",
                          parser_.current().line};
  }
  ~Nested() { --parser_.nesting_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

 private:
  ExpressionParser& parser_;
};

bool ExpressionParser::is_operator(std::string_view text) const {
  return is(TokenKind::kOperator) && current().text == text;
}
bool ExpressionParser::is_name(std::string_view text) const {
  return is(TokenKind::kName) && current().text == text;
}
bool ExpressionParser::take_operator(std::string_view text) {
  const bool found = is_operator(text);
  if (found) ++at_;
  return found;
}
bool ExpressionParser::take_name(std::string_view text) {
  const bool found = is_name(text);
  if (found) ++at_;
  return found;
}
TemplateToken ExpressionParser::take() {
  TemplateToken token = current();
  if (token.kind != TokenKind::kEnd) ++at_;
  return token;
}

void ExpressionParser::fail(const std::string& message) const {
  throw TemplateFault{"TemplateSyntaxError", message, current().line};
}

std::string ExpressionParser::describe(const TemplateToken& token) {
  switch (token.kind) {
    case TokenKind::kData: return "template data";
    case TokenKind::kVariableBegin: return "begin of print statement";
    case TokenKind::kVariableEnd: return "end of print statement";
    case TokenKind::kBlockBegin: return "begin of statement block";
    case TokenKind::kBlockEnd: return "end of statement block";
    case TokenKind::kEnd: return "end of template";
    default: return token.text.substr(0, 60);
  }
}

void ExpressionParser::expect_operator(std::string_view text) {
  if (take_operator(text)) return;
  if (is(TokenKind::kEnd))
    fail("unexpected end of template, expected '" + std::string(text) + "'.");
  fail("expected token '" + std::string(text) + "', got '" + describe(current()) + "'");
}

std::string ExpressionParser::expect_name() {
  if (is(TokenKind::kName)) return take().text;
  fail("expected token 'name', got '" + describe(current()) + "'");
}

void ExpressionParser::adopt(TemplateExpression& node, ExpressionPtr& place, ExpressionPtr child) {
  node.depth = std::max(node.depth, child->depth + 1);
  place = std::move(child);
  if (node.depth > kMaxTemplateNesting)
    throw TemplateFault{
        "LimitError",
        "the template nests expressions more than " + std::to_string(kMaxTemplateNesting) + " deep",
        node.line};
}
void ExpressionParser::adopt(TemplateExpression& node, Expressions& place, ExpressionPtr child) {
  place.emplace_back();
  adopt(node, place.back(), std::move(child));
}
void ExpressionParser::adopt(TemplateExpression& node, ArgumentNodes& place,
                             ArgumentNodes arguments) {
  place = std::move(arguments);
  for (ExpressionPtr& one : place.positional) adopt(node, one, std::move(one));
  for (auto& [name, one] : place.named) adopt(node, one, std::move(one));
}

ExpressionPtr ExpressionParser::conditional() {
  const Nested nested(*this);
  ExpressionPtr value = disjunction();
  while (is_name("if")) {
    const InCondition within(*this);
    auto node = make<ConditionalNode>(take().line);
    adopt(*node, node->then, std::move(value));
    adopt(*node, node->condition, disjunction());
    if (take_name("else")) adopt(*node, node->otherwise, conditional());
    value = std::move(node);
  }
  return value;
}

ExpressionPtr ExpressionParser::disjunction() {
  ExpressionPtr left = conjunction();
  while (is_name("or")) {
    auto node = make<LogicNode>(take().line);
    adopt(*node, node->left, std::move(left));
    adopt(*node, node->right, conjunction());
    left = std::move(node);
  }
  return left;
}

ExpressionPtr ExpressionParser::conjunction() {
  ExpressionPtr left = negation();
  while (is_name("and")) {
    auto node = make<LogicNode>(take().line);
    node->is_and = true;
    adopt(*node, node->left, std::move(left));
    adopt(*node, node->right, negation());
    left = std::move(node);
  }
  return left;
}

ExpressionPtr ExpressionParser::negation() {
  if (!is_name("not")) return comparison();
  const Nested nested(*this);
  auto node = make<UnaryNode>(take().line);
  adopt(*node, node->operand, negation());
  return node;
}

ExpressionPtr ExpressionParser::comparison() {
  ExpressionPtr first = sum();
  std::unique_ptr<CompareNode> node;
  while (true) {
    CompareOperator op;
    const bool not_in = is_name("not") && next().kind == TokenKind::kName && next().text == "in";
    if (const CompareWord* word = find_word(kComparisons, current())) {
      op = word->op;
    } else if (is_name("in") || not_in) {
      op = not_in ? CompareOperator::kNotIn : CompareOperator::kIn;
    } else {
      break;
    }
    if (!node) {
      node = make<CompareNode>(current().line);
      adopt(*node, node->first, std::move(first));
    }
    take();
    if (not_in) take();
    node->others.emplace_back(op, nullptr);
    adopt(*node, node->others.back().second, sum());
  }
  return node ? ExpressionPtr(std::move(node)) : std::move(first);
}

ExpressionPtr ExpressionParser::binary(BinaryOperator op, ExpressionPtr left, ExpressionPtr right) {
  auto node = make<BinaryNode>(left->line);
  node->op = op;
  adopt(*node, node->left, std::move(left));
  adopt(*node, node->right, std::move(right));
  return node;
}

ExpressionPtr ExpressionParser::sum() {
  ExpressionPtr left = concatenation();
  while (const BinaryWord* word = find_word(kSums, current())) {
    take();
    left = binary(word->op, std::move(left), concatenation());
  }
  return left;
}

ExpressionPtr ExpressionParser::concatenation() {
  ExpressionPtr first = product();
  if (!is_operator("~")) return first;
  auto node = make<ConcatNode>(current().line);
  adopt(*node, node->parts, std::move(first));
  while (take_operator("~")) adopt(*node, node->parts, product());
  return node;
}

ExpressionPtr ExpressionParser::product() {
  ExpressionPtr left = power();
  while (const BinaryWord* word = find_word(kProducts, current())) {
    take();
    left = binary(word->op, std::move(left), power());
  }
  return left;
}

ExpressionPtr ExpressionParser::power() {
  ExpressionPtr left = unary();
  while (take_operator("**")) left = binary(BinaryOperator::kPower, std::move(left), unary());
  return left;
}

ExpressionPtr ExpressionParser::unary(bool with_filters) {
  const Nested nested(*this);
  ExpressionPtr value;
  if (is_operator("-") || is_operator("+")) {
    auto node = make<UnaryNode>(current().line);
    node->op = take().text == "-" ? UnaryOperator::kNegative : UnaryOperator::kPositive;
    adopt(*node, node->operand, unary(false));
    value = std::move(node);
  } else {
    value = primary();
  }
  value = postfix(std::move(value));
  return with_filters ? filters(std::move(value)) : std::move(value);
}

ExpressionPtr ExpressionParser::constant(TemplateValue value) {
  auto node = make<ConstantNode>(current().line);
  node->value = std::move(value);
  return node;
}

ExpressionPtr ExpressionParser::name() {
  const std::string& word = current().text;
  ExpressionPtr node;
  if (word == "true" || word == "True") {
    node = constant(TemplateValue(true));
  } else if (word == "false" || word == "False") {
    node = constant(TemplateValue(false));
  } else if (word == "none" || word == "None") {
    node = constant({});
  } else {
    auto name = make<NameNode>(current().line);
    name->name = word;
    node = std::move(name);
  }
  take();
  return node;
}

// Strings side by side are one.
ExpressionPtr ExpressionParser::string() {
  const int line = current().line;
  std::string text;
  while (is(TokenKind::kString)) text += take().text;
  auto node = make<ConstantNode>(line);
  TemplateBudget budget(kConstantLimits);
  node->value = make_text(budget, std::move(text));
  return node;
}

ExpressionPtr ExpressionParser::primary() {
  switch (current().kind) {
    case TokenKind::kName: return name();
    case TokenKind::kString: return string();
    case TokenKind::kInteger: {
      ExpressionPtr node = constant(TemplateValue(current().integer));
      take();
      return node;
    }
    case TokenKind::kFloat: {
      ExpressionPtr node = constant(TemplateValue(current().real));
      take();
      return node;
    }
    default: break;
  }
  if (take_operator("(")) {
    ExpressionPtr inside = tuple({.in_parentheses = true});
    expect_operator(")");
    return inside;
  }
  if (is_operator("[")) return list();
  if (is_operator("{")) return dict();
  fail("unexpected '" + describe(current()) + "'");
}

ExpressionPtr ExpressionParser::list() {
  auto node = make<SequenceNode>(take().line);
  while (!is_operator("]")) {
    if (!node->items.empty()) expect_operator(",");
    if (is_operator("]")) break;
    adopt(*node, node->items, expression());
  }
  expect_operator("]");
  return node;
}

ExpressionPtr ExpressionParser::dict() {
  auto node = make<DictNode>(take().line);
  while (!is_operator("}")) {
    if (!node->entries.empty()) expect_operator(",");
    if (is_operator("}")) break;
    node->entries.emplace_back();
    adopt(*node, node->entries.back().first, expression());
    expect_operator(":");
    adopt(*node, node->entries.back().second, expression());
  }
  expect_operator("}");
  return node;
}

ExpressionPtr ExpressionParser::tuple(const TupleRules& rules) {
  auto node = make<SequenceNode>(current().line);
  node->form = SequenceForm::kTuple;
  bool is_tuple = false;
  const auto ends = [&] {
    return is(TokenKind::kVariableEnd) || is(TokenKind::kBlockEnd) || is_operator(")") ||
           (!rules.end_word.empty() && is_name(rules.end_word));
  };
  while (!ends()) {
    adopt(*node, node->items, rules.with_conditions ? expression() : disjunction());
    if (!take_operator(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return node;
  if (!node->items.empty()) return std::move(node->items.front());
  if (!rules.in_parentheses) fail("Expected an expression, got '" + describe(current()) + "'");
  return node;
}

ExpressionPtr ExpressionParser::postfix(ExpressionPtr value) {
  while (true) {
    if (is_operator(".")) {
      value = attribute(std::move(value));
    } else if (is_operator("[")) {
      value = subscript(std::move(value));
    } else if (is_operator("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

ExpressionPtr ExpressionParser::filters(ExpressionPtr value) {
  while (true) {
    if (take_operator("|")) {
      value = filter(std::move(value));
    } else if (is_name("is")) {
      value = test(std::move(value));
    } else if (is_operator("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

ExpressionPtr ExpressionParser::attribute(ExpressionPtr object) {
  const int line = take().line;
  if (is(TokenKind::kInteger)) {
    auto node = make<ItemNode>(line);
    adopt(*node, node->object, std::move(object));
    adopt(*node, node->key, primary());
    return node;
  }
  if (!is(TokenKind::kName)) fail("expected name or number");
  auto node = make<AttributeNode>(line);
  node->name = take().text;
  adopt(*node, node->object, std::move(object));
  return node;
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr object) {
  const int line = take().line;
  ExpressionPtr key;
  if (!is_operator(":")) key = expression();
  if (is_operator(":")) return slice(std::move(object), std::move(key));
  auto node = make<ItemNode>(line);
  adopt(*node, node->object, std::move(object));
  adopt(*node, node->key, std::move(key));
  expect_operator("]");
  return node;
}

ExpressionPtr ExpressionParser::slice(ExpressionPtr object, ExpressionPtr start) {
  auto node = make<SliceNode>(object->line);
  adopt(*node, node->object, std::move(object));
  if (start) adopt(*node, node->start, std::move(start));
  expect_operator(":");
  if (!is_operator(":") && !is_operator("]")) adopt(*node, node->stop, expression());
  if (take_operator(":") && !is_operator("]")) adopt(*node, node->step, expression());
  expect_operator("]");
  return node;
}

ExpressionPtr ExpressionParser::call(ExpressionPtr callee) {
  auto node = make<CallNode>(current().line);
  adopt(*node, node->callee, std::move(callee));
  adopt(*node, node->arguments, arguments());
  return node;
}

ArgumentNodes ExpressionParser::arguments() {
  ArgumentNodes given;
  expect_operator("(");
  while (!is_operator(")")) {
    if (!given.positional.empty() || !given.named.empty()) expect_operator(",");
    if (is_operator(")")) break;
    if (is_operator("*") || is_operator("**"))
      fail("arguments from a list or dict (" + current().text + ") are not supported");
    const bool named =
        is(TokenKind::kName) && next().kind == TokenKind::kOperator && next().text == "=";
    if (!named) {
      if (!given.named.empty()) fail("invalid syntax for function call expression");
      given.positional.push_back(expression());
      continue;
    }
    std::string name = take().text;
    take();
    given.named.emplace_back(std::move(name), expression());
  }
  expect_operator(")");
  return given;
}

std::string ExpressionParser::dotted_name() {
  std::string name = expect_name();
  while (take_operator(".")) name += "." + expect_name();
  return name;
}

std::unique_ptr<FilterNode> ExpressionParser::filter(ExpressionPtr value) {
  auto node = make<FilterNode>(current().line);
  node->name = dotted_name();
  node->filter = find_filter(node->name);
  if (node->filter == nullptr && conditions_ == 0)
    throw TemplateFault{"TemplateAssertionError", "No filter named '" + node->name + "'.",
                        node->line};
  if (value) adopt(*node, node->value, std::move(value));
  if (is_operator("(")) adopt(*node, node->arguments, arguments());
  return node;
}

// `is divisibleby 3` needs no parentheses.
ArgumentNodes ExpressionParser::test_arguments() {
  if (is_operator("(")) return arguments();
  const bool starts = is(TokenKind::kName) || is(TokenKind::kString) || is(TokenKind::kInteger) ||
                      is(TokenKind::kFloat) || is_operator("[") || is_operator("{");
  if (!starts || is_name("else") || is_name("or") || is_name("and")) return {};
  if (is_name("is")) fail("You cannot chain multiple tests with is");
  ArgumentNodes given;
  given.positional.push_back(postfix(primary()));
  return given;
}

ExpressionPtr ExpressionParser::test(ExpressionPtr value) {
  auto node = make<TestNode>(take().line);
  node->negated = take_name("not");
  node->name = dotted_name();
  node->test = find_test(node->name);
  if (node->test == nullptr && conditions_ == 0)
    throw TemplateFault{"TemplateAssertionError", "No test named '" + node->name + "'.",
                        node->line};
  adopt(*node, node->value, std::move(value));
  adopt(*node, node->arguments, test_arguments());
  return node;
}

TemplateTarget ExpressionParser::target(bool may_be_tuple, bool may_be_attribute) {
  const Nested nested(*this);
  TemplateTarget result{.line = current().line};
  while (true) {
    TemplateTarget one{.line = current().line};
    if (take_operator("(")) {
      one = target(true, may_be_attribute);
      expect_operator(")");
    } else {
      if (may_be_tuple && !is(TokenKind::kName))
        fail("Expected an expression, got '" + describe(current()) + "'");
      one.name = expect_name();
      if (one.name == "true" || one.name == "false" || one.name == "none" || one.name == "True" ||
          one.name == "False" || one.name == "None")
        fail("can't assign to '" + one.name + "'");
      if (may_be_attribute && take_operator(".")) one.attribute = expect_name();
    }
    result.parts.push_back(std::move(one));
    if (!may_be_tuple || !take_operator(",")) break;
    result.is_tuple = true;
    if (!is(TokenKind::kName) && !is_operator("(")) break;
    if (is_name("in")) break;
  }
  if (result.is_tuple) return result;
  TemplateTarget only = std::move(result.parts.front());
  return only;
}

}  // namespace weft::text
