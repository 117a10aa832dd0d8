// Viterbi without a stored lattice, as SentencePiece's EncodeOptimized (unigram_lattice.h).
#include "text/unigram_lattice.h"

#include <algorithm>

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
  pieces_.insert(piece, static_cast<int32_t>(ids_.size()));
  ids_.push_back(id);
  scores_.push_back(score);
  cuts_at_spaces_ = cuts_at_spaces_ && !has_inner_space_mark(piece);
}

void UnigramLattice::add_user_defined(std::string_view piece, int32_t id, double per_byte) {
  add(piece, id, static_cast<double>(piece.size()) * per_byte - 0.1);
}

// Tries every piece that begins at `at`.
template <class Float>
void UnigramLattice::extend(std::string_view text, size_t at,
                            std::vector<LatticeNode>& nodes) const {
  const double till_here = nodes[at].score;
  const size_t character = utf8_at(text, at).size;
  bool has_character = false;
  uint32_t node = ByteTrie::kRoot;
  for (size_t end = at; end < text.size();) {
    node = pieces_.child(node, text[end++]);
    if (node == ByteTrie::kNone) break;
    const int32_t entry = pieces_.value(node);
    if (entry < 0) continue;
    const double score = scores_[static_cast<size_t>(entry)] + till_here;
    LatticeNode& target = nodes[end];
    if (target.id == LatticeNode::kUnreached || score > target.score) {
      target = {static_cast<Float>(score), at, ids_[static_cast<size_t>(entry)]};
    }
    has_character = has_character || end - at == character;
  }
  if (has_character) return;
  LatticeNode& target = nodes[at + character];
  const double score = static_cast<Float>(unknown_score_) + static_cast<Float>(till_here);
  if (target.id == LatticeNode::kUnreached || score > target.score) {
    target = {static_cast<Float>(score), at, unknown_id_};
  }
}

template <class Float>
void UnigramLattice::find_path(std::string_view text, ModelScratch& scratch) const {
  std::vector<LatticeNode>& nodes = scratch.nodes;
  nodes.assign(text.size() + 1, {0, 0, LatticeNode::kUnreached});
  for (size_t at = 0; at < text.size(); at += utf8_at(text, at).size)
    extend<Float>(text, at, nodes);
  scratch.path.clear();
  for (size_t end = text.size(); end > 0; end = nodes[end].start) {
    WEFT_ASSERT(nodes[end].id != LatticeNode::kUnreached);
    scratch.path.push_back({nodes[end].id, nodes[end].start, end});
  }
  std::ranges::reverse(scratch.path);
}

template void UnigramLattice::find_path<float>(std::string_view, ModelScratch&) const;
template void UnigramLattice::find_path<double>(std::string_view, ModelScratch&) const;

}  // namespace weft::text
