// The product of tile_engine.h on a set of eight tile registers, whatever they are made of: a
// policy `Tiles` has
//
//   load<tile>(pointer, bytes per row) · store<tile>(...) · zero<tile>() · multiply<c, a, b>()
//
// on tiles of 16 rows of 64 bytes. Tiles 0 to 3 hold sums, 4 and 5 rows of A, 6 and 7 pairs of B:
// with two by two sums every operand that is loaded is used twice. Included once, where the
// policy's instructions may be used.
#include <cstdint>

#include "kernels/attention/tile_engine.h"

namespace weft::kernels {

template <class Tiles>
inline void load_sums(const PairProduct& p, const float* c, int64_t bytes) {
  if (!p.add) {
    Tiles::template zero<0>();
    Tiles::template zero<1>();
    Tiles::template zero<2>();
    Tiles::template zero<3>();
    return;
  }
  Tiles::template load<0>(c, bytes);
  Tiles::template load<1>(c + 16, bytes);
  Tiles::template load<2>(c + 16 * p.c_row, bytes);
  Tiles::template load<3>(c + 16 * p.c_row + 16, bytes);
}

template <class Tiles>
inline void multiply_with_tiles(const PairProduct& p) {
  const int64_t a_bytes = p.a_row * 2, b_bytes = p.b_row * 2, c_bytes = p.c_row * 4;
  for (int64_t column = 0; column < p.n; column += 32) {
    for (int64_t row = 0; row < p.m; row += 32) {
      float* c = p.c + row * p.c_row + column;
      load_sums<Tiles>(p, c, c_bytes);
      const BFloat16* a = p.a + row * p.a_row;
      const BFloat16* b = p.b + 2 * column;
      for (int64_t k = 0; k < p.k; k += 32, a += 32, b += 16 * p.b_row) {
        Tiles::template load<4>(a, a_bytes);
        Tiles::template load<6>(b, b_bytes);
        Tiles::template multiply<0, 4, 6>();
        Tiles::template load<7>(b + 32, b_bytes);
        Tiles::template multiply<1, 4, 7>();
        Tiles::template load<5>(a + 16 * p.a_row, a_bytes);
        Tiles::template multiply<2, 5, 6>();
        Tiles::template multiply<3, 5, 7>();
      }
      Tiles::template store<0>(c, c_bytes);
      Tiles::template store<1>(c + 16, c_bytes);
      Tiles::template store<2>(c + 16 * p.c_row, c_bytes);
      Tiles::template store<3>(c + 16 * p.c_row + 16, c_bytes);
    }
  }
}

}  // namespace weft::kernels
