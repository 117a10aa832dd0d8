// How the work of attention is cut, and where its parts lie in a workspace: in floats, for blocks
// of floats or of bfloat16 (`tiled`), which are half as large.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/attention/attention.h"
#include "kernels/attention/tile_engine.h"
#include "kernels/attention/visible_keys.h"

namespace weft::kernels {

// Packed heads first, then workers.
struct ForwardPlan {
  int64_t pairs, pairs_per_round, query_blocks, key_blocks;
  int64_t ld;             // D rounded up to whole panels, or tiles
  int64_t block_floats;   // of a block of keys or of values
  int64_t head_floats;    // of a packed head
  int64_t worker_floats;  // of all that a block of queries needs

  ForwardPlan(const AttentionShape& s, bool tiled)
      : pairs(s.B * s.K),
        query_blocks(ceil_div(s.T, kQueryBlock)),
        key_blocks(ceil_div(s.S, kKeyBlock)),
        ld(round_up(s.D, tiled ? kTileUnit : kPanel)),
        block_floats(kKeyBlock * ld / (tiled ? 2 : 1)),
        head_floats(2 * key_blocks * block_floats),
        worker_floats(kQueryBlock * (3 * ld + kKeyBlock)) {
    if (tiled) worker_floats += kQueryBlock * kKeyBlock / 2;  // probabilities, beside scores
    constexpr int64_t kTasksPerRound = 128;
    const int64_t tasks_per_pair = s.H / s.K * query_blocks;
    pairs_per_round = std::clamp<int64_t>(kTasksPerRound / tasks_per_pair, 1, pairs);
  }
  int64_t floats(int threads) const {
    return pairs_per_round * head_floats + threads * worker_floats;
  }
};

// Partial dQ first, then workers.
struct BackwardPlan {
  int64_t pairs, parts, part_keys;  // key/value heads; parts of the keys; keys in a part
  int64_t ld;
  int64_t partial_floats;  // of dQ of one part; 0 if there is one part only
  int64_t worker_floats;

  BackwardPlan(const AttentionShape& s, bool tiled)
      : pairs(s.B * s.K), ld(round_up(s.D, tiled ? kTileUnit : kPanel)) {
    constexpr int64_t kTasks = 32;       // wanted, where each part still has enough keys
    constexpr int64_t kLeastKeys = 256;  // in a part: each part reads all queries
    constexpr int64_t kMostKeys = 4096;  // in a part: its scratch memory is four times as large
    const int64_t for_tasks = std::min(ceil_div(kTasks, pairs), ceil_div(s.S, kLeastKeys));
    const int64_t wanted = std::max(for_tasks, ceil_div(s.S, kMostKeys));
    part_keys = round_up(ceil_div(s.S, wanted), kKeyBlock);
    parts = ceil_div(s.S, part_keys);
    partial_floats = parts == 1 ? 0 : s.B * s.H * s.T * ld;
    // Rows of keys: k, v, dk, dv, and three of half the size besides dk and dv where tiled. Rows of
    // queries: q, dout, both transposed, and dq; where tiled, three pairs of half the size, and dq
    // twice. Then two blocks of scores, and three of half the size where tiled.
    const int64_t key_rows = tiled ? 7 * part_keys / 2 : 4 * part_keys;
    const int64_t blocks = tiled ? 7 * kKeyBlock * kQueryBlock / 2 : 2 * kKeyBlock * kQueryBlock;
    worker_floats = (key_rows + 5 * kQueryBlock) * ld + blocks;
  }
  int64_t floats(int threads) const { return parts * partial_floats + threads * worker_floats; }
};

}  // namespace weft::kernels
