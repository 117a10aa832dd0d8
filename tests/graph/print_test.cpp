// Graphs as text and in Graphviz's language.
#include "graph/print.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "random_model.h"
#include "small_decoder.h"
#include "train/step_graph.h"
#include "weft/ops/linear.h"
#include "weft/ops/scale.h"

namespace weft::test {
namespace {

using testing::HasSubstr;

TEST(Print, TextHasALineForEachValueThatNobodyMakesAndForEachNode) {
  Graph graph;
  const Value x = graph.input("x", {DType::kF32, {2, 3}}), w = graph.parameter("w", {4, 3});
  const Graph::Scope scope(graph, "layers.0");
  ops::scale(ops::linear(x, w), 0.5);
  EXPECT_EQ(graph::to_text(graph.data()),
            "input x : f32[2, 3]\n"
            "parameter w : f32[4, 3]\n"
            "%2 = linear(x, w) {layout=out_in} : f32[2, 4]  # layers.0, forward\n"
            "%3 = scale(%2) {factor=0.5} : f32[2, 4]  # layers.0, forward\n");
}

TEST(Print, TextOfATrainingStepShowsPhasesViewsAndWhatRunsAgain) {
  Graph graph;
  const Value loss = nn::build_loss(graph, small_llama(), {.batch = 1, .time = 4});
  const train::StepGraph step = train::build_step_graph(
      graph.data(), loss, {.compute = DType::kBF16, .recompute = RecomputeMode::kFull});
  const std::string text = graph::to_text(*step.data);
  EXPECT_THAT(text, HasSubstr(", backward, again\n"));
  EXPECT_THAT(text, HasSubstr(", update\n"));
  EXPECT_THAT(text, HasSubstr(" of @parameters\n"));
  size_t lines = step.data->order.size();
  for (const graph::ValueInfo& info : step.data->values)
    lines += info.producer == graph::kNoNode ? 1 : 0;
  EXPECT_EQ(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')), lines);
}

// A reader of the part of Graphviz's language that is written: quotes closed, braces paired, and
// edges only between nodes that were declared or are quoted names.
class DotReader {
 public:
  explicit DotReader(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) read(line);
    EXPECT_EQ(depth_, 0);
  }
  size_t nodes() const { return declared_.size(); }
  size_t edges() const { return edges_; }
  size_t clusters() const { return clusters_; }

 private:
  // The line without what stands in quotes.
  static std::string bare(const std::string& line) {
    std::string result;
    bool quoted = false;
    for (size_t i = 0; i < line.size(); ++i) {
      if (quoted && line[i] == '\\') {
        ++i;
        continue;
      }
      if (line[i] == '"') quoted = !quoted;
      else if (!quoted) result += line[i];
    }
    EXPECT_FALSE(quoted) << line;
    return result;
  }

  void read(const std::string& line) {
    const std::string plain = bare(line);
    for (const char c : plain) depth_ += c == '{' ? 1 : c == '}' ? -1 : 0;
    EXPECT_GE(depth_, 0) << line;
    clusters_ += plain.find("subgraph cluster_") != std::string::npos ? 1 : 0;
    std::istringstream words(plain);
    std::string first, second, third;
    words >> first >> second >> third;
    const bool edge = plain.find("->") != std::string::npos;
    if (edge) {
      ++edges_;
      const std::string to = first == "->" ? second : third;
      EXPECT_EQ(declared_.count(to), 1u) << line;
      EXPECT_TRUE(first == "->" || declared_.count(first) == 1) << line;
    } else if (first.size() > 1 && first[0] == 'n' && std::isdigit(first[1])) {
      EXPECT_TRUE(declared_.insert(first).second) << line;
    }
  }

  int depth_ = 0;
  size_t edges_ = 0, clusters_ = 0;
  std::set<std::string> declared_;
};

TEST(Print, DotIsWellFormed) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    RandomModel model = random_model(seed);
    const DotReader dot(graph::to_dot(model.graph.data(), "a \"quoted\" \\ title"));
    EXPECT_EQ(dot.nodes(), model.graph.data().order.size());
    EXPECT_GE(dot.clusters(), 2u);
    size_t reads = 0;
    for (const graph::Node& node : model.graph.data().nodes)
      for (const graph::ValueId v : node.inputs) reads += v != graph::kNoValue ? 1 : 0;
    EXPECT_EQ(dot.edges(), reads);
  }
}

TEST(Print, DotOfAnEmptyGraphIsAGraph) {
  Graph graph;
  const DotReader dot(graph::to_dot(graph.data(), "empty"));
  EXPECT_EQ(dot.nodes(), 0u);
  EXPECT_EQ(graph::to_text(graph.data()), "");
}

TEST(Print, DotQuotesNames) {
  Graph graph;
  ops::scale(graph.input("a\"b\\c", {DType::kF32, {1}}), 2.0);
  const std::string text = graph::to_dot(graph.data(), "t");
  const DotReader dot(text);
  EXPECT_EQ(dot.edges(), 1u);
  EXPECT_THAT(text, HasSubstr("\"a\\\"b\\\\c\" -> n0"));
}

}  // namespace
}  // namespace weft::test
