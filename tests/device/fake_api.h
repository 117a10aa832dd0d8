// A driver layer for tests: machines without a driver, with an old one, with unfit or failing GPUs.
#pragma once

#include <cstring>

#include "core/cuda/api.h"

namespace weft::test {

struct FakeMachine {
  device::Status on_versions = device::kSuccess, on_count = device::kSuccess;
  device::Status on_properties = device::kSuccess;
  int driver = 13000, runtime = 13000, devices = 1;
  int major = 9, minor = 0;
};
inline FakeMachine fake_machine;

inline device::Api fake_api(const FakeMachine& machine) {
  using device::Status;
  fake_machine = machine;
  device::Api api{};
  api.versions = [](device::Versions* out) {
    *out = {.driver = fake_machine.driver, .runtime = fake_machine.runtime};
    return fake_machine.on_versions;
  };
  api.count = [](int* out) {
    *out = fake_machine.devices;
    return fake_machine.on_count;
  };
  api.properties = [](int, device::Properties* out) {
    *out = {.major = fake_machine.major, .minor = fake_machine.minor, .multiprocessors = 132};
    std::strcpy(out->name, "Fake 100");
    return fake_machine.on_properties;
  };
  api.select = [](int) -> Status { return device::kSuccess; };
  api.error_name = [](Status status) {
    return status == device::kOutOfMemory ? "cudaErrorMemoryAllocation" : "cudaErrorECC";
  };
  api.error_text = [](Status status) {
    return status == device::kOutOfMemory ? "out of memory" : "uncorrectable ECC error";
  };
  return api;
}

}  // namespace weft::test
