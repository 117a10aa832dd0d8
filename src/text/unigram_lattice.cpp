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
  const auto repeated = std::ranges::unique(added_, {}, &DoubleArray::Entry::text);
  added_.erase(repeated.begin(), repeated.end());
  trie_ = DoubleArray(added_);
  added_ = {};
}

// One more way to a node.
template <class Float>
void UnigramLattice::offer(LatticeNode& node, double score, size_t start, int32_t id) {
  if (node.id == LatticeNode::kUnreached || score > node.score) {
    if (node.id != LatticeNode::kUnreached) node.second = node.score;
    node.score = static_cast<Float>(score);
    node.start = start;
    node.id = id;
  } else {
    node.second = std::max(node.second, score);
  }
}

// Tries every piece that begins at `at`.
template <class Float>
void UnigramLattice::extend(std::string_view text, size_t at,
                            std::vector<LatticeNode>& nodes) const {
  const double till_here = nodes[at].score;
  const size_t character = utf8_at(text, at).size;
  bool has_character = false;
  uint32_t node = DoubleArray::kRoot;
  for (size_t end = at; end < text.size();) {
    node = trie_.child(node, text[end++]);
    if (node == DoubleArray::kNone) break;
    const int32_t value = trie_.value(node);
    if (value < 0) continue;
    const Piece& piece = pieces_[static_cast<size_t>(value)];
    offer<Float>(nodes[end], static_cast<Float>(piece.score + till_here), at, piece.id);
    has_character = has_character || end - at == character;
  }
  if (has_character) return;
  const Float score = static_cast<Float>(unknown_score_) + static_cast<Float>(till_here);
  offer<Float>(nodes[at + character], score, at, unknown_id_);
}

// Takes the first node's sum off from all sums, which it leaves behind as 0.
void UnigramLattice::begin_sums_again(std::span<LatticeNode> nodes) const {
  const auto offset = static_cast<float>(nodes[0].score);
  nodes[0].score = 0;
  for (LatticeNode& node : nodes.subspan(1, std::min(longest_, nodes.size() - 1)))
    if (node.id != LatticeNode::kUnreached) node.score = static_cast<float>(node.score) - offset;
}

template <class Float>
Float UnigramLattice::find_path(std::string_view text, ModelScratch& scratch, Float start) const {
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  std::vector<LatticeNode>& nodes = scratch.nodes;
  nodes.assign(text.size() + 1, {0, kNever, 0, LatticeNode::kUnreached});
  nodes[0].score = start;
  for (size_t at = 0; at < text.size(); at += utf8_at(text, at).size) {
    if constexpr (std::is_same_v<Float, float>) {
      if (std::abs(nodes[at].score) > kLargestSum) begin_sums_again(std::span(nodes).subspan(at));
    }
    extend<Float>(text, at, nodes);
  }
  scratch.path.clear();
  for (size_t end = text.size(); end > 0; end = nodes[end].start) {
    WEFT_ASSERT(nodes[end].id != LatticeNode::kUnreached);
    scratch.path.push_back({nodes[end].id, nodes[end].start, end});
  }
  std::ranges::reverse(scratch.path);
  return static_cast<Float>(nodes[text.size()].score);
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
