#include "block_operator.h"

namespace weft::test {
namespace {

using namespace graph;

Types infer(const TypesCall& call) {
  Types types;
  for (const int64_t bytes : call.params.as<BlockParams>().bytes)
    types.push_back({DType::kU8, {bytes}});
  return types;
}

int64_t workspace(const PrepareCall& call) {
  return call.types.params.as<BlockParams>().workspace;
}

constexpr Pair kFirst[] = {{.input = 0, .output = 0}};
constexpr OpContract kBlock{
    .name = "block", .min_inputs = 1, .max_inputs = 8, .infer = infer, .workspace = workspace};
constexpr OpContract kMayAlias{.name = "block_may_alias",
                               .min_inputs = 1,
                               .max_inputs = 8,
                               .infer = infer,
                               .may_alias = kFirst,
                               .workspace = workspace};
constexpr OpContract kUpdate{.name = "block_update",
                             .min_inputs = 1,
                             .max_inputs = 8,
                             .infer = infer,
                             .updates = kFirst,
                             .workspace = workspace};

}  // namespace

Values block(const std::vector<Value>& inputs, const BlockParams& params, InPlace in_place) {
  const OpContract& contract = in_place == InPlace::kMay    ? kMayAlias
                               : in_place == InPlace::kMust ? kUpdate
                                                            : kBlock;
  return apply(contract, inputs, params);
}

}  // namespace weft::test
