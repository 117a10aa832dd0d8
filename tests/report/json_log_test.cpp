// log.jsonl: numbers that read back exactly, NaN that stays visible, and what is left after a
// resume, a crash or a full disk.
#include "report/json_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "tests/core/faulty_file_system.h"
#include "tests/core/temporary_folder.h"

namespace weft::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

LogRecord at_step(int64_t step) {
  return {.step = step, .loss = 1.0 / static_cast<double>(step + 1), .tokens_seen = step * 100};
}

std::vector<int64_t> steps_in(const LogContents& contents) {
  std::vector<int64_t> steps;
  for (const LogRecord& record : contents.records) steps.push_back(record.step);
  return steps;
}

class JsonLogTest : public ::testing::Test {
 protected:
  void write_steps(int64_t first, int64_t last) {
    JsonLog log = JsonLog::create(real_file_system(), file_);
    for (int64_t step = first; step <= last; ++step) log.write(at_step(step));
  }
  LogContents contents() const { return read_log(real_file_system(), file_); }
  std::string text() const { return read_text_file(file_, 1 << 20); }
  void set_text(std::string_view text) { write_file_atomically(real_file_system(), file_, text); }

  TemporaryFolder folder_;
  Path file_ = folder_.path() / "log.jsonl";
};

TEST(LogRecordJson, EveryFieldReadsBackExactly) {
  const LogRecord record{.step = 123456789012,
                         .loss = 5.1234,
                         .grad_norm = 0.1 + 0.2,
                         .learning_rate = 1e-300,
                         .tokens_per_second = 12345.678,
                         .peak_share = 1.0 / 3,
                         .memory_bytes = int64_t{1} << 62,
                         .eta_seconds = 0,
                         .tokens_seen = 7,
                         .epoch = 0.25,
                         .wall_time = 1763796420.123456,
                         .eval_loss = 4.9e-324,
                         .eval_perplexity = 1.7976931348623157e308,
                         .notes = {"a \"quoted\" note\n", ""},
                         .warnings = {"\xE2\x9C\x93"}};
  EXPECT_EQ(log_record_from_json(to_json(record), "test"), record);
}

TEST(LogRecordJson, LossHasSeventeenDigitsAndAbsentFieldsAreAbsent) {
  EXPECT_EQ(to_json({.step = 12, .loss = 5.1234}), "{\"step\": 12, \"loss\": 5.1234000000000002}");
  EXPECT_EQ(to_json({}), "{\"step\": 0}");
}

TEST(LogRecordJson, NanAndInfinityAreStringsAndReadBack) {
  const std::string line =
      to_json({.step = 1, .loss = kNan, .grad_norm = kInf, .eval_loss = -kInf});
  EXPECT_EQ(line,
            "{\"step\": 1, \"loss\": \"NaN\", \"grad_norm\": \"Infinity\", "
            "\"eval_loss\": \"-Infinity\"}");
  const LogRecord record = log_record_from_json(line, "test");
  EXPECT_TRUE(std::isnan(record.loss.value()));
  EXPECT_EQ(record.grad_norm, kInf);
  EXPECT_EQ(record.eval_loss, -kInf);
}

