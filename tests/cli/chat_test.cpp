// `weft tokenizer chat`: where the template comes from, what it sees, what goes wrong.
#include "cli_test.h"

namespace weft::test {
namespace {

class ChatVerb : public CliTest {
 protected:
  void SetUp() override {
    write("messages.json", R"([{"role": "user", "content": "h\u00e9"},
                               {"role": "assistant", "content": "yo"}])");
    write("own.jinja",
          "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% else %}"
          "{% generation %}{{ m.content ~ eos_token }}{% endgeneration %}{% endif %}{% endfor %}"
          "{{ '>' if add_generation_prompt }}{{ tools | tojson }}{{ mood }}");
  }
  void write(const std::string& name, const std::string& text) {
    const fs::path file = folder_ / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }
};

TEST_F(ChatVerb, PrintsTheTextAndItsSpans) {
  EXPECT_EQ(must({"tokenizer", "chat", "--template", "own.jinja", "messages.json"}).out,
            "h\xC3\xA9yonull");
  EXPECT_EQ(
      must({"tokenizer", "chat", "--template", "own.jinja", "--spans", "messages.json",
            "--variable", "eos_token=<e>", "--variable", "mood=[1]", "--add-generation-prompt"})
          .out,
      "{\"text\":\"h\xC3\xA9yo<e>>null[1]\",\"assistant_spans\":[[2,7]]}\n");
}

TEST_F(ChatVerb, FindsTheTemplateOfATokenizer) {
  write("tok/tokenizer_config.json", R"({"eos_token": {"content": "</s>"}, "chat_template": [
      {"name": "default", "template": "plain {{ eos_token }}"},
      {"name": "tool_use", "template": "tools"}]})");
  write("tools.json", "[{}]");
  const Arguments chat = {"tokenizer", "chat", "--tokenizer", "tok", "messages.json"};
  const auto with = [&](Arguments more) {
    more.insert(more.begin(), chat.begin(), chat.end());
    return more;
  };
  EXPECT_EQ(must(chat).out, "plain </s>");
  EXPECT_EQ(must(with({"--tools", "tools.json"})).out, "tools");
  EXPECT_EQ(must(with({"--template-name", "tool_use"})).out, "tools");
  EXPECT_EQ(must(with({"--template", "own.jinja"})).out, "h\xC3\xA9yo</s>null");
  write("tok/chat_template.jinja", "file");
  EXPECT_EQ(must(chat).out, "file");
  expect_error(with({"--template-name", "none"}), {"'none'", "'default', 'tool_use'"});
}

TEST_F(ChatVerb, TellsWhatIsWrong) {
  expect_error({"tokenizer", "chat", "messages.json"}, {"--tokenizer PATH", "--template FILE"});
  expect_error({"tokenizer", "chat", "--tokenizer", ".", "messages.json"},
               {"has no chat template", "chat_template.jinja"});
  write("bad.jinja", "a\n{{ raise_exception('no ' ~ messages[0].role) }}");
  expect_error({"tokenizer", "chat", "--template", "bad.jinja", "messages.json"},
               {"bad.jinja:2: no user"});
  write("endless.jinja",
        "{% for i in range(90000) %}{% for j in range(90000) %}\n"
        "{% endfor %}{% endfor %}");
  expect_error({"tokenizer", "chat", "--template", "endless.jinja", "messages.json"},
               {"endless.jinja:1: LimitError", "the template makes more than"});
  write("object.json", "{}");
  expect_error({"tokenizer", "chat", "--template", "own.jinja", "object.json"},
               {"object.json", "\"messages\""});
}

}  // namespace
}  // namespace weft::test
