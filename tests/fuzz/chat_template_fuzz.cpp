// Any bytes as a chat template: refused with an Error, or rendered within its limits to UTF-8.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "text/chat_template.h"
#include "text/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  constexpr weft::text::TemplateLimits kLimits = {
      .steps = 50'000, .bytes = int64_t{8} << 20, .output = int64_t{1} << 20, .depth = 600};
  try {
    const weft::text::ChatTemplate program(
        std::string_view(reinterpret_cast<const char*>(bytes), size), "fuzz");
    weft::text::ChatRequest request;
    request.messages = weft::text::template_value_from_json(
        R"([{"role": "user", "content": "h\u00e9"}, {"role": "assistant", "content": [{"text": "a"}],
            "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1.5, "y": null}}}]}])",
        "fuzz");
    request.add_generation_prompt = true;
    const weft::text::RenderedChat chat = program.render(request, kLimits);
    if (weft::text::valid_utf8_prefix(chat.text) != chat.text.size()) std::abort();
    if (chat.text.size() > static_cast<size_t>(kLimits.output)) std::abort();
  } catch (const weft::Error&) {
  }
  return 0;
}
