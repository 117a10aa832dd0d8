// The golden GPT-2 in float64, without cache or speed: what beam search is tested with. Not a model
// for anything else. Compiled apart: tests are compiled without optimization under sanitizers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "golden_file.h"

namespace weft::generate {

class NaiveGpt2 {
 public:
  explicit NaiveGpt2(const std::string& folder);

  // Logits of the token after `tokens`.
  std::vector<float> next_logits(const std::vector<int32_t>& tokens);

 private:
  using Row = std::vector<double>;

  const std::vector<double>& tensor(const std::string& name);
  Row row(const std::string& name, size_t index);
  Row norm(const Row& x, const std::string& name);
  Row linear(const Row& x, const std::string& name);
  void block(std::vector<Row>& hidden, const std::string& name);
  Row attend(const std::vector<Row>& qkv, size_t t) const;

  GoldenFile file_;
  std::map<std::string, std::vector<double>> tensors_;
  size_t width_ = 0, heads_ = 0, layers_ = 0;
  double epsilon_ = 0;
};

}  // namespace weft::generate
