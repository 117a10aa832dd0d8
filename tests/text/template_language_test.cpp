// The template language beyond the golden values: what templates of the field do, checked by hand
// against jinja2 3.1.6 in transformers' environment.
#include <gtest/gtest.h>

#include "text/chat_template.h"

namespace weft::text {
namespace {

std::string render(const std::string& source) {
  ChatRequest request{
      .messages = template_value_from_json(R"([{"role": "user", "content": "hi"}])", "test")};
  request.now = 1732233600;  // Friday 22 November 2024
  return ChatTemplate(source, "t").render(request).text;
}

// "KIND: what" and the line.
std::string error_of(const std::string& source) {
  try {
    return "no error: " + render(source);
  } catch (const TemplateError& error) {
    return std::to_string(error.line()) + " " + error.kind() + ": " + error.reason();
  }
}

TEST(TemplateLanguage, Numbers) {
  EXPECT_EQ(render("{{ 1.5//1 }} {{ 5 % 3.0 }} {{ 2**-1 }} {{ 2**0.5 }} {{ -7 // 2.0 }}"),
            "1.0 2.0 0.5 1.4142135623730951 -4.0");
  EXPECT_EQ(
      render("{{ true + 1 }} {{ -true }} {{ 1_000 }} {{ 0x1F }} {{ 0b11 }} {{ 1e-5 }} {{ 1e16 }}"),
      "2 -1 1000 31 3 1e-05 1e+16");
  EXPECT_EQ(
      render(
          "{{ 2.5 | round }} {{ 3.5 | round }} {{ 7 | round(-1) }} {{ 2.7 | round(0, 'floor') }}"),
      "2.0 4.0 10 2.0");
  EXPECT_EQ(render("{{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ ' 12 ' | int }} {{ 'ff' | int(0, 16) }}"),
            "64 4 12 255");
}

TEST(TemplateLanguage, UndefinedValues) {
  EXPECT_EQ(
      render("{{ none.y }}|{{ 5[0] }}|{{ 'abc'.0 }}|{{ 1 if 0 }}|{{ 'a' ~ x }}|{{ x | length }}"),
      "||a||a|0");
  EXPECT_EQ(error_of("{{ 'x'['y'].z }}"), "1 UndefinedError: 'str object' has no attribute 'y'");
  EXPECT_EQ(error_of("{{ [1][7].z }}"), "1 UndefinedError: list object has no element 7");
  EXPECT_EQ(error_of("{{ none.y.z }}"), "1 UndefinedError: 'None' has no attribute 'y'");
  EXPECT_EQ(error_of("{{ x | tojson }}"),
            "1 TypeError: Object of type Undefined is not JSON serializable");
  EXPECT_EQ(error_of("\n\n{{ x.y }}"), "3 UndefinedError: 'x' is undefined");
  EXPECT_EQ(render("{% for a in x %}{% else %}none{% endfor %} {{ x == y }} {{ x is iterable }}"),
            "none True True");
}

TEST(TemplateLanguage, GeneratorsAreTrueAndHaveNoLength) {
  EXPECT_EQ(render("{{ 'yes' if [] | select else 'no' }} {{ ([1] | select)[0] is defined }}"),
            "yes False");
  EXPECT_EQ(error_of("{{ [1, 2] | select | length }}"),
            "1 TypeError: object of type 'generator' has no len()");
  EXPECT_EQ(
      render("{{ {'a': 1}.items() }} {{ {'a': 1}.keys() }} {{ range(3) }} {{ (1,) }} {{ () }}"),
      "dict_items([('a', 1)]) dict_keys(['a']) range(0, 3) (1,) ()");
}

TEST(TemplateLanguage, ErrorsNameTheirLine) {
  EXPECT_EQ(error_of("a\n{{ 'a' < 1 }}"),
            "2 TypeError: '<' not supported between instances of 'str' and 'int'");
  EXPECT_EQ(error_of("{% for a in 5 %}{% endfor %}"), "1 TypeError: 'int' object is not iterable");
  EXPECT_EQ(error_of("{{ 1 in 5 }}"), "1 TypeError: argument of type 'int' is not iterable");
  EXPECT_EQ(error_of("{{ 'a'() }}"), "1 TypeError: 'str' object is not callable");
  EXPECT_EQ(error_of("{% macro m(a) %}{% endmacro %}\n{{ m(1,2) }}"),
            "2 TypeError: macro 'm' takes not more than 1 argument(s)");
  EXPECT_EQ(error_of("{% set a = 1 %}\n{% set a.b = 2 %}"),
            "2 TemplateRuntimeError: cannot assign attribute on non-namespace object");
  EXPECT_EQ(error_of("{{ 'a'.join([1]) }}"),
            "1 TypeError: sequence item 0: expected str instance, int found");
  EXPECT_EQ(error_of("{% if 1 %}\n\n"),
            "2 TemplateSyntaxError: unexpected end of template: the "
            "block is not closed by 'endif'");
  EXPECT_EQ(error_of("\n{# never closed"), "2 TemplateSyntaxError: Missing end of comment tag");
  EXPECT_EQ(error_of("{{ (1 }}"), "1 TemplateSyntaxError: unexpected '}', expected ')'");
  EXPECT_EQ(error_of("{% break %}"), "1 TemplateSyntaxError: 'break' outside of a loop");
}

TEST(TemplateLanguage, NoOtherFileIsRead) {
  for (const char* tag :
       {"include '/etc/passwd'", "import '/etc/passwd' as x", "extends 'x'", "from 'x' import y"}) {
    EXPECT_NE(error_of("{% " + std::string(tag) + " %}").find("a chat template is one file"),
              std::string::npos);
  }
}

TEST(TemplateLanguage, TheSandboxHolds) {
  EXPECT_EQ(render("{{ ''.__class__ }}{{ ''['__class__'] }}{{ [].__len__ is defined }}"), "False");
  EXPECT_EQ(error_of("{{ ''.__class__.__mro__ }}"),
            "1 SecurityError: access to attribute '__class__' of 'str' object is unsafe.");
  EXPECT_EQ(error_of("{{ messages.pop() }}"),
            "1 SecurityError: access to attribute 'pop' of 'list' object is unsafe.");
  EXPECT_EQ(error_of("{{ messages[0]['setdefault']('a', 1) }}"),
            "1 SecurityError: access to attribute 'setdefault' of 'dict' object is unsafe.");
  EXPECT_EQ(error_of("{% set n = namespace() %}{% set n._x = 1 %}").substr(0, 15),
            "1 SecurityError");
}

TEST(TemplateLanguage, UnknownFiltersCountWhereTheyAreReached) {
  EXPECT_EQ(render("{% if false %}{{ 1 | nope }}{% endif %}{{ 1 if true else 2 | nope }}"), "1");
  EXPECT_EQ(error_of("{% if true %}{{ 1 | nope }}{% endif %}"),
            "1 TemplateRuntimeError: No filter named 'nope' found.");
}

TEST(TemplateLanguage, Formats) {
  EXPECT_EQ(render("{{ '%s|%5d|%-5d|%05.1f|%x|%%' % ('a', 42, 42, 2.25, 255) }}"),
            "a|   42|42   |002.2|ff|%");
  EXPECT_EQ(render("{{ '%(a)s-%(b)d' % {'a': 1, 'b': 2} }} {{ '%s' | format('x') }}"), "1-2 x");
  EXPECT_EQ(
      render("{{ '{:>5}|{:<5}|{:^5}|{:.2f}|{:,}|{{}}'.format('a', 'b', 'c', 3.14159, 1234567) }}"),
      "    a|b    |  c  |3.14|1,234,567|{}");
  EXPECT_EQ(render("{{ '{0}{1}{0} {x.y} {z[0]} {0!r}'.format('a', 2, x={'y': 3}, z=[4]) }}"),
            "a2a 3 4 'a'");
  EXPECT_EQ(error_of("{{ '%d' % 'a' }}").substr(0, 11), "1 TypeError");
  EXPECT_EQ(error_of("{{ '%s %s' % 'a' }}"), "1 TypeError: not enough arguments for format string");
}

TEST(TemplateLanguage, TextMethods) {
  EXPECT_EQ(
      render("{{ 'é'.upper() }} {{ 'straße'.upper() }} {{ 'ПРИВЕТ'.lower() }} {{ 'Ω'.lower() }}"),
      "É STRASSE привет ω");
  EXPECT_EQ(render("{{ 'a b c'.rsplit(' ', 1) }} {{ ' a b '.rsplit(none, 1) }} {{ "
                   "'a.b.c'.partition('.') }}"),
            "['a b', 'c'] [' a', 'b'] ('a', '.', 'b.c')");
  EXPECT_EQ(
      render("{{ 'abc'.replace('', '-') }} {{ 'äöü'.find('ü') }} {{ 'aXbX'.removesuffix('X') }}"),
      "-a-b-c- 2 aXb");
  EXPECT_EQ(
      render("{{ '12'.isdigit() }} {{ ''.isalpha() }} {{ 'aB'.swapcase() }} {{ '-5'.zfill(4) }}"),
      "True False Ab -005");
  EXPECT_EQ(render("{{ 'x'.startswith(('a', 'x')) }} {{ 'they''re' }} {{ 'it\\'s fine'.title() }}"),
            "True theyre It'S Fine");
}

TEST(TemplateLanguage, ListFilters) {
  EXPECT_EQ(render("{{ ['b', 'A', 'c'] | sort }} {{ [3, 1] | sort(reverse=true) }} "
                   "{{ [{'a': 2}, {'a': 1}] | sort(attribute='a') }}"),
            "['A', 'b', 'c'] [3, 1] [{'a': 1}, {'a': 2}]");
  EXPECT_EQ(render("{% for k, g in [{'t': 'x', 'v': 1}, {'t': 'y', 'v': 2}, {'t': 'x', 'v': 3}] "
                   "| groupby('t') %}{{ k }}{{ g | map(attribute='v') | list }}{% endfor %}"),
            "x[1, 3]y[2]");
  EXPECT_EQ(render("{{ [[1, {'a': 5}]] | map(attribute='1.a') | first }} {{ 'abc' | reverse }} "
                   "{{ [{}] | map(attribute='q', default='-') | join }}"),
            "5 cba -");
  EXPECT_EQ(
      render(
          "{{ {'b': 2, 'a': 1} | dictsort(by='value', reverse=true) }} {{ [] | max is defined }}"),
      "[('b', 2), ('a', 1)] False");
}

TEST(TemplateLanguage, LoopsAndScopes) {
  EXPECT_EQ(render("{% for i in [1, 2] %}{% continue %}{% else %}none{% endfor %}"), "none");
  EXPECT_EQ(render("{% for n in [1, [2, [3]]] recursive %}{% if n is iterable %}({{ loop(n) }})"
                   "{% else %}{{ n }}@{{ loop.depth }}{% endif %}{% endfor %}"),
            "1@1(2@2(3@3))");
  EXPECT_EQ(
      render("{% macro f(x) %}{{ x }}{{ y }}{% endmacro %}{% set y = 1 %}{{ f(0) }}{% set y = 2 %}"
             "{{ f(0) }}"),
      "0102");
  EXPECT_EQ(
      render("{% macro l(items) %}{% for i in items %}{{ caller(i) }}{% endfor %}{% endmacro %}"
             "{% call(x) l([1, 2]) %}<{{ x }}>{% endcall %}"),
      "<1><2>");
  EXPECT_EQ(render("{% for i in [1, 2] %}{% set a = i %}{% endfor %}{{ a is defined }}"), "False");
}

TEST(TemplateLanguage, TheDateIsWhatIsGiven) {
  EXPECT_EQ(render("{{ strftime_now('%d %b %Y, %A %H:%M') }}"), "22 Nov 2024, Friday 00:00");
  EXPECT_THROW(ChatTemplate("{{ strftime_now('%Y') }}", "t")
                   .render({.messages = template_value_from_json("[]", "test")}),
               TemplateError);
}

TEST(TemplateLanguage, LineEndsAndBlanks) {
  EXPECT_EQ(render("a\r\n{% if 1 %}\r\nb\r\n{% endif %}\r\nc\r\n"), "a\nb\nc");
  EXPECT_EQ(render("  {{ 1 }}  \n  {# c #}  x\n{%- if 1 -%}  y  {%- endif +%}\nz"),
            "  1  \n  x"
            "y\nz");
}

TEST(TemplateLanguage, ConversationsAreChecked) {
  const ChatTemplate any("{{ messages | length }}", "t");
  EXPECT_THROW(any.render({.messages = template_value_from_json("{}", "test")}), Error);
  EXPECT_THROW(any.render({.messages = template_value_from_json("[1]", "test")}), Error);
  EXPECT_THROW(template_value_from_json(R"({"a": 1, "a": 2})", "test"), Error);
  EXPECT_THROW(template_value_from_json("18446744073709551615", "test"), Error);
  EXPECT_THROW(ChatTemplate("\xff", "t"), Error);
  EXPECT_EQ(ChatTemplate("{{ messages[0].thinking }} {{ messages[0].reasoning_content }}", "t")
                .render({.messages = template_value_from_json(R"([{"reasoning": "hm"}])", "test")})
                .text,
            "hm hm");
}

}  // namespace
}  // namespace weft::text
