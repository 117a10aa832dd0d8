// Viterbi without a stored lattice, as SentencePiece's EncodeOptimized (unigram_lattice.h).
#include "text/unigram_lattice.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "text/utf8.h"
#include "weft/error.h"

namespace weft::text {
namespace {

constexpr std::string_view kSpaceMark = "\u2581";

// One more way to a node.
void offer(LatticeNode& node, double score, uint32_t size, int32_t id) {
  if (node.size == 0 || score > node.score) {
    if (node.size > 0) node.second = node.score;
    node.score = score;
    node.size = size;
    node.id = id;
  } else {
    node.second = std::max(node.second, score);
  }
}

void offer(SingleLatticeNode& node, float score, uint32_t size, int32_t id) {
  if (node.size == 0 || score > node.score) node = {score, size, id};
}

std::vector<LatticeNode>& nodes_of(ModelScratch& scratch, double) {
  return scratch.nodes;
}
std::vector<SingleLatticeNode>& nodes_of(ModelScratch& scratch, float) {
  return scratch.single_nodes;
}

}  // namespace

bool has_inner_space_mark(std::string_view piece) {
  while (piece.starts_with(kSpaceMark)) piece.remove_prefix(kSpaceMark.size());
  return piece.find(kSpaceMark) != piece.npos;
}

void UnigramLattice::add(std::string_view piece, int32_t id, double score) {
  added_.push_back({piece, static_cast<int32_t>(pieces_.size())});
  pieces_.push_back({score, id});
  longest_ = std::max(longest_, piece.size());
  cuts_at_spaces_ = cuts_at_spaces_ && !has_inner_space_mark(piece);
}

double UnigramLattice::add_user_defined(std::string_view piece, int32_t id) {
  const float score = static_cast<float>(0.1 * static_cast<double>(piece.size() - 1));
  add(piece, id, score);
  return score;
}

void UnigramLattice::finish() {
  // Of equal pieces the last one added comes first, and stays.
  std::ranges::sort(added_, [](const auto& a, const auto& b) {
    const int order = a.text.compare(b.text);
    return order != 0 ? order < 0 : a.value > b.value;
  });
  const auto same = [](const auto& a, const auto& b) { return a.text == b.text; };
  added_.erase(std::unique(added_.begin(), added_.end(), same), added_.end());
  trie_ = DoubleArray(added_);
  added_ = {};
}

// Tries every piece that begins at `at`, where a character of so many bytes lies.
template <class Node>
void UnigramLattice::extend(std::string_view text, size_t at, uint32_t character,
                            std::vector<Node>& nodes) const {
  using Float = decltype(Node::score);
  const Float till_here = nodes[at].score;
  bool has_character = false;
  uint32_t node = DoubleArray::kRoot;
  for (size_t end = at; end < text.size();) {
    node = trie_.child(node, text[end++]);
    if (node == DoubleArray::kNone) break;
    const int32_t value = trie_.value(node);
    if (value < 0) continue;
    const Piece& piece = pieces_[static_cast<size_t>(value)];
    const auto size = static_cast<uint32_t>(end - at);
    offer(nodes[end], static_cast<Float>(piece.score) + till_here, size, piece.id);
    has_character = has_character || size == character;
  }
  if (has_character) return;
  const Float score = static_cast<Float>(unknown_score_) + till_here;
  offer(nodes[at + character], score, character, unknown_id_);
}

// Takes the first node's sum off from all sums, which it leaves behind as 0.
void UnigramLattice::begin_sums_again(std::span<SingleLatticeNode> nodes) const {
  const float offset = nodes[0].score;
  nodes[0].score = 0;
  for (SingleLatticeNode& node : nodes.subspan(1, std::min(longest_, nodes.size() - 1)))
    if (node.size > 0) node.score -= offset;
}

template <class Float>
Float UnigramLattice::find_path(std::string_view text, ModelScratch& scratch, Float start) const {
  constexpr bool kIsSingle = std::is_same_v<Float, float>;
  auto& nodes = nodes_of(scratch, Float());
  nodes.assign(text.size() + 1, {});
  nodes[0].score = start;
  for (size_t at = 0; at < text.size();) {
    if constexpr (kIsSingle) {
      if (std::abs(nodes[at].score) > kLargestSum) begin_sums_again(std::span(nodes).subspan(at));
    }
    const bool is_ascii = static_cast<uint8_t>(text[at]) < 0x80;
    const uint32_t character = is_ascii ? 1 : utf8_at(text, at).size;
    extend(text, at, character, nodes);
    at += character;
  }
  scratch.path.clear();
  for (size_t end = text.size(); end > 0; end -= nodes[end].size) {
    WEFT_ASSERT(nodes[end].size > 0);
    scratch.path.push_back({nodes[end].id, end - nodes[end].size, end});
  }
  std::ranges::reverse(scratch.path);
  return nodes[text.size()].score;
}

// Each of at most n sums on either of two ways is rounded by at most 2^-24 of its magnitude.
float UnigramLattice::single_precision_limit(std::string_view text, const ModelScratch& scratch) {
  double least = std::numeric_limits<double>::infinity();
  for (const WordToken& token : scratch.path) {
    const LatticeNode& node = scratch.nodes[token.end];
    least = std::min(least, node.score - node.second);
  }
  const double limit = least * 0x1p22 / static_cast<double>(text.size());  // half of the bound
  return static_cast<float>(std::min<double>(limit, std::numeric_limits<float>::max()));
}

template float UnigramLattice::find_path<float>(std::string_view, ModelScratch&, float) const;
template double UnigramLattice::find_path<double>(std::string_view, ModelScratch&, double) const;

}  // namespace weft::text
