// Random small models: graphs of elementwise, matrix and norm operators in which values are used
// several times, once or never, in layers. What properties of the passes are tried on.
#pragma once

#include <string>
#include <vector>

#include "weft/graph.h"
#include "weft/philox.h"

namespace weft::test {

// A stream of random choices that depends on its seed alone.
class Dice {
 public:
  explicit Dice(uint64_t seed) : key_(random_key(seed, "dice")) {}
  int below(int n) { return static_cast<int>(philox(key_, next_++)[0] % static_cast<uint32_t>(n)); }
  double normal() {
    const PhiloxBlock words = philox(key_, next_++);
    return normal_from(words[0], words[1])[0];
  }

 private:
  uint64_t key_;
  uint64_t next_ = 0;
};

struct RandomModel {
  Graph graph;
  Value input;                    // f32[2, 3, 4]
  std::vector<Value> parameters;  // some of which the loss does not depend on
  Value loss;                     // f32[1]
};

// Whether there are values and parameters on which the loss does not depend.
enum class Unused : uint8_t { kSome, kNone };

// `operators` of them in three layers, "layers.0" to "layers.2".
RandomModel random_model(uint64_t seed, int operators = 15, Unused unused = Unused::kSome);

// Values of a tensor that depend on its name alone, around 0 with deviation 1.
std::vector<double> values_by_name(const std::string& name, int64_t elements);

}  // namespace weft::test
