#include "text/chat_template.h"

#include <algorithm>

#include "text/template_parser.h"
#include "text/utf8.h"

namespace weft::text {
namespace {

constexpr size_t kMaxTemplateBytes = size_t{1} << 20;

std::string message_of(std::string_view origin, const TemplateFault& fault) {
  const std::string kind =
      fault.kind == std::string_view("TemplateError") ? "" : std::string(fault.kind) + ": ";
  return std::string(origin) + ":" + std::to_string(fault.line) + ": " + kind + fault.message;
}

const TemplateValue* find(const TemplateDict& message, std::string_view key) {
  const TemplateValue* found = message.find(key);
  return found == nullptr || found->is_none() ? nullptr : found;
}

// Reasoning has had three names: every message that has one gets the first two, as transformers
// does it.
TemplateValue with_reasoning(TemplateBudget& budget, const TemplateValue& message) {
  const TemplateDict& dict = *message.dict();
  const TemplateValue* reasoning = nullptr;
  for (const char* key : {"reasoning_content", "thinking", "reasoning"}) {
    if (reasoning == nullptr) reasoning = find(dict, key);
  }
  if (reasoning == nullptr) return message;
  std::vector<std::pair<TemplateValue, TemplateValue>> entries;
  entries.emplace_back(make_text(budget, "thinking"), *reasoning);
  entries.insert(entries.end(), dict.entries.begin(), dict.entries.end());
  entries.emplace_back(make_text(budget, "reasoning_content"), *reasoning);
  return make_dict(budget, std::move(entries));
}

TemplateValue checked_messages(TemplateBudget& budget, const TemplateValue& messages) {
  const TemplateSequence* list = messages.sequence();
  if (list == nullptr)
    throw Error("a conversation is a list of messages, this is a value of type " +
                std::string(type_name(messages)));
  TemplateValues items;
  for (const TemplateValue& message : list->items) {
    if (message.dict() == nullptr)
      throw Error("message " + std::to_string(items.size() + 1) +
                  " of the conversation is no object with \"role\" and \"content\"");
    items.push_back(with_reasoning(budget, message));
  }
  return make_sequence(budget, SequenceForm::kList, std::move(items));
}

void check_objects(const TemplateValue& list, const char* name) {
  if (list.is_none()) return;
  const TemplateSequence* items = list.sequence();
  const bool good = items != nullptr &&
                    std::all_of(items->items.begin(), items->items.end(),
                                [](const TemplateValue& item) { return item.dict() != nullptr; });
  if (!good) throw Error(std::string(name) + " are a list of objects");
}

}  // namespace

TemplateError::TemplateError(std::string_view origin, const TemplateFault& fault)
    : Error(message_of(origin, fault)),
      kind_(fault.kind),
      reason_(fault.message),
      line_(fault.line) {}

ChatTemplate::ChatTemplate(std::string_view source, std::string origin)
    : origin_(std::move(origin)) {
  if (source.size() > kMaxTemplateBytes)
    throw Error(origin_ + ": a chat template of " + std::to_string(source.size()) +
                " bytes; at most " + std::to_string(kMaxTemplateBytes) + " are read");
  if (const size_t valid = valid_utf8_prefix(source); valid != source.size())
    throw Error(origin_ + ": not UTF-8 at byte " + std::to_string(valid));
  try {
    tree_ = std::make_shared<const Statements>(parse_template(source));
  } catch (const TemplateFault& fault) {
    throw TemplateError(origin_, fault);
  }
}

RenderedChat ChatTemplate::render(const ChatRequest& request, const TemplateLimits& limits) const {
  check_objects(request.tools, "tools");
  check_objects(request.documents, "documents");
  try {
    TemplateInterpreter run(limits, request.now);
    run.set("messages", checked_messages(run.budget(), request.messages));
    run.set("tools", request.tools);
    run.set("documents", request.documents);
    run.set("add_generation_prompt", TemplateValue(request.add_generation_prompt));
    for (const auto& [name, value] : request.variables) run.set(name, value);
    run.execute(*tree_);
    return {run.output(), run.spans()};
  } catch (const TemplateFault& fault) {
    throw TemplateError(origin_, fault);
  }
}

}  // namespace weft::text
