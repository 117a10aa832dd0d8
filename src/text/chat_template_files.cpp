// Where a tokenizer's chat templates are found (load_chat_templates in chat_template.h), in the
// order in which transformers looks.
#include <array>
#include <nlohmann/json.hpp>

#include "core/contained_file.h"
#include "core/file_system.h"
#include "core/quote.h"
#include "core/strict_json.h"
#include "text/chat_template.h"

namespace weft::text {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMaxConfigBytes = int64_t{16} << 20;
constexpr std::array<const char*, 7> kSpecialTokens = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

ChatTemplates::Source from_file(const Path& folder, const Path& file) {
  refuse_link_outside(folder, file);
  return {read_text_file(file, kMaxConfigBytes), printable(file.native())};
}

void read_files(const Path& folder, ChatTemplates& into) {
  if (is_contained_file(folder, folder / "chat_template.jinja"))
    into.by_name.insert_or_assign("default", from_file(folder, folder / "chat_template.jinja"));
  const Path more = folder / "additional_chat_templates";
  if (real_file_system().status(more).kind != FileKind::kFolder) return;
  for (const std::string& name : real_file_system().list(more)) {
    const Path file = more / name;
    if (file.extension() == ".jinja")
      into.by_name.insert_or_assign(file.stem().string(), from_file(folder, file));
  }
}

// One text, or [{"name": ..., "template": ...}].
void read_config_templates(const Json& given, const std::string& origin, ChatTemplates& into) {
  if (given.is_string()) {
    into.by_name["default"] = {given.get<std::string>(), origin + ": chat_template"};
    return;
  }
  if (!given.is_array())
    throw Error(origin + ": chat_template is a text or a list of objects with name and template");
  for (const Json& one : given) {
    const bool whole = one.is_object() && one.contains("name") && one["name"].is_string() &&
                       one.contains("template") && one["template"].is_string();
    if (!whole)
      throw Error(origin + ": each member of chat_template has a name and a template, both text");
    const auto name = one["name"].get<std::string>();
    into.by_name[name] = {one["template"].get<std::string>(),
                          origin + ": chat_template " + quote(name)};
  }
}

void read_special_tokens(const Json& config, ChatTemplates& into) {
  TemplateBudget budget({});
  for (const char* key : kSpecialTokens) {
    if (!config.contains(key)) continue;
    const Json& given = config[key];
    const Json& token = given.is_object() && given.contains("content") ? given["content"] : given;
    if (token.is_string())
      into.variables.emplace_back(key, make_text(budget, token.get<std::string>()));
  }
}

void read_config(const Path& folder, ChatTemplates& into) {
  const Path file = folder / "tokenizer_config.json";
  if (!is_contained_file(folder, file)) return;
  const Json config = read_json_file(file, {.bytes = kMaxConfigBytes});
  if (!config.is_object()) throw Error(printable(file.native()) + ": a JSON object is expected");
  if (config.contains("chat_template") && !config["chat_template"].is_null())
    read_config_templates(config["chat_template"], printable(file.native()), into);
  read_special_tokens(config, into);
}

}  // namespace

const ChatTemplates::Source& ChatTemplates::choose(const std::string& name, bool with_tools) const {
  const auto tool_use = by_name.find("tool_use");
  auto found = by_name.find(name.empty() ? "default" : name);
  if (name.empty() && with_tools && tool_use != by_name.end()) found = tool_use;
  if (name.empty() && found == by_name.end() && by_name.size() == 1) found = by_name.begin();
  if (found != by_name.end()) return found->second;
  std::string names;
  for (const auto& [one, source] : by_name) names += (names.empty() ? "" : ", ") + quote(one);
  throw Error((name.empty() ? "which chat template? None is called 'default'"
                            : "no chat template is called " + quote(name)) +
              "; there are " + names);
}

ChatTemplates load_chat_templates(const std::string& where, bool required) {
  const Path path = where;
  const FileKind kind = real_file_system().status(path).kind;
  if (kind == FileKind::kMissing) throw Error(where + ": no such file or folder");
  const Path folder = kind == FileKind::kFolder ? path : parent_folder(path);
  ChatTemplates all;
  read_config(folder, all);
  read_files(folder, all);
  if (required && all.by_name.empty())
    throw Error(where +
                ": the tokenizer has no chat template: no chat_template.jinja beside it and no "
                "chat_template in its tokenizer_config.json; give one with --template");
  return all;
}

}  // namespace weft::text
