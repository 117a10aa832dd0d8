// Chat templates: the Jinja programs that come with models and turn a conversation into the text
// that the model was trained on. Rendered by an interpreter of our own, with the same result as
// transformers' apply_chat_template, and with limits: a template reads no file, and time and memory
// are bounded whatever it says. Not here: the language itself (template_parser.h,
// template_interpreter.h), tokenization of the result.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/template_budget.h"
#include "text/template_interpreter.h"
#include "text/template_value.h"
#include "weft/error.h"

namespace weft::text {

// "ORIGIN:LINE: what is wrong". What raise_exception says stands in reason() alone.
class TemplateError : public Error {
 public:
  TemplateError(std::string_view origin, const TemplateFault& fault);
  const std::string& kind() const { return kind_; }  // Python's name: "TypeError"
  const std::string& reason() const { return reason_; }
  int line() const { return line_; }

 private:
  std::string kind_, reason_;
  int line_;
};

struct ChatRequest {
  TemplateValue messages;   // a list of objects with "role" and, mostly, "content"
  TemplateValue tools;      // a list of JSON schemas, or none
  TemplateValue documents;  // a list of objects, or none
  bool add_generation_prompt = false;
  // Others that the template may look at: bos_token, enable_thinking.
  std::vector<std::pair<std::string, TemplateValue>> variables;
  // Seconds since 1970 in local time, for templates that print the date.
  std::optional<int64_t> now;
};

struct RenderedChat {
  std::string text;
  // What the assistant says, where the template marks it with {% generation %}.
  std::vector<TemplateSpan> assistant_spans;
};

class ChatTemplate {
 public:
  // `origin` (a file's name) begins every message. Throws TemplateError for wrong syntax, Error for
  // text that is not UTF-8 or too long.
  ChatTemplate(std::string_view source, std::string origin);

  // Throws TemplateError for what the template refuses or does wrong, and at a limit; Error if
  // `request` is no conversation. Any number of threads at once.
  RenderedChat render(const ChatRequest& request, const TemplateLimits& limits = {}) const;

 private:
  std::string origin_;
  std::shared_ptr<const Statements> tree_;
};

// The chat templates that belong to a tokenizer, and the special tokens that they may name.
struct ChatTemplates {
  struct Source {
    std::string text;
    std::string origin;
  };
  std::map<std::string, Source> by_name;                         // a single one is called "default"
  std::vector<std::pair<std::string, TemplateValue>> variables;  // bos_token and the like

  // The one of this name; without a name "tool_use" if there are tools and it exists, else
  // "default". Throws Error that lists the names.
  const Source& choose(const std::string& name, bool with_tools) const;
};

// Reads chat_template.jinja and additional_chat_templates/ beside the tokenizer, or what
// tokenizer_config.json says: one template or a list of named ones. `where` is a folder or a
// tokenizer.json. Throws Error if there is none and one is `required`.
ChatTemplates load_chat_templates(const std::string& where, bool required = true);

}  // namespace weft::text
