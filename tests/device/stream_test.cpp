// Streams, events, captures and memory of the emulated device, through the interface that a GPU
// has. What orders nothing must show under some order: the two planted bugs of this file are a
// missing wait between streams, and a buffer that the host reuses before its copy has ended.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "emulated_device.h"

namespace weft::test {
namespace {

using device::CapturedGraph;
using device::Device;
using device::Event;
using device::Memory;
using device::PinnedMemory;
using device::Stream;
using testing::AllOf;
using testing::HasSubstr;

constexpr int64_t kBytes = 64;

class Streams : public testing::Test {
 protected:
  // The first byte of `memory`, when all work of `stream` is done.
  int first_byte(const Memory& memory, Stream& stream) {
    PinnedMemory host(device_, kBytes);
    stream.copy(host.data(), memory.data(), kBytes);
    stream.synchronize();
    return static_cast<int>(host.data()[0]);
  }

  std::string message_of(const auto& body, ExitCode code) {
    try {
      body();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code);
      return error.what();
    }
    return "no error";
  }

  Device device_{emulated_library(), 0};
  Stream first_{device_}, second_{device_};
};

TEST_F(Streams, NothingRunsBeforeTheHostWaits) {
  const Memory memory(device_, kBytes);
  EXPECT_EQ(static_cast<int>(memory.data()[0]), 0xFF);  // not zeroed, as on a GPU
  first_.fill(memory.data(), 7, kBytes);
  EXPECT_EQ(static_cast<int>(memory.data()[0]), 0xFF);
  first_.synchronize();
  EXPECT_EQ(static_cast<int>(memory.data()[63]), 7);
}

TEST_F(Streams, OneStreamKeepsItsOrderInEveryOrder) {
  const Memory memory(device_, kBytes);
  for (const DeviceOrder& order : kDeviceOrders) {
    set_order(device_, order);
    for (int i = 0; i < 5; ++i) first_.fill(memory.data(), i, kBytes);
    EXPECT_EQ(first_byte(memory, first_), 4);
  }
}

// Writes 1 on the first stream and 2 on the second, with a wait between them or without it.
std::vector<int> results_of_two_streams(Device& device, Stream& first, Stream& second, bool waits) {
  std::vector<int> results;
  const Memory memory(device, kBytes);
  const Event event(device);
  for (const DeviceOrder& order : kDeviceOrders) {
    set_order(device, order);
    first.fill(memory.data(), 1, kBytes);
    first.record(event);
    if (waits) second.wait(event);
    second.fill(memory.data(), 2, kBytes);
    second.synchronize();
    first.synchronize();
    results.push_back(static_cast<int>(memory.data()[0]));
  }
  return results;
}

TEST_F(Streams, AnEventOrdersTwoStreams) {
  EXPECT_THAT(results_of_two_streams(device_, first_, second_, true), testing::Each(2));
}

TEST_F(Streams, AMissingWaitShowsUnderSomeOrder) {
  EXPECT_THAT(results_of_two_streams(device_, first_, second_, false), testing::Contains(1));
}

// The host gives the next batch to a staging buffer whose copy may still be under way.
int copied_byte(Device& device, Stream& stream, bool waits) {
  const Memory memory(device, kBytes);
  const PinnedMemory staging(device, kBytes);
  const Event copied(device);
  std::fill_n(staging.data(), kBytes, std::byte{1});
  stream.copy(memory.data(), staging.data(), kBytes);
  stream.record(copied);
  if (waits) copied.wait();
  std::fill_n(staging.data(), kBytes, std::byte{2});
  stream.synchronize();
  return static_cast<int>(memory.data()[0]);
}

TEST_F(Streams, AStagingBufferMayBeReusedAfterItsCopy) {
  EXPECT_EQ(copied_byte(device_, first_, true), 1);
}

TEST_F(Streams, ABufferReusedBeforeItsCopyEndedShows) {
  EXPECT_EQ(copied_byte(device_, first_, false), 2);
}

TEST_F(Streams, AnEventIsReachedWhenItsStreamComesToIt) {
  const Event event(device_);
  EXPECT_TRUE(event.reached());  // never recorded
  const Memory memory(device_, kBytes);
  first_.fill(memory.data(), 1, kBytes);
  first_.record(event);
  EXPECT_FALSE(event.reached());
  event.wait();
  EXPECT_TRUE(event.reached());
}

TEST_F(Streams, AGraphIsReplayedInEveryOrderWithTheSameResult) {
  const Memory a(device_, kBytes), b(device_, kBytes);
  const Event fork(device_), join(device_);
  const CapturedGraph graph = first_.capture([&] {
    first_.fill(a.data(), 1, kBytes);
    first_.record(fork);
    second_.wait(fork);
    second_.copy(b.data(), a.data(), kBytes);
    second_.record(join);
    first_.fill(b.data() + 32, 3, 0);
    first_.wait(join);
    first_.fill(a.data(), 9, kBytes);
  });
  for (const DeviceOrder& order : kDeviceOrders) {
    set_order(device_, order);
    first_.fill(a.data(), 0, kBytes);
    first_.launch(graph);
    first_.launch(graph);
    EXPECT_EQ(first_byte(a, first_), 9);
    EXPECT_EQ(first_byte(b, first_), 1);
  }
}

TEST_F(Streams, ACapturedGraphWithoutAWaitShowsUnderSomeOrder) {
  const Memory a(device_, kBytes), b(device_, kBytes);
  const Event fork(device_), join(device_);
  const CapturedGraph graph = first_.capture([&] {
    first_.record(fork);
    first_.fill(a.data(), 1, kBytes);
    second_.wait(fork);  // planted: `fork` stands before the fill that the copy needs
    second_.copy(b.data(), a.data(), kBytes);
    second_.record(join);
    first_.wait(join);
  });
  std::vector<int> results;
  for (const DeviceOrder& order : kDeviceOrders) {
    set_order(device_, order);
    first_.fill(a.data(), 5, kBytes);
    first_.launch(graph);
    results.push_back(first_byte(b, first_));
  }
  EXPECT_THAT(results, testing::Contains(5));
}

TEST_F(Streams, CaptureRefusesWhatAGpuRefuses) {
  const Event event(device_);
  EXPECT_THAT(message_of([&] { first_.capture([&] { first_.synchronize(); }); }, ExitCode::kHang),
              AllOf(HasSubstr("wait for a stream failed"), HasSubstr("while work is captured")));
  device::Api api = device_.api();
  void* graph = nullptr;
  EXPECT_EQ(api.capture_end(first_.handle(), &graph), device::kNotCaptured);  // it was broken
  const Memory memory(device_, kBytes);
  const auto unjoined = [&] {
    first_.capture([&] {
      first_.record(event);
      second_.wait(event);
      second_.fill(memory.data(), 1, kBytes);
    });
  };
  EXPECT_THAT(message_of(unjoined, ExitCode::kHang), HasSubstr("not joined"));
  first_.fill(memory.data(), 4, kBytes);  // both streams serve again
  EXPECT_EQ(first_byte(memory, first_), 4);
}

TEST_F(Streams, AllocationIsRefusedWhileWorkIsCaptured) {
  const auto body = [&] { first_.capture([&] { const Memory memory(device_, kBytes); }); };
  EXPECT_THAT(message_of(body, ExitCode::kHang), HasSubstr("allocate 64 B failed"));
  void* graph = nullptr;
  EXPECT_EQ(device_.api().capture_end(first_.handle(), &graph), device::kNotCaptured);
}

TEST_F(Streams, FullMemorySaysSoAndWhatToDo) {
  const auto body = [&] { const Memory memory(device_, int64_t{1} << 50); };
  EXPECT_THAT(message_of(body, ExitCode::kDoesNotFit),
              AllOf(HasSubstr("emulated:0"), HasSubstr("allocate 1.00 PiB"),
                    HasSubstr("fewer or shorter sequences"), HasSubstr("another process")));
}

TEST_F(Streams, FreeMemoryFallsByWhatIsAllocated) {
  const int64_t before = device_.free_bytes();
  {
    const Memory memory(device_, 4096);
    EXPECT_EQ(before - device_.free_bytes(), 4096);
  }
  EXPECT_EQ(device_.free_bytes(), before);
}

}  // namespace
}  // namespace weft::test
