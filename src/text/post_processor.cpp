// Post-processors of tokenizer files (post_processor.h).
#include "text/post_processor.h"

#include <map>
#include <nlohmann/json.hpp>

#include "core/quote.h"
#include "weft/error.h"

namespace weft::text {
namespace {

constexpr size_t kMaxSteps = 16;
constexpr size_t kMaxPieces = 64;
constexpr int kMaxDepth = 4;

class Reader {
 public:
  explicit Reader(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  void read(const Json& component, const std::string& path, int depth);
  Frame take() { return std::move(frame_); }

 private:
  using Tokens = std::map<std::string, std::vector<int32_t>>;

  void around(const std::vector<int32_t>& before, const std::vector<int32_t>& after) {
    frame_.before.insert(frame_.before.begin(), before.begin(), before.end());
    frame_.after.insert(frame_.after.end(), after.begin(), after.end());
  }
  int32_t checked_id(const Json& id, const std::string& path) const;
  int32_t token_and_id(JsonFields& fields, std::string_view key) const;
  Tokens read_tokens(JsonFields& fields) const;
  void read_template(JsonFields& fields);
  void read_pair_template(JsonFields& fields, const Tokens& tokens) const;

  const Vocabulary& vocabulary_;
  Frame frame_;
};

int32_t Reader::checked_id(const Json& id, const std::string& path) const {
  if (!is_integer_within(id, 0, vocabulary_.size() - 1)) {
    throw Error(path + ": expected an id below " + std::to_string(vocabulary_.size()) + ", found " +
                quote(id.dump(), 40));
  }
  return id.get<int32_t>();
}

// ["[CLS]", 101]
int32_t Reader::token_and_id(JsonFields& fields, std::string_view key) const {
  const Json& pair = fields.array(key, 2);
  if (pair.size() != 2 || !pair[0].is_string()) fields.fail(key, "expected [token, id]");
  return checked_id(pair[1], fields.path_of(key));
}

Reader::Tokens Reader::read_tokens(JsonFields& fields) const {
  Tokens tokens;
  const Json* list = fields.find("special_tokens");
  if (list == nullptr) return tokens;
  if (!list->is_object()) fields.fail("special_tokens", "expected an object");
  for (const auto& [name, entry] : list->items()) {
    JsonFields token(entry, fields.path_of("special_tokens") + "[" + quote(name) + "]");
    token.text("id");
    const Json& ids = token.array("ids", kMaxPieces);
    if (token.array("tokens", kMaxPieces).size() != ids.size()) {
      token.fail("tokens", "must be as many as ids");
    }
    token.done();
    for (const Json& id : ids) tokens[name].push_back(checked_id(id, token.path_of("ids")));
  }
  return tokens;
}

// Reads one piece of a template: what it adds, or nothing for the sequence whose letter it returns.
struct TemplatePiece {
  char sequence = '\0';
  std::vector<int32_t> ids;
};

TemplatePiece read_piece(const Json& piece,
                         const std::map<std::string, std::vector<int32_t>>& tokens,
                         const std::string& path) {
  JsonFields fields(piece, path);
  TemplatePiece result;
  if (const Json* sequence = fields.find("Sequence")) {
    JsonFields inner(*sequence, fields.path_of("Sequence"));
    const std::string& letter = inner.text("id");
    if (letter != "A" && letter != "B") inner.fail("id", "must be A or B");
    result.sequence = letter[0];
    inner.integer("type_id", 0, INT32_MAX);
    inner.done();
  } else {
    JsonFields inner(fields.at("SpecialToken"), fields.path_of("SpecialToken"));
    const std::string& name = inner.text("id");
    const auto known = tokens.find(name);
    if (known == tokens.end()) inner.fail("id", quote(name) + " is not in special_tokens");
    result.ids = known->second;
    inner.integer("type_id", 0, INT32_MAX);
    inner.done();
  }
  fields.done();
  return result;
}

void Reader::read_pair_template(JsonFields& fields, const Tokens& tokens) const {
  if (fields.find("pair") == nullptr) return;
  const Json& pieces = fields.array("pair", kMaxPieces);
  for (size_t i = 0; i < pieces.size(); ++i) {
    read_piece(pieces[i], tokens, fields.path_of("pair") + "[" + std::to_string(i) + "]");
  }
}

void Reader::read_template(JsonFields& fields) {
  const Tokens tokens = read_tokens(fields);
  const Json& pieces = fields.array("single", kMaxPieces);
  Frame frame;
  int sequences = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const std::string path = fields.path_of("single") + "[" + std::to_string(i) + "]";
    const TemplatePiece piece = read_piece(pieces[i], tokens, path);
    if (piece.sequence == 'B') throw Error(path + ": sequence B in the template for one sequence");
    if (piece.sequence == 'A') ++sequences;
    auto& side = sequences == 0 ? frame.before : frame.after;
    side.insert(side.end(), piece.ids.begin(), piece.ids.end());
  }
  if (sequences != 1) fields.fail("single", "must have sequence A exactly once");
  read_pair_template(fields, tokens);
  around(frame.before, frame.after);
}

void Reader::read(const Json& component, const std::string& path, int depth) {
  JsonFields fields(component, path);
  const std::string& type = fields.text("type");
  if (type == "ByteLevel") {  // of offsets alone, which are not made here
    for (const char* key : {"add_prefix_space", "trim_offsets", "use_regex"})
      fields.flag_or(key, true);
  } else if (type == "TemplateProcessing") {
    read_template(fields);
  } else if (type == "RobertaProcessing" || type == "BertProcessing") {
    if (type == "RobertaProcessing") {
      for (const char* key : {"add_prefix_space", "trim_offsets"}) fields.flag_or(key, true);
    }
    const int32_t first = token_and_id(fields, "cls"), last = token_and_id(fields, "sep");
    around({first}, {last});
  } else if (type == "Sequence" && depth < kMaxDepth) {
    const Json& list = fields.array("processors", kMaxSteps);
    for (size_t i = 0; i < list.size(); ++i) {
      read(list[i], fields.path_of("processors") + "[" + std::to_string(i) + "]", depth + 1);
    }
  } else {
    fields.fail("type", "the post-processor " + quote(type) +
                            " is not supported here; supported: BertProcessing, ByteLevel, "
                            "RobertaProcessing, Sequence, TemplateProcessing");
  }
  fields.done();
}

}  // namespace

Frame read_post_processor(const Json& component, const Vocabulary& vocabulary,
                          const std::string& path) {
  Reader reader(vocabulary);
  if (!component.is_null()) reader.read(component, path, 0);
  return reader.take();
}

}  // namespace weft::text
