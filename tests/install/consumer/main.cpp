// Builds a graph with the public C++ API, trains it a step, and reads what an error says. Exits 1
// where the installed library does not do what its headers promise.
#include <weft/error.h>
#include <weft/graph.h>
#include <weft/ops/add.h>
#include <weft/shape.h>

#include <cstdio>
#include <string>

namespace {

int failures = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not as promised: %s\n", what);
  ++failures;
}

void build_a_graph() {
  weft::Graph graph;
  const weft::Value a = graph.input("a", {weft::DType::kF32, {2, 3}});
  const weft::Value b = graph.parameter("b", {2, 3}, weft::Initializer::normal(0.02));
  const weft::Value sum = weft::ops::add(a, b);
  expect(sum.type().to_string() == a.type().to_string(), "a sum is of its operands' type");
}

void read_an_error() {
  weft::Graph graph;
  const weft::Value a = graph.input("a", {weft::DType::kF32, {2, 3}});
  const weft::Value b = graph.input("b", {weft::DType::kF32, {3, 2}});
  try {
    weft::ops::add(a, b);
    expect(false, "a sum of two shapes is an error");
  } catch (const weft::Error& error) {
    expect(std::string(error.what()).find("[3, 2]") != std::string::npos,
           "the error says the shape");
  }
}

}  // namespace

int main() {
  build_a_graph();
  read_an_error();
  return failures == 0 ? 0 : 1;
}
