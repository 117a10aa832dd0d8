// `weft devices`: which devices a run can have here, from which files and versions, and why not the
// others.
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/verb.h"
#include "core/cuda/find.h"
#include "core/size_text.h"
#include "core/thread_pool.h"
#include "weft/kernel_choice.h"

namespace weft::cli {
namespace {

constexpr int kDevicesJsonVersion = 1;

nlohmann::ordered_json to_json(const device::FoundDevice& d) {
  nlohmann::ordered_json out = {{"index", d.index},
                                {"name", d.properties.name},
                                {"compute_capability", std::to_string(d.properties.major) + "." +
                                                           std::to_string(d.properties.minor)},
                                {"multiprocessors", d.properties.multiprocessors},
                                {"memory", d.properties.memory_bytes},
                                {"usable", d.why_not.empty()}};
  if (!d.why_not.empty()) out["why_not"] = d.why_not;
  return out;
}

nlohmann::ordered_json to_json(const device::VendorLibrary& vendor) {
  if (!vendor.usable()) return {{"name", vendor.name}, {"why_not", vendor.why_not}};
  return {{"name", vendor.name}, {"version", vendor.version}, {"file", vendor.file}};
}

nlohmann::ordered_json to_json(const device::Found& found) {
  nlohmann::ordered_json out = {{"usable", found.usable()}};
  if (!found.usable()) out["why_not"] = found.why_not;
  if (found.library.empty()) return out;
  out["library"] = found.library;
  out["architectures"] = found.architectures;
  out["built_with_cuda"] = device::version_text(found.versions.runtime);
  if (found.versions.driver > 0)
    out["driver_knows_cuda"] = device::version_text(found.versions.driver);
  if (!found.driver_file.empty()) out["driver_library"] = found.driver_file;
  for (const device::VendorLibrary& vendor : found.vendors)
    out["libraries"].push_back(to_json(vendor));
  for (const device::FoundDevice& d : found.devices) out["devices"].push_back(to_json(d));
  return out;
}

std::string sentence(const device::FoundDevice& d) {
  const device::Properties& p = d.properties;
  return "  device " + std::to_string(d.index) + ": " + p.name + ", compute capability " +
         std::to_string(p.major) + "." + std::to_string(p.minor) + ", " +
         std::to_string(p.multiprocessors) + " multiprocessors, " + size_text(p.memory_bytes) +
         (d.why_not.empty() ? "" : "; not usable: " + d.why_not) + "\n";
}

std::string sentence(const device::VendorLibrary& vendor) {
  if (!vendor.usable())
    return std::string("  no ") + vendor.name + ", so our own kernels " + vendor.task + ": " +
           vendor.why_not + "\n";
  return "  " + vendor.text() + " from " + vendor.file + "\n";
}

void print(const device::Found& found) {
  std::cout << found.kind << ": " << (found.usable() ? "usable" : "not usable: " + found.why_not)
            << "\n";
  if (found.library.empty()) return;
  std::cout << "  kernels for " << found.architectures << " from " << found.library;
  if (found.kind == "cuda") {
    std::cout << ", built with CUDA " << device::version_text(found.versions.runtime);
    if (found.versions.driver > 0)
      std::cout << "; driver for CUDA " << device::version_text(found.versions.driver) << " "
                << found.driver_file;
  }
  std::cout << "\n";
  for (const device::VendorLibrary& vendor : found.vendors) std::cout << sentence(vendor);
  for (const device::FoundDevice& d : found.devices) std::cout << sentence(d);
}

void run(bool json) {
  const device::Found cuda = device::find("cuda"), emulated = device::find("emulated");
  const device::Choice choice = device::choose(device::Kind::kAuto, cuda);
  const std::string chosen = choice.kind == device::Kind::kCuda ? "cuda" : "cpu";
  if (json) {
    const nlohmann::ordered_json out = {
        {"version", kDevicesJsonVersion},
        {"cpu", {{"threads", usable_threads()}, {"kernels", kernels_in_use()}}},
        {"cuda", to_json(cuda)},
        {"emulated", to_json(emulated)},
        {"auto", {{"device", chosen}, {"reason", choice.reason}}}};
    std::cout << out.dump(2) << "\n";
    return;
  }
  std::cout << "cpu: usable\n  " << usable_threads() << " threads, kernels " << kernels_in_use()
            << "\n";
  print(cuda);
  print(emulated);
  std::cout << "auto: " << chosen << ", because " << choice.reason << "\n";
}

}  // namespace

void add_devices(Verb& app) {
  Verb verb = app.add_verb("devices", "Say what computes here, and why a GPU does not");
  auto json = std::make_shared<bool>(false);
  verb.add_flag("--json", *json, "print JSON");
  verb.footer("Example:\n  weft devices");
  verb.callback([json] { run(*json); });
}

}  // namespace weft::cli
