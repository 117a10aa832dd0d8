// Detection of instruction sets, and the one limit for Highway, oneDNN and our intrinsics, which
// the reference kernels lower to the baseline.
#include "kernels/cpu_isa.h"

#include <dnnl.h>
#include <hwy/highway.h>

#include <atomic>
#include <cstdlib>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "weft/error.h"
#include "weft/kernel_choice.h"

namespace weft::kernels {
namespace {

constexpr CpuIsa kAll[] = {CpuIsa::kBaseline, CpuIsa::kAvx2, CpuIsa::kAvx512, CpuIsa::kAvx512Bf16,
                           CpuIsa::kAmx};

#if defined(__x86_64__)
// Bits 17 and 18 of XCR0: the operating system saves tile registers.
bool system_saves_tiles() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & (1u << 27)) == 0) return false;  // OSXSAVE
  unsigned low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & 0x60000u) == 0x60000u;
}

// Linux gives tile registers to processes that ask (Documentation/arch/x86/xstate.rst), once for
// all of their threads; kernels that know no such request give them to nobody.
bool may_use_tiles() {
#if defined(__linux__)
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

bool has_amx_bf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  const bool tiles = (d & (1u << 24)) != 0, bf16 = (d & (1u << 22)) != 0;
  return tiles && bf16 && system_saves_tiles() && may_use_tiles();
}

bool has_avx512_bf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & (1u << 5)) != 0;
}

bool is_amd() {
  __builtin_cpu_init();
  return __builtin_cpu_is("amd");
}

CpuIsa detect() {
  __builtin_cpu_init();  // its AVX answers include what the operating system saves
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return CpuIsa::kBaseline;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  if (!avx512) return CpuIsa::kAvx2;
  if (!has_avx512_bf16()) return CpuIsa::kAvx512;
  return has_amx_bf16() ? CpuIsa::kAmx : CpuIsa::kAvx512Bf16;
}
#else
bool is_amd() {
  return false;
}
CpuIsa detect() {
  return CpuIsa::kBaseline;
}
#endif

// Highway numbers better targets lower: all AVX-512 ones (their names differ by version) lie at and
// below the bit of AVX3.
int64_t targets_above(CpuIsa limit) {
  if (limit >= CpuIsa::kAvx512) return 0;
  return 2 * (limit == CpuIsa::kAvx2 ? HWY_AVX3 : HWY_AVX2) - 1;
}

dnnl_cpu_isa_t onednn_isa(CpuIsa limit) {
  switch (limit) {
    case CpuIsa::kBaseline: return dnnl_cpu_isa_sse41;
    case CpuIsa::kAvx2: return dnnl_cpu_isa_avx2;
    case CpuIsa::kAvx512: return dnnl_cpu_isa_avx512_core;
    case CpuIsa::kAvx512Bf16: return dnnl_cpu_isa_avx512_core_bf16;
    case CpuIsa::kAmx: break;
  }
  return static_cast<dnnl_cpu_isa_t>(0);  // no limit; oneDNN 2 and 3 have different names for it
}

std::atomic<CpuIsa> current_limit{CpuIsa::kAmx};
std::atomic<KernelChoice> current_choice{KernelChoice::kAuto};
std::atomic<bool> assumed_fast_bf16_dot{false};

// What is allowed, whatever the processor has.
CpuIsa effective_limit() {
  const bool reference = current_choice.load() == KernelChoice::kReference;
  return reference ? CpuIsa::kBaseline : current_limit.load();
}

std::string_view environment_limit() {
  const char* value = std::getenv("WEFT_MAX_ISA");
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// When the program starts, so that no kernel can come first. A wrong word is reported by cpu_isa().
[[maybe_unused]] const bool kEnvironmentApplied = [] {
  const std::optional<CpuIsa> limit = cpu_isa_from(environment_limit());
  return limit ? limit_cpu_isa(*limit) : true;
}();

}  // namespace

std::string_view name_of(CpuIsa isa) {
  switch (isa) {
    case CpuIsa::kBaseline: return "baseline";
    case CpuIsa::kAvx2: return "avx2";
    case CpuIsa::kAvx512: return "avx512";
    case CpuIsa::kAvx512Bf16: return "avx512_bf16";
    case CpuIsa::kAmx: return "amx";
  }
  return "?";
}

std::optional<CpuIsa> cpu_isa_from(std::string_view name) {
  for (const CpuIsa isa : kAll) {
    if (name == name_of(isa)) return isa;
  }
  return std::nullopt;
}

CpuIsa detected_cpu_isa() {
  static const CpuIsa kDetected = detect();
  return kDetected;
}

CpuIsa cpu_isa() {
  static const bool kChecked = [] {
    const std::string_view word = environment_limit();
    if (word.empty() || cpu_isa_from(word)) return true;
    throw Error("WEFT_MAX_ISA is '" + std::string(word) +
                "'; allowed are baseline, avx2, avx512, avx512_bf16 and amx. Unset it to use all "
                "that the processor has.");
  }();
  static_cast<void>(kChecked);
  const CpuIsa limit = effective_limit();
  return limit < detected_cpu_isa() ? limit : detected_cpu_isa();
}

bool limit_cpu_isa(CpuIsa limit) {
  current_limit = limit;
  hwy::DisableTargets(targets_above(effective_limit()));
  return dnnl_set_max_cpu_isa(onednn_isa(limit)) == dnnl_success;
}

bool has_fast_bf16_dot() {
  const CpuIsa isa = cpu_isa();
  return isa == CpuIsa::kAmx || (isa == CpuIsa::kAvx512Bf16 && (is_amd() || assumed_fast_bf16_dot));
}

void assume_fast_bf16_dot() {
  assumed_fast_bf16_dot = true;
}

}  // namespace weft::kernels

namespace weft {

void choose_kernels(KernelChoice choice) {
  // Throws where WEFT_MAX_ISA is wrong: the reference kernels do not need it, but whoever set it
  // meant something.
  static_cast<void>(kernels::cpu_isa());
  if (kernels::current_choice.exchange(choice) == choice) return;
  hwy::DisableTargets(kernels::targets_above(kernels::effective_limit()));
}

KernelChoice kernel_choice() {
  return kernels::current_choice;
}

std::string kernels_in_use() {
  const std::string choice(name_of(kernel_choice()));
  if (kernel_choice() == KernelChoice::kReference) return choice;
  return choice + " (" + std::string(name_of(kernels::cpu_isa())) + ")";
}

std::string kernel_libraries() {
  const dnnl_version_t* dnnl = dnnl_version();
  const auto version = [](int major, int minor, int patch) {
    return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
  };
  return "oneDNN " + version(dnnl->major, dnnl->minor, dnnl->patch) + ", Highway " +
         version(HWY_MAJOR, HWY_MINOR, HWY_PATCH);
}

}  // namespace weft