TEST(LogRecordJson, HostileTextStaysOneLineOfValidJson) {
  const std::string line = to_json({.warnings = {std::string("a\nb\r\0\x1b[31m\xFF\xC3", 13)}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  const LogRecord record = log_record_from_json(line, "test");
  EXPECT_EQ(record.warnings.at(0), std::string("a\nb\r\0\x1b[31m\xEF\xBF\xBD\xEF\xBF\xBD", 17));
}

TEST(LogRecordJson, RefusesWhatIsNoLogLine) {
  const auto message = [](const std::string& line) {
    return error_message([&] { log_record_from_json(line, "log.jsonl line 3"); });
  };
  EXPECT_THAT(message("{\"loss\": 1}"), HasSubstr("must be an object with \"step\""));
  EXPECT_THAT(message("[1]"), HasSubstr("log.jsonl line 3: a log line must be"));
  EXPECT_THAT(message("{\"step\": 1, \"los\": 1}"), HasSubstr("unknown key 'los'"));
  EXPECT_THAT(message("{\"step\": 1.5}"), HasSubstr("allowed is an integer"));
  EXPECT_THAT(message("{\"step\": 18446744073709551615}"), HasSubstr("allowed is an integer"));
  EXPECT_THAT(message("{\"step\": 1, \"loss\": null}"), HasSubstr("allowed is a number, \"NaN\""));
  EXPECT_THAT(message("{\"step\": 1, \"loss\": \"nan\"}"), HasSubstr("\"loss\" is"));
  EXPECT_THAT(message("{\"step\": 1, \"notes\": [1]}"), HasSubstr("allowed is a list of strings"));
  EXPECT_THAT(message("{\"step\": 1, \"step\": 2}"), HasSubstr("twice"));
  EXPECT_NE(message("{\"step\": 1"), "");
  EXPECT_NE(message(""), "");
}

TEST_F(JsonLogTest, WritesALineForEveryRecord) {
  write_steps(1, 3);
  EXPECT_THAT(steps_in(contents()), ElementsAre(1, 2, 3));
  EXPECT_EQ(contents().records[1], at_step(2));
  EXPECT_TRUE(text().ends_with("}\n"));
}

TEST_F(JsonLogTest, CreateRefusesAnExistingLog) {
  write_steps(1, 1);
  EXPECT_THROW(JsonLog::create(real_file_system(), file_), FileError);
  EXPECT_THAT(steps_in(contents()), ElementsAre(1));
}

TEST_F(JsonLogTest, ResumeCutsLaterStepsAndGoesOn) {
  write_steps(1, 6);
  JsonLog log = JsonLog::resume(real_file_system(), file_, 3);
  EXPECT_EQ(log.repair().lines_kept, 3);
  EXPECT_EQ(log.repair().lines_cut, 3);
  EXPECT_FALSE(log.repair().torn_line_cut);
  log.write(at_step(4));
  EXPECT_THAT(steps_in(contents()), ElementsAre(1, 2, 3, 4));
}

TEST_F(JsonLogTest, ResumeAtTheEndWritesNothingButTheLine) {
  write_steps(1, 2);
  FaultyFileSystem files;
  JsonLog log = JsonLog::resume(files, file_, 2);
  log.write(at_step(3));
  EXPECT_EQ(files.operations(), 2);  // open, write
  EXPECT_THAT(steps_in(contents()), ElementsAre(1, 2, 3));
}

TEST_F(JsonLogTest, ResumeFromStepZeroKeepsAnEvaluationBeforeTraining) {
  set_text("{\"step\": 0, \"eval_loss\": 8.3}\n{\"step\": 1, \"loss\": 8}\n");
  JsonLog::resume(real_file_system(), file_, 0);
  EXPECT_THAT(steps_in(contents()), ElementsAre(0));
}

TEST_F(JsonLogTest, ResumeStartsAMissingOrEmptyLog) {
  JsonLog::resume(real_file_system(), file_, 5).write(at_step(6));
  EXPECT_THAT(steps_in(contents()), ElementsAre(6));
  set_text("");
  JsonLog::resume(real_file_system(), file_, 5).write(at_step(6));
  EXPECT_THAT(steps_in(contents()), ElementsAre(6));
}

TEST_F(JsonLogTest, EveryTornLastLineIsRepaired) {
  write_steps(1, 3);
  const std::string whole = text();
  const size_t two_lines = whole.rfind('\n', whole.size() - 2) + 1;
  for (size_t size = two_lines + 1; size < whole.size(); size += size + 4 < whole.size() ? 4 : 1) {
    set_text(whole.substr(0, size));
    const bool only_newline_is_missing = size == whole.size() - 1;
    EXPECT_EQ(contents().torn_last_line, !only_newline_is_missing);
    JsonLog log = JsonLog::resume(real_file_system(), file_, 3);
    EXPECT_EQ(log.repair().torn_line_cut, !only_newline_is_missing) << size;
    EXPECT_EQ(log.repair().lines_cut, 0);
    EXPECT_EQ(text(), only_newline_is_missing ? whole : whole.substr(0, two_lines)) << size;
  }
}

TEST_F(JsonLogTest, DamagedLineInTheMiddleIsLeftOutAndTold) {
  set_text("{\"step\": 1}\n{\"step\": \n{\"step\": 3}\n");
  EXPECT_THAT(contents().bad_lines, ElementsAre(HasSubstr("log.jsonl line 2")));
  EXPECT_THAT(steps_in(contents()), ElementsAre(1, 3));
}

TEST_F(JsonLogTest, CrashDuringResumeLeavesTheOldLogOrTheNewOne) {
  write_steps(1, 5);
  const std::string old = text();
  FaultyFileSystem probe;
  JsonLog::resume(probe, file_, 2);
  const std::string cut = text();
  for (int64_t k = 0; k < probe.operations(); ++k) {
    set_text(old);
    FaultyFileSystem files(Fault::kCrash, k);
    EXPECT_THROW(JsonLog::resume(files, file_, 2), Crash);
    EXPECT_TRUE(text() == old || text() == cut) << probe.log()[static_cast<size_t>(k)];
    JsonLog::resume(real_file_system(), file_, 2);
    EXPECT_EQ(text(), cut);
  }
}

TEST_F(JsonLogTest, HalfWrittenLineIsTakenOffAndWrittenAgain) {
  FaultyFileSystem files(Fault::kShortWrite, 2);
  JsonLog log = JsonLog::create(files, file_);
  log.write(at_step(1));
  EXPECT_THROW(log.write(at_step(2)), FileError);
  EXPECT_TRUE(contents().torn_last_line);
  log.write(at_step(3));
  log.sync();
  EXPECT_FALSE(contents().torn_last_line);
  EXPECT_THAT(steps_in(contents()), ElementsAre(1, 2, 3));
}

TEST_F(JsonLogTest, FailedSyncOfPendingLinesSpeaks) {
  FaultyFileSystem files(Fault::kDiskFull, 1);
  JsonLog log = JsonLog::create(files, file_);
  EXPECT_THROW(log.write(at_step(1)), FileError);
  EXPECT_THROW(log.sync(), FileError);
}

TEST(LogRecord, SamplesReadBackWhateverTheyHold) {
  LogRecord record{.step = 3, .wall_time = 1.5};
  record.samples = {{"a \"prompt\"\n", "text"}, {"", ""}};
  const std::string line = to_json(record);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(log_record_from_json(line, "x"), record);
  for (const char* bad :
       {R"({"step": 1, "samples": 3})", R"({"step": 1, "samples": [{"prompt": "a"}]})",
        R"({"step": 1, "samples": [{"prompt": 1, "text": "b"}]})",
        R"({"step": 1, "samples": [{"prompt": "a", "text": "b", "more": 1}]})"})
    EXPECT_THROW(log_record_from_json(bad, "x"), Error) << bad;
}

}  // namespace
}  // namespace weft::report
