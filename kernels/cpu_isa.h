// Which instruction sets the CPU kernels may use: what the processor has, cut by a limit for tests
// and comparisons. One limit holds for Highway's targets, for oneDNN and for our own intrinsics.
// weft/kernel_choice.h is defined here, too. Not a dispatcher: that is Highway's, and each
// intrinsics file's own table.
#pragma once

#include <optional>
#include <string_view>

namespace weft::kernels {

// Each level has all that the levels below it have.
enum class CpuIsa {
  kBaseline,    // what every x86-64 processor has: correct and slow
  kAvx2,        // AVX2 and FMA
  kAvx512,      // AVX-512 F, BW, CD, DQ and VL
  kAvx512Bf16,  // and its bfloat16 dot product
  kAmx,         // and AMX tiles of bfloat16
};

// "baseline", "avx2", "avx512", "avx512_bf16", "amx": the words of WEFT_MAX_ISA.
std::string_view name_of(CpuIsa isa);
std::optional<CpuIsa> cpu_isa_from(std::string_view name);

// What the processor and the operating system offer; where it has tiles, asks for them.
CpuIsa detected_cpu_isa();

// The best level that kernels may use: the detected one, limited by WEFT_MAX_ISA (read once, when
// the program starts) and limit_cpu_isa; kBaseline with KernelChoice::kReference. Throws
// weft::Error if WEFT_MAX_ISA holds another word.
CpuIsa cpu_isa();

// Sets the limit. oneDNN takes it only before its first use in the process: false when it was too
// late for that, and then oneDNN keeps the limit it had. Call it before the first kernel, from one
// thread: kernels already prepared keep what they chose.
bool limit_cpu_isa(CpuIsa limit);

// Whether bfloat16 products are faster in the processor's own instructions than widened to float.
// Intel's VDPBF16PS has half the rate of two float FMAs (measured on Sapphire Rapids: 86 against
// 155 GFLOP/s in oneDNN 2.6), AMD's has twice the rate (Zen 4: 229 against 114); AMX is far ahead
// of both.
bool has_fast_bf16_dot();

// From now on true wherever the processor has such instructions at all: for tests of what is chosen
// on other processors than theirs. Call it before the first kernel.
void assume_fast_bf16_dot();

}  // namespace weft::kernels
