// `weft tokenizer chat`: a conversation as the text that a model was trained on.
#include <unistd.h>

#include <ctime>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/verb.h"
#include "core/file_system.h"
#include "text/chat_template.h"

namespace weft::cli {
namespace {

constexpr int64_t kMaxJsonBytes = int64_t{64} << 20;

struct ChatOptions {
  std::string tokenizer, template_file, template_name;
  std::string messages, tools;
  std::vector<std::string> variables;
  bool add_generation_prompt = false;
  bool spans = false;
};

text::TemplateValue read_value(const std::string& file) {
  return text::template_value_from_json(read_text_file(file, kMaxJsonBytes), file);
}

// NAME=VALUE: the value is JSON, or else text.
std::pair<std::string, text::TemplateValue> variable(const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0)
    throw Error("--variable " + word + ": write NAME=VALUE, for example enable_thinking=false");
  const std::string value = word.substr(equals + 1);
  const bool is_json = nlohmann::json::accept(value);
  return {word.substr(0, equals),
          text::template_value_from_json(is_json ? value : nlohmann::json(value).dump(),
                                         "--variable " + word.substr(0, equals))};
}

// Seconds since 1970 as the clock on the wall shows them.
int64_t local_time() {
  const time_t now = time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  return timegm(&parts);
}

// A list of messages, or an object with "messages" and perhaps "tools" and "documents".
text::ChatRequest read_request(const ChatOptions& options) {
  text::ChatRequest request;
  request.messages = read_value(options.messages);
  if (const text::TemplateDict* all = request.messages.dict()) {
    for (const auto& [key, value] : all->entries) {
      if (*key.text() == "tools") request.tools = value;
      if (*key.text() == "documents") request.documents = value;
    }
    const text::TemplateValue* messages = all->find("messages");
    if (messages == nullptr)
      throw Error(options.messages +
                  ": the object has no \"messages\"; a list of messages, or an "
                  "object with \"messages\" and \"tools\" is expected");
    request.messages = text::TemplateValue(*messages);
  }
  if (!options.tools.empty()) request.tools = read_value(options.tools);
  request.add_generation_prompt = options.add_generation_prompt;
  request.now = local_time();
  return request;
}

void print_chat(const text::RenderedChat& chat, bool spans) {
  if (!spans) {
    std::cout << for_output(chat.text);
    return;
  }
  nlohmann::ordered_json out;
  out["text"] = chat.text;
  out["assistant_spans"] = nlohmann::ordered_json::array();
  for (const text::TemplateSpan& span : chat.assistant_spans)
    out["assistant_spans"].push_back({span.begin, span.end});
  std::cout << out.dump(-1, ' ', is_terminal(STDOUT_FILENO)) << "\n";
}

void run_chat(const ChatOptions& options) {
  text::ChatRequest request = read_request(options);
  text::ChatTemplates::Source source;
  if (!options.tokenizer.empty()) {
    const text::ChatTemplates templates =
        text::load_chat_templates(options.tokenizer, options.template_file.empty());
    request.variables = templates.variables;
    if (options.template_file.empty())
      source = templates.choose(options.template_name, !request.tools.is_none());
  }
  if (!options.template_file.empty())
    source = {read_text_file(options.template_file, kMaxJsonBytes), options.template_file};
  if (source.origin.empty())
    throw Error("which template? Give --tokenizer PATH, --template FILE, or both");
  for (const std::string& word : options.variables) request.variables.push_back(variable(word));
  print_chat(text::ChatTemplate(source.text, source.origin).render(request), options.spans);
}

}  // namespace

void add_tokenizer_chat(Verb& parent) {
  auto options = std::make_shared<ChatOptions>();
  Verb verb = parent.add_verb("chat", "A conversation as the text that a model was trained on");
  verb.footer(
      "MESSAGES.json is a list of {\"role\": ..., \"content\": ...}, or an object with\n"
      "\"messages\" and \"tools\". The text is printed as it is, without a newline at its end.\n"
      "Example:\n  weft tokenizer chat --tokenizer models/qwen3 messages.json");
  verb.add_option("--tokenizer", options->tokenizer,
                  "a folder with tokenizer_config.json or chat_template.jinja");
  verb.add_option("--template", options->template_file, "a Jinja file instead of the tokenizer's");
  verb.add_option("--template-name", options->template_name,
                  "of several templates: by default tool_use if there are tools, else default");
  verb.add_option("messages", options->messages, "the conversation, JSON").required();
  verb.add_option("--tools", options->tools, "JSON schemas of functions, a list");
  verb.add_option("--variable", options->variables,
                  "NAME=VALUE for the template, for example enable_thinking=false; repeatable");
  verb.add_flag("--add-generation-prompt", options->add_generation_prompt,
                "end with what begins the assistant's answer");
  verb.add_flag("--spans", options->spans,
                "JSON: the text, and where the assistant speaks (characters)");
  verb.callback([options] { run_chat(*options); });
}

}  // namespace weft::cli
