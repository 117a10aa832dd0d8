// Templates that would run for long or take much memory: each stops at a limit, with its line.
#include <gtest/gtest.h>

#include "tests/core/refusals.h"
#include "text/chat_template.h"

namespace weft::text {
namespace {

constexpr TemplateLimits kSmall = {
    .steps = 20'000, .bytes = 1 << 20, .output = 10'000, .depth = 300};

ChatRequest small_request() {
  return {.messages = template_value_from_json(R"([{"role": "user", "content": "hi"}])", "test")};
}

std::string error_of(const std::string& source, const TemplateLimits& limits = kSmall) {
  try {
    ChatTemplate(source, "t").render(small_request(), limits);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(TemplateLimits, LargeTextsAreRefusedBeforeTheyAreMade) {
  const std::string message =
      "t:2: LimitError: the template makes more than 1048576 bytes of text and lists";
  EXPECT_EQ(error_of("\n{{ 'a' * 10**9 }}"), message);
  EXPECT_EQ(error_of("\n{{ 10**18 * 'ab' }}"), message);
  EXPECT_EQ(error_of("\n{{ [1, 2] * 10**18 }}"), message);
  EXPECT_EQ(error_of("\n{{ 'a' | center(10**12) }}"), message);
  EXPECT_EQ(error_of("\n{{ 'a'.ljust(10**12) }}"), message);
  EXPECT_EQ(error_of("\n{{ '1'.zfill(10**12) }}"), message);
  EXPECT_EQ(error_of("\n{{ 'a\\nb' | indent(10**12) }}"), message);
  EXPECT_EQ(error_of("\n{{ [1] | tojson(indent=10**12) }}"), message);
  EXPECT_EQ(error_of("\n{{ [1] | batch(10**12, 0) | list }}"), message);
  EXPECT_EQ(error_of("\n{{ ('a' * 1000).replace('', 'b' * 10000) }}"), message);
  EXPECT_EQ(error_of("\n{{ ('b' * 10000).join(['a'] * 1000) }}"), message);
  EXPECT_EQ(error_of("\n{{ 'a b' | replace(' ', 'c' * 2000000) }}"), message);
}

TEST(TemplateLimits, GrowingInALoopEnds) {
  EXPECT_EQ(error_of("{% set ns = namespace(s='ab') %}\n{% for i in range(100) %}\n"
                     "{% set ns.s = ns.s + ns.s %}{% endfor %}"),
            "t:3: LimitError: the template makes more than 1048576 bytes of text and lists");
  EXPECT_NE(error_of("{% set ns = namespace(l=[1]) %}{% for i in range(100) %}"
                     "{% set ns.l = ns.l + ns.l %}{% endfor %}")
                .find("LimitError"),
            std::string::npos);
  EXPECT_NE(error_of("{% set ns = namespace(l=[1]) %}{% for i in range(200) %}"
                     "{% set ns.l = [ns.l] %}{% endfor %}")
                .find("nests values more than 100 deep"),
            std::string::npos);
  // Shared parts make a small list that prints 2^60 numbers.
  EXPECT_NE(error_of("{% set ns = namespace(l=[1]) %}{% for i in range(60) %}"
                     "{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}")
                .find("LimitError"),
            std::string::npos);
  EXPECT_NE(error_of("{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(60) %}"
                     "{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}{% endfor %}"
                     "{{ ns.l == ns.m }}")
                .find("does more than 20000 steps"),
            std::string::npos);
}

TEST(TemplateLimits, LongLoopsEnd) {
  EXPECT_EQ(error_of("{{ range(10**12) | list }}"),
            "t:1: OverflowError: Range too big. The sandbox blocks ranges larger than MAX_RANGE "
            "(100000).");
  EXPECT_EQ(error_of("{{ range(0, -9223372036854775807, -1) }}").substr(0, 19),
            "t:1: OverflowError:");
  EXPECT_EQ(
      error_of("{% for i in range(1000) %}\n{% for j in range(1000) %}{% endfor %}{% endfor %}"),
      "t:2: LimitError: the template does more than 20000 steps");
  EXPECT_EQ(error_of("{% for i in range(1000) %}0123456789ABCDEF{% endfor %}"),
            "t:1: LimitError: the template prints more than 10000 bytes");
}

TEST(TemplateLimits, RecursionEnds) {
  EXPECT_NE(error_of("{% macro m() %}\n{{ m() }}{% endmacro %}{{ m() }}")
                .find("t:2: LimitError: the template nests calls and blocks more than 300 deep"),
            std::string::npos);
  EXPECT_NE(error_of("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}").find("LimitError"),
            std::string::npos);
  // With the limits that users have, on the stack that threads have.
  EXPECT_NE(error_of("{% macro m() %}{{ m() | upper | trim }}{% endmacro %}{{ m() }}", {})
                .find("more than 1200 deep"),
            std::string::npos);
}

TEST(TemplateLimits, DeepSyntaxIsRefused) {
  for (const std::string& source :
       {"{{ " + times("(", 5000) + "1" + times(")", 5000) + " }}",
        "{{ " + times("[", 5000) + times("]", 5000) + " }}", "{{ " + times("-", 5000) + "1 }}",
        "{{ " + times("not ", 5000) + "1 }}", "{{ 1" + times(" + 1", 5000) + " }}",
        "{{ 'a'" + times("|trim", 5000) + " }}", "{{ a" + times(".b", 5000) + " }}",
        "{{ a" + times("[0]", 5000) + " }}", "{{ 1" + times(" if 1 else 2", 5000) + " }}",
        "{{ 1" + times(" and 1", 5000) + " }}",
        times("{% if 1 %}", 5000) + times("{% endif %}", 5000),
        "{% set " + times("(", 5000) + "a" + times(")", 5000) + " = 1 %}"}) {
    EXPECT_NE(error_of(source, {}).find("LimitError: the template nests"), std::string::npos)
        << source.substr(0, 40) << error_of(source, {});
  }
}

TEST(TemplateLimits, WhatIsWideButShallowRuns) {
  const ChatTemplate wide("{{ 'a'" + times(" ~ 'b'", 2000) + " }}", "t");
  EXPECT_EQ(wide.render(small_request()).text.size(), 2001U);
  const ChatTemplate branches("{% if 0 %}" + times("{% elif 0 %}", 2000) + "{% else %}x{% endif %}",
                              "t");
  EXPECT_EQ(branches.render(small_request()).text, "x");
}

TEST(TemplateLimits, ValuesThatHoldThemselvesEnd) {
  EXPECT_EQ(
      error_of("{% set ns = namespace() %}{% set ns.self = ns %}{{ ns.self.self is defined }}"),
      "no error");
  EXPECT_EQ(error_of("{% set ns = namespace() %}{% macro m() %}{% endmacro %}{% set ns.m = m %}"),
            "no error");
  EXPECT_NE(error_of("{% set ns = namespace() %}{% for i in [1] %}{% macro m() %}{% endmacro %}"
                     "{% set ns.m = m %}{% endfor %}{{ ns.m() }}")
                .find("is called after its block has ended"),
            std::string::npos);
}

TEST(TemplateLimits, IntegersEndAt64Bits) {
  EXPECT_NE(error_of("{{ 10**19 }}").find("OverflowError"), std::string::npos);
  EXPECT_NE(error_of("{{ 9223372036854775807 + 1 }}").find("OverflowError"), std::string::npos);
  EXPECT_NE(error_of("{{ 99999999999999999999 }}").find("more than 64 bits"), std::string::npos);
  EXPECT_EQ(error_of("{{ (-9223372036854775807 - 1) % -1 }}"), "no error");
  EXPECT_NE(error_of("{{ (-9223372036854775807 - 1) // -1 }}").find("OverflowError"),
            std::string::npos);
}

}  // namespace
}  // namespace weft::text
