// Linked instead of language_cld2.cpp where CLD2 is not installed.
#include "data/clean/stage_registry.h"
#include "weft/error.h"

namespace weft::data {

std::unique_ptr<const Stage> make_language(const StageConfig&) {
  throw Error(
      "stage language: this build of Weft is without CLD2; install libcld2-dev "
      "(scripts/setup does), configure and build again");
}

}  // namespace weft::data
