// Which kernels a process computes with. On the CPU: the fastest that its processor has, or plain
// portable ones whose results are the same bits on every processor of an architecture. On a GPU:
// ours, or the vendor's library where it has one.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace weft {

enum class KernelChoice : uint8_t {
  kAuto,       // the fastest: by what the processor has; on a GPU measured, product by product
  kReference,  // the CPU's alone. Slow: no instructions beyond the baseline, no oneDNN, sums in
               // plain order
  kOwn,        // a GPU's alone: our kernels
  kVendor,     // a GPU's alone: the vendor's library for what it has, our kernels for all else
};

constexpr std::string_view name_of(KernelChoice choice) {
  switch (choice) {
    case KernelChoice::kAuto: return "auto";
    case KernelChoice::kReference: return "reference";
    case KernelChoice::kOwn: return "own";
    case KernelChoice::kVendor: return "vendor";
  }
  return "?";
}
constexpr auto values_of(KernelChoice) {
  return std::array{KernelChoice::kAuto, KernelChoice::kReference, KernelChoice::kOwn,
                    KernelChoice::kVendor};
}

// One choice for the process; kAuto if nobody chooses. Call it before a program is planned, from
// one thread, while no kernel runs: what was prepared before keeps its matrix products.
void choose_kernels(KernelChoice choice);
KernelChoice kernel_choice();

// For people, of the CPU: "auto (avx512_bf16)", or "reference".
std::string kernels_in_use();

// For records: the libraries that kernels are made with, "oneDNN 2.6.3, Highway 1.0.3".
std::string kernel_libraries();

}  // namespace weft
