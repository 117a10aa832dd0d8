// Post-processors of tokenizer files (post_processor.h).
#include "text/post_processor.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/quote.h"
#include "weft/error.h"

namespace weft::text {
namespace {

constexpr size_t kMaxSteps = 16;
constexpr size_t kMaxPieces = 64;
constexpr int kMaxDepth = 4;

FramePiece text(int32_t sequence, int32_t type_id) {
  return {.sequence = sequence, .id = -1, .type_id = type_id};
}
FramePiece token(int32_t id, int32_t type_id) {
  return {.sequence = -1, .id = id, .type_id = type_id};
}

class Reader {
 public:
  explicit Reader(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  void read(const Json& component, const std::string& path, int depth);
  Frame take() { return std::move(frame_); }

 private:
  using Tokens = std::map<std::string, std::vector<int32_t>>;

  // Puts a further frame around the one so far. Pairs are known only within a single one.
  void around(std::vector<FramePiece> single, std::vector<FramePiece> pair);
  int32_t checked_id(const Json& id, const std::string& path) const;
  int32_t token_and_id(JsonFields& fields, std::string_view key) const;
  Tokens read_tokens(JsonFields& fields) const;
  void read_template(JsonFields& fields);
  std::vector<FramePiece> read_pieces(JsonFields& fields, const char* key,
                                      const Tokens& tokens) const;
  void read_classifier(JsonFields& fields, bool roberta);
  void read_trimming(JsonFields& fields);

  const Vocabulary& vocabulary_;
  Frame frame_{.before = {},
               .after = {},
               .single = {text(0, 0)},
               .pair = {text(0, 0), text(1, 1)},
               .trims_offsets = {}};
  bool framed_ = false;
};

void Reader::around(std::vector<FramePiece> single, std::vector<FramePiece> pair) {
  const auto place = std::ranges::find(single, 0, &FramePiece::sequence);
  std::vector<FramePiece> whole(single.begin(), place);
  whole.insert(whole.end(), frame_.single.begin(), frame_.single.end());
  whole.insert(whole.end(), place + 1, single.end());
  frame_.single = std::move(whole);
  frame_.pair = framed_ ? std::vector<FramePiece>() : std::move(pair);
  framed_ = true;
  frame_.before.clear();
  frame_.after.clear();
  std::vector<int32_t>* side = &frame_.before;
  for (const FramePiece& piece : frame_.single) {
    if (piece.sequence == 0) side = &frame_.after;
    if (piece.sequence < 0) side->push_back(piece.id);
  }
}

int32_t Reader::checked_id(const Json& id, const std::string& path) const {
  if (!is_integer_within(id, 0, vocabulary_.size() - 1)) {
    throw Error(path + ": expected an id below " + std::to_string(vocabulary_.size()) + ", found " +
                quote(id.dump(), 40));
  }
  if (vocabulary_.text(id.get<int32_t>()).empty())
    throw Error(path + ": no token has the id " + id.dump());
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

// Appends one piece of a template: a text or the tokens of a name.
void read_piece(const Json& piece, const std::map<std::string, std::vector<int32_t>>& tokens,
                const std::string& path, std::vector<FramePiece>& pieces) {
  JsonFields fields(piece, path);
  const auto type_of = [](JsonFields& inner) {
    return static_cast<int32_t>(inner.integer("type_id", 0, INT32_MAX));
  };
  if (const Json* sequence = fields.find("Sequence")) {
    JsonFields inner(*sequence, fields.path_of("Sequence"));
    const std::string& letter = inner.text("id");
    if (letter != "A" && letter != "B") inner.fail("id", "must be A or B");
    pieces.push_back(text(letter == "A" ? 0 : 1, type_of(inner)));
    inner.done();
  } else {
    JsonFields inner(fields.at("SpecialToken"), fields.path_of("SpecialToken"));
    const std::string& name = inner.text("id");
    const auto known = tokens.find(name);
    if (known == tokens.end()) inner.fail("id", quote(name) + " is not in special_tokens");
    for (const int32_t id : known->second) pieces.push_back(token(id, type_of(inner)));
    inner.done();
  }
  fields.done();
}

std::vector<FramePiece> Reader::read_pieces(JsonFields& fields, const char* key,
                                            const Tokens& tokens) const {
  std::vector<FramePiece> pieces;
  const Json& list = fields.array(key, kMaxPieces);
  for (size_t i = 0; i < list.size(); ++i) {
    read_piece(list[i], tokens, fields.path_of(key) + "[" + std::to_string(i) + "]", pieces);
  }
  return pieces;
}

void Reader::read_template(JsonFields& fields) {
  const Tokens tokens = read_tokens(fields);
  std::vector<FramePiece> single = read_pieces(fields, "single", tokens);
  if (std::ranges::count(single, 1, &FramePiece::sequence) != 0) {
    fields.fail("single", "has sequence B in the template for one sequence");
  }
  if (std::ranges::count(single, 0, &FramePiece::sequence) != 1) {
    fields.fail("single", "must have sequence A exactly once");
  }
  std::vector<FramePiece> pair = {text(0, 0), text(1, 1)};
  if (fields.find("pair") != nullptr) pair = read_pieces(fields, "pair", tokens);
  around(std::move(single), std::move(pair));
}

// BERT: [CLS] A [SEP] B [SEP]; RoBERTa: <s> A </s> </s> B </s>, all of type 0.
void Reader::read_classifier(JsonFields& fields, bool roberta) {
  if (roberta) read_trimming(fields);
  const int32_t first = token_and_id(fields, "cls"), last = token_and_id(fields, "sep");
  const std::vector<FramePiece> single = {token(first, 0), text(0, 0), token(last, 0)};
  std::vector<FramePiece> pair = single;
  const int32_t second_type = roberta ? 0 : 1;
  if (roberta) pair.push_back(token(last, 0));
  pair.push_back(text(1, second_type));
  pair.push_back(token(last, second_type));
  around(single, std::move(pair));
}

void Reader::read_trimming(JsonFields& fields) {
  const bool prefix = fields.flag_or("add_prefix_space", true);
  if (fields.flag_or("trim_offsets", true)) frame_.trims_offsets = prefix;
}

void Reader::read(const Json& component, const std::string& path, int depth) {
  JsonFields fields(component, path);
  const std::string& type = fields.text("type");
  if (type == "ByteLevel") {
    read_trimming(fields);
    fields.flag_or("use_regex", true);
  } else if (type == "TemplateProcessing") {
    read_template(fields);
  } else if (type == "RobertaProcessing" || type == "BertProcessing") {
    read_classifier(fields, type == "RobertaProcessing");
  } else if (type == "Sequence" && depth < kMaxDepth) {
    const Json& list = fields.array("processors", kMaxSteps);
    for (size_t i = 0; i < list.size(); ++i) {
      read(list[i], fields.path_of("processors") + "[" + std::to_string(i) + "]", depth + 1);
    }
  } else {
    fields.fail("type", "the post-processor " + quote(type) +
                            " is not known; known: BertProcessing, ByteLevel, "
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
