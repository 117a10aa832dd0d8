// Which CPU kernels a process computes with: the fastest that its processor has, or plain portable
// ones whose results are the same bits on every processor of an architecture.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace weft {

enum class KernelChoice : uint8_t {
  kAuto,       // by what the processor has
  kReference,  // slow: no instructions beyond the baseline, no oneDNN, sums in plain order
};

constexpr std::string_view name_of(KernelChoice choice) {
  return choice == KernelChoice::kAuto ? "auto" : "reference";
}
constexpr auto values_of(KernelChoice) {
  return std::array{KernelChoice::kAuto, KernelChoice::kReference};
}

// One choice for the process; kAuto if nobody chooses. Call it before a program is planned, from
// one thread, while no kernel runs: what was prepared before keeps its matrix products.
void choose_kernels(KernelChoice choice);
KernelChoice kernel_choice();

// For people: "auto (avx512_bf16)", or "reference".
std::string kernels_in_use();

// For records: the libraries that kernels are made with, "oneDNN 2.6.3, Highway 1.0.3".
std::string kernel_libraries();

}  // namespace weft
