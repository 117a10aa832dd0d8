// Estimation over the lattices of words (unigram_estimator.h). Sums of probabilities are kept
// relative to the best way to a place, so that nothing overflows however long a word is.
#include "text/unigram_estimator.h"

#include <algorithm>
#include <limits>

#include "weft/error.h"
#include "weft/portable_math.h"

namespace weft::text {
namespace {

constexpr size_t kNoPiece = SIZE_MAX;
constexpr double kNever = -std::numeric_limits<double>::infinity();
// Parts of the corpus that are counted apart, whatever the number of threads.
constexpr size_t kParts = 16;

}  // namespace

double digamma(double x) {
  double below = 0;
  for (; x < 10; ++x) below -= 1 / x;
  const double y = 1 / (x * x);
  const double series =
      y * (1.0 / 12 - y * (1.0 / 120 - y * (1.0 / 252 - y * (1.0 / 240 - y * (1.0 / 132)))));
  return below + portable::log(x) - 0.5 / x - series;
}

UnigramEstimator::UnigramEstimator(const CoveredWords& words,
                                   const std::vector<UnigramPiece>& pieces)
    : words_(words), pieces_(pieces) {
  for (size_t i = 0; i < pieces.size(); ++i) trie_.insert(pieces[i].text, static_cast<int32_t>(i));
}

// All pieces in a word, in order of where they begin, and the best way to each place.
void UnigramEstimator::find_edges(std::string_view word, size_t except, Scratch& scratch) const {
  scratch.edges.clear();
  scratch.best.assign(word.size() + 1, kNever);
  scratch.last.assign(word.size() + 1, UINT32_MAX);
  scratch.best[0] = 0;
  for (size_t begin = 0; begin < word.size(); ++begin) {
    const double here = scratch.best[begin];
    if (here == kNever) continue;
    uint32_t node = ByteTrie::kRoot;
    for (size_t end = begin; end < word.size();) {
      node = trie_.child(node, word[end++]);
      if (node == ByteTrie::kNone) break;
      const int32_t piece = trie_.value(node);
      if (piece < 0 || static_cast<size_t>(piece) == except) continue;
      const double score = here + pieces_[static_cast<size_t>(piece)].score;
      if (score > scratch.best[end]) {
        scratch.best[end] = score;
        scratch.last[end] = static_cast<uint32_t>(scratch.edges.size());
      }
      scratch.edges.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end),
                               static_cast<uint32_t>(piece), 0});
    }
  }
  WEFT_ASSERT(scratch.best[word.size()] != kNever);
}

void UnigramEstimator::count_expected(const CoveredWords::Word& word, Scratch& scratch,
                                      std::vector<double>& counts) const {
  const std::string_view text = words_.text(word);
  find_edges(text, kNoPiece, scratch);
  auto& [edges, best, forward, backward, last] = scratch;
  forward.assign(text.size() + 1, 0);
  backward.assign(text.size() + 1, 0);
  forward[0] = backward[text.size()] = 1;
  for (Edge& edge : edges) {
    edge.weight = portable::exp(best[edge.from] + pieces_[edge.piece].score - best[edge.to]);
    forward[edge.to] += forward[edge.from] * edge.weight;
  }
  const double scale = static_cast<double>(word.count) / forward[text.size()];
  for (auto edge = edges.rbegin(); edge != edges.rend(); ++edge) {
    const double rest = edge->weight * backward[edge->to];
    backward[edge->from] += rest;
    counts[edge->piece] += scale * forward[edge->from] * rest;
  }
}

void UnigramEstimator::count_best(const CoveredWords::Word& word, Scratch& scratch,
                                  std::vector<double>& counts) const {
  const std::string_view text = words_.text(word);
  find_edges(text, kNoPiece, scratch);
  for (size_t at = text.size(); at > 0;) {
    const Edge& edge = scratch.edges[scratch.last[at]];
    counts[edge.piece] += static_cast<double>(word.count);
    at = edge.from;
  }
}

template <class Body>
std::vector<double> UnigramEstimator::count(const ParallelFor& parallel,
                                            const Body& count_word) const {
  const auto& words = words_.words();
  std::vector<std::vector<double>> parts(kParts);
  parallel(kParts, [&](int64_t i, int) {
    const auto part = static_cast<size_t>(i);
    std::vector<double>& counts = parts[part];
    counts.assign(pieces_.size(), 0);
    Scratch scratch;
    const size_t begin = words.size() * part / kParts, end = words.size() * (part + 1) / kParts;
    for (size_t w = begin; w < end; ++w) count_word(words[w], scratch, counts);
  });
  for (size_t part = 1; part < kParts; ++part)
    for (size_t i = 0; i < pieces_.size(); ++i) parts[0][i] += parts[part][i];
  return std::move(parts[0]);
}

std::vector<double> UnigramEstimator::expected_counts(const ParallelFor& parallel) const {
  return count(parallel, [this](const auto& word, Scratch& scratch, std::vector<double>& counts) {
    count_expected(word, scratch, counts);
  });
}

std::vector<double> UnigramEstimator::best_counts(const ParallelFor& parallel) const {
  return count(parallel, [this](const auto& word, Scratch& scratch, std::vector<double>& counts) {
    count_best(word, scratch, counts);
  });
}

std::vector<size_t> UnigramEstimator::alternative(size_t piece) const {
  Scratch scratch;
  const std::string_view text = pieces_[piece].text;
  find_edges(text, piece, scratch);
  std::vector<size_t> result;
  for (size_t at = text.size(); at > 0;) {
    const Edge& edge = scratch.edges[scratch.last[at]];
    result.push_back(edge.piece);
    at = edge.from;
  }
  std::ranges::reverse(result);
  return result;
}

}  // namespace weft::text
