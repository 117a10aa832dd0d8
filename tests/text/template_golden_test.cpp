// Chat templates against transformers: every rendering, error and assistant span of the golden
// values, and short templates, one feature each.
#include "golden.h"
#include "text/chat_template.h"

namespace weft::text {
namespace {

using Ordered = nlohmann::ordered_json;

TemplateValue value_of(const Ordered& json) {
  return template_value_from_json(json.dump(), "test");
}

class TemplateGolden : public testing::Test {
 protected:
  void SetUp() override {
    if (folder().empty()) GTEST_SKIP() << "WEFT_GOLDEN is not set";
  }
  static std::string folder() { return golden::text_folder(); }
  static Ordered json(const std::string& name) {
    return Ordered::parse(golden::read(folder() + "/" + name));
  }
};

// What the templates raise themselves must be equal to the word; the words of other errors are
// Python's, and those of the golden values are matched as well.
void expect_error(const TemplateError& error, const Ordered& expected) {
  EXPECT_EQ(error.kind(), expected["type"].get<std::string>()) << error.what();
  EXPECT_EQ(error.reason(), expected["message"].get<std::string>());
  EXPECT_GE(error.line(), 1);
}

TEST_F(TemplateGolden, ShortTemplates) {
  const Ordered all = json("jinja_expressions.json");
  int cases = 0;
  for (const Ordered& one : all["cases"]) {
    const auto source = one["template"].get<std::string>();
    SCOPED_TRACE(source);
    ChatRequest request{.messages = value_of(all["context"]["messages"])};
    for (const auto& [name, value] : all["context"].items())
      request.variables.emplace_back(name, value_of(value));
    try {
      EXPECT_EQ(ChatTemplate(source, "t").render(request).text, one.value("text", "an error"));
    } catch (const TemplateError& error) {
      ASSERT_TRUE(one.contains("error")) << error.what();
      expect_error(error, one["error"]);
    }
    ++cases;
  }
  EXPECT_GE(cases, 56);
}

// The text of a template that the golden values name; empty where the data is absent.
std::string template_text(const std::string& name, const std::string& golden_folder) {
  if (name.starts_with("templates/")) return golden::read(golden_folder + "/" + name);
  const std::string data = golden::data_folder();
  if (data.empty()) return {};
  const std::string inside = data + name.substr(4);  // without "data"
  const size_t member = inside.find('#');
  if (member == std::string::npos) return golden::read(inside);
  return Ordered::parse(golden::read(inside.substr(0, member)))[inside.substr(member + 1)];
}

ChatRequest request_of(const Ordered& all, const Ordered& row) {
  const Ordered& conversation = all["conversations"][row["conversation"].get<std::string>()];
  ChatRequest request{.messages = value_of(conversation["messages"]),
                      .add_generation_prompt = row["add_generation_prompt"].get<bool>()};
  if (conversation.contains("tools")) request.tools = value_of(conversation["tools"]);
  for (const auto& [name, value] : all["variables"].items())
    request.variables.emplace_back(name, value_of(value));
  return request;
}

void expect_spans(const RenderedChat& chat, const Ordered& row) {
  Ordered spans = Ordered::array(), texts = Ordered::array();
  for (const TemplateSpan& span : chat.assistant_spans) {
    spans.push_back({span.begin, span.end});
    texts.push_back(chat.text.substr(span.begin_byte, span.end_byte - span.begin_byte));
  }
  EXPECT_EQ(spans, row["assistant_spans"]);
  EXPECT_EQ(texts, row["assistant_texts"]);
}

TEST_F(TemplateGolden, ConversationsAndTheirSpans) {
  const Ordered all = json("chat_conversations.json");
  int rendered = 0, refused = 0;
  for (const std::string& line :
       golden::lines_of(golden::read(folder() + "/chat_renderings.jsonl"))) {
    const Ordered row = Ordered::parse(line);
    const auto name = row["template"].get<std::string>();
    SCOPED_TRACE(name + " " + row["conversation"].get<std::string>());
    const std::string source = template_text(name, folder());
    if (source.empty()) continue;
    ASSERT_EQ(golden::sha256(source), row["template_sha256"].get<std::string>());
    try {
      const RenderedChat chat = ChatTemplate(source, name).render(request_of(all, row));
      EXPECT_EQ(chat.text, row.value("text", "an error"));
      if (row.contains("assistant_spans")) expect_spans(chat, row);
      ++rendered;
    } catch (const TemplateError& error) {
      ASSERT_TRUE(row.contains("error")) << error.what();
      expect_error(error, row["error"]);
      ++refused;
    }
  }
  if (!golden::data_folder().empty()) {
    EXPECT_EQ(rendered, 222);
    EXPECT_EQ(refused, 42);
  }
}

}  // namespace
}  // namespace weft::text
