// TensorBoard event files: every frame is decoded here by code of the test's own. That TensorBoard
// itself reads them is checked by tests/interop/check_tensorboard.py.
#include "report/event_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "tests/core/faulty_file_system.h"
#include "tests/core/temporary_folder.h"

namespace weft::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// CRC-32C one bit at a time, as RFC 3720 words it.
uint32_t slow_crc32c(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int i = 0; i < 8; ++i) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78u : crc >> 1;
  }
  return ~crc;
}

template <class T>
T load(std::string_view bytes) {
  T value;
  EXPECT_GE(bytes.size(), sizeof(T));
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

uint32_t unmasked(uint32_t masked) {
  const uint32_t rotated = masked - 0xA282EAD8u;
  return (rotated >> 17) | (rotated << 15);
}

// The messages in a file. Checks both checksums of every frame.
std::vector<std::string> frames_of(std::string_view file) {
  std::vector<std::string> messages;
  while (!file.empty()) {
    const auto size = load<uint64_t>(file);
    EXPECT_EQ(unmasked(load<uint32_t>(file.substr(8))), slow_crc32c(file.substr(0, 8)));
    if (file.size() < 16 + size) {
      ADD_FAILURE() << "a frame of " << size << " bytes in " << file.size();
      break;
    }
    messages.emplace_back(file.substr(12, size));
    EXPECT_EQ(unmasked(load<uint32_t>(file.substr(12 + size))), slow_crc32c(messages.back()));
    file.remove_prefix(16 + size);
  }
  return messages;
}

uint64_t take_varint(std::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const uint8_t byte = static_cast<uint8_t>(bytes.at(0));
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
}

// A protocol-buffer message: field number to the raw bytes of its value (varints as 8 bytes).
std::map<int, std::string> fields_of(std::string_view bytes) {
  std::map<int, std::string> fields;
  while (!bytes.empty()) {
    const uint64_t tag = take_varint(bytes);
    const int field = static_cast<int>(tag >> 3);
    EXPECT_EQ(fields.count(field), 0u) << field;
    size_t size = (tag & 7) == 1 ? 8 : 4;
    if ((tag & 7) == 0) {
      const uint64_t value = take_varint(bytes);
      fields[field].assign(reinterpret_cast<const char*>(&value), sizeof(value));
      continue;
    }
    if ((tag & 7) == 2) size = take_varint(bytes);
    fields[field] = bytes.substr(0, size);
    bytes.remove_prefix(size);
  }
  return fields;
}

struct Scalar {
  std::string tag;
  float value = 0;
  int64_t step = 0;
  bool operator==(const Scalar&) const = default;
};

Scalar scalar_of(const std::string& message) {
  const auto event = fields_of(message);
  const auto summary = fields_of(fields_of(event.at(5)).at(1));
  return {summary.at(1), load<float>(summary.at(2)), load<int64_t>(event.at(2))};
}

class EventFileTest : public ::testing::Test {
 protected:
  EventFile open(FileSystem& files = real_file_system()) {
    return EventFile(files, folder_.path(), {.time = 1763796420, .host = "node1"});
  }
  std::vector<std::string> messages(const Path& file) const {
    return frames_of(read_text_file(file, 1 << 20));
  }
  TemporaryFolder folder_;
};

TEST(Crc32c, KnownValues) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
}

TEST(Tfrecord, FramesOfEverySize) {
  std::string file, bytes;
  for (int i = 0; i < 300; ++i) {
    file += tfrecord(bytes);
    bytes += static_cast<char>(i);
  }
  const auto messages = frames_of(file);
  ASSERT_THAT(messages, SizeIs(300));
  EXPECT_EQ(messages[299].size(), 299u);
}

TEST_F(EventFileTest, BeginsWithTheVersion) {
  const EventFile file = open();
  EXPECT_EQ(file.path().filename(), "events.out.tfevents.1763796420.node1.weft");
  const auto all = messages(file.path());
  ASSERT_THAT(all, SizeIs(1));
  const auto event = fields_of(all[0]);
  EXPECT_EQ(load<double>(event.at(1)), 1763796420.0);
  EXPECT_EQ(event.at(3), "brain.Event:2");
}

// TensorBoard reads files in the order of their names.
TEST_F(EventFileTest, AClockThatWasSetBackPutsNoFileBeforeAnOlderOne) {
  const EventFile first = open();
  const EventFile second(real_file_system(), folder_.path(), {.time = 1000, .host = "a"});
  EXPECT_GT(second.path().filename(), first.path().filename());
  folder_.write("events.out.tfevents.99999999999999.node1", "someone else's");
  const EventFile third = open();
  EXPECT_EQ(third.path().filename(), "events.out.tfevents.1763796422.node1.weft");
}

TEST_F(EventFileTest, ScalarsHaveTagValueStepAndTime) {
  EventFile file = open();
  file.add_scalar("train/loss", 5.25, 12, 1763796421.5);
  file.add_scalar("big", 1e300, int64_t{1} << 40, 0);
  file.add_scalar("nan", std::nan(""), 1, 0);
  const auto all = messages(file.path());
  ASSERT_THAT(all, SizeIs(4));
  EXPECT_EQ(scalar_of(all[1]), (Scalar{"train/loss", 5.25f, 12}));
  EXPECT_EQ(load<double>(fields_of(all[1]).at(1)), 1763796421.5);
  EXPECT_EQ(scalar_of(all[2]),
            (Scalar{"big", std::numeric_limits<float>::infinity(), int64_t{1} << 40}));
  EXPECT_TRUE(std::isnan(scalar_of(all[3]).value));
}

