// One unigram language model over counted words, while it is learned: how often its pieces are
// expected, and what each is worth. Not here: when pieces go (unigram_trainer.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/byte_trie.h"
#include "text/unigram_seeds.h"
#include "weft/parallel_for.h"

namespace weft::text {

struct UnigramPiece {
  std::string text;
  double score;    // logarithm of the probability
  bool is_letter;  // a single character: never goes
};

// Sums have a fixed order, whatever the number of threads.
class UnigramEstimator {
 public:
  // `pieces` has every character of `words`. Both must outlive the estimator, unchanged.
  UnigramEstimator(const CoveredWords& words, const std::vector<UnigramPiece>& pieces);

  // By piece: how often it is expected in the corpus (Baum-Welch over all segmentations).
  std::vector<double> expected_counts(const ParallelFor& parallel) const;
  // By piece: how often it is in the best segmentations of the corpus.
  std::vector<double> best_counts(const ParallelFor& parallel) const;
  // The best segmentation of a piece by others.
  std::vector<size_t> alternative(size_t piece) const;

 private:
  struct Edge {
    uint32_t from, to, piece;
    double weight;
  };
  struct Scratch {
    std::vector<Edge> edges;
    std::vector<double> best, forward, backward;
    std::vector<uint32_t> last;  // by place: the edge on the best way there
  };

  template <class Body>
  std::vector<double> count(const ParallelFor& parallel, const Body& count_word) const;
  void find_edges(std::string_view word, size_t except, Scratch& scratch) const;
  void count_expected(const CoveredWords::Word& word, Scratch& scratch,
                      std::vector<double>& counts) const;
  void count_best(const CoveredWords::Word& word, Scratch& scratch,
                  std::vector<double>& counts) const;

  const CoveredWords& words_;
  const std::vector<UnigramPiece>& pieces_;
  ByteTrie trie_;
};

// The derivative of the logarithm of the gamma function, for x > 0. Relative error below 1e-12.
double digamma(double x);

}  // namespace weft::text
