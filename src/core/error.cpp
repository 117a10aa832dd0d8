#include "weft/error.h"

#include <cstdio>
#include <cstdlib>

namespace weft {

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "weft: internal error: %s does not hold at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace weft