TEST_F(EventFileTest, TextIsPreformattedStringTensorOfTheTextPlugin) {
  EventFile file = open();
  file.add_text("samples", "# no heading\n<b>\xFF", 7, 1);
  const auto event = fields_of(messages(file.path()).at(1));
  const auto value = fields_of(fields_of(event.at(5)).at(1));
  EXPECT_EQ(value.at(1), "samples/text_summary");
  const auto tensor = fields_of(value.at(8));
  EXPECT_EQ(load<int64_t>(tensor.at(1)), 7);  // DT_STRING
  EXPECT_EQ(load<int64_t>(fields_of(fields_of(tensor.at(2)).at(2)).at(1)), 1);
  EXPECT_EQ(tensor.at(8), "    # no heading\n    <b>\xEF\xBF\xBD");
  EXPECT_EQ(fields_of(fields_of(value.at(9)).at(1)).at(1), "text");
}

TEST_F(EventFileTest, RecordsBecomeCurvesByTheirTags) {
  EventFile file = open();
  file.add({.step = 3,
            .loss = 2,
            .memory_bytes = 1024,
            .eta_seconds = 9,
            .wall_time = 50,
            .eval_perplexity = 7,
            .notes = {"hello"}});
  const auto all = messages(file.path());
  ASSERT_THAT(all, SizeIs(5));
  EXPECT_EQ(scalar_of(all[1]), (Scalar{"train/loss", 2, 3}));
  EXPECT_EQ(scalar_of(all[2]), (Scalar{"train/memory_bytes", 1024, 3}));
  EXPECT_EQ(scalar_of(all[3]), (Scalar{"eval/perplexity", 7, 3}));
  EXPECT_THAT(all[4], HasSubstr("hello"));
}

TEST_F(EventFileTest, ResumeStartsAnotherFileThatDropsLaterSteps) {
  open().add_scalar("a", 1, 1, 0);
  EventFile file(real_file_system(), folder_.path(),
                 {.time = 1763796420, .host = "node1", .resumed_from = 40});
  EXPECT_EQ(file.path().filename(), "events.out.tfevents.1763796421.node1.weft");
  const auto all = messages(file.path());
  ASSERT_THAT(all, SizeIs(2));
  const auto event = fields_of(all[1]);
  EXPECT_EQ(load<int64_t>(event.at(2)), 41);
  EXPECT_EQ(load<int64_t>(fields_of(event.at(7)).at(1)), 1);  // SessionLog.START
}

TEST_F(EventFileTest, HostNeverLeavesTheFolder) {
  const EventFile file(real_file_system(), folder_.path(), {.time = 5, .host = "../a b/\n"});
  EXPECT_EQ(file.path().filename(), "events.out.tfevents.5...-a-b--.weft");
  EXPECT_EQ(file.path().parent_path(), folder_.path());
}

TEST_F(EventFileTest, HalfWrittenFrameIsLeftBehindInItsFile) {
  FaultyFileSystem files(Fault::kShortWrite, 2);
  EventFile file = open(files);
  const Path first = file.path();
  EXPECT_THROW(file.add_scalar("a", 1, 1, 0), FileError);
  file.add_scalar("a", 2, 2, 0);
  EXPECT_NE(file.path(), first);
  const auto all = messages(file.path());
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(scalar_of(all[1]), (Scalar{"a", 2, 2}));
}

TEST_F(EventFileTest, FullDiskLeavesNoEmptyFiles) {
  FaultyFileSystem files(Fault::kDiskFull, 2);
  EventFile file = open(files);
  for (int i = 0; i < 5; ++i) EXPECT_THROW(file.add_scalar("a", 1, i, 0), FileError);
  EXPECT_THAT(real_file_system().list(folder_.path()), SizeIs(1));
}

// Writes what check_tensorboard.py expects, where it says.
TEST(EventFileForTensorboard, WritesTheCheckedRun) {
  const char* folder = std::getenv("WEFT_EVENT_FOLDER");
  // The script asks for the file.
  if (folder == nullptr) GTEST_SKIP() << "only for tests/interop/check_tensorboard.py";
  EventFile first(real_file_system(), folder, {.time = 1763796420, .host = "a"});
  for (int64_t step = 1; step <= 50; ++step) {
    first.add({.step = step, .loss = 8.0 / static_cast<double>(step), .wall_time = 1763796420.0});
  }
  EventFile second(real_file_system(), folder,
                   {.time = 1763796500, .host = "a", .resumed_from = 30});
  for (int64_t step = 31; step <= 60; ++step) {
    second.add(
        {.step = step, .loss = 1000.0 + static_cast<double>(step), .wall_time = 1763796501.0});
  }
  second.add({.step = 60, .loss = std::nan(""), .eval_loss = 2.5, .warnings = {"# loss is <NaN>"}});
  second.add_text("samples", "Once upon\na *time*", 60, 1763796502.0);
}

}  // namespace
}  // namespace weft::report
