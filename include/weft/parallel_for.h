// The one way by which kernels use several threads: they split work into tiles fixed by the shape
// and hand the tiles to a pool. Sums therefore never depend on the number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace weft {

class ParallelFor {
 public:
  virtual ~ParallelFor() = default;
  // How many workers there are; a worker's number is in [0, threads()).
  virtual int threads() const = 0;

  // Calls body(tile, worker) once for every tile in [0, tiles), in any order; returns when all are
  // done. Two tiles that run at the same time have different workers, so scratch memory may be
  // indexed by worker; results must not be. `body` must neither throw nor call a ParallelFor.
  template <class Body>
  void operator()(int64_t tiles, Body&& body) const {
    using B = std::remove_reference_t<Body>;
    run(
        tiles,
        [](void* context, int64_t tile, int worker) { (*static_cast<B*>(context))(tile, worker); },
        const_cast<void*>(static_cast<const void*>(std::addressof(body))));
  }

 protected:
  using Body = void (*)(void* context, int64_t tile, int worker);
  virtual void run(int64_t tiles, Body body, void* context) const = 0;
};

// Runs every tile on the calling thread, in order: for tests, and where there is nothing to share.
class SerialFor final : public ParallelFor {
 public:
  int threads() const override { return 1; }

 protected:
  void run(int64_t tiles, Body body, void* context) const override {
    for (int64_t tile = 0; tile < tiles; ++tile) body(context, tile, 0);
  }
};

}  // namespace weft
