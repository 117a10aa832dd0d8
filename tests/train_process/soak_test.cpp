// A trainer that is killed again and again at random moments, in any part of a step, a save, a
// purge or a start, ends with the weights of one that was left alone. WEFT_SOAK=N asks for N kills
// instead of 100; WEFT_SOAK_SEED for other moments.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>

#include "event_reader.h"
#include "tests/train/training_test.h"

namespace weft::train {
namespace {

constexpr int64_t kSteps = 24;

int64_t number_from(const char* variable, int64_t otherwise) {
  const char* value = std::getenv(variable);
  return value == nullptr ? otherwise : std::atoll(value);
}

class Soak : public TrainingTest {
 protected:
  PretrainConfig config_of(const std::string& run) {
    return config(run, {"max_steps=" + std::to_string(kSteps), "save_steps=1", "eval_steps=4",
                        "eval_batches=2", "save_total_limit=2", "save_keep_every=10",
                        "gradient_accumulation_steps=2", "report_to=[tensorboard]"});
  }

  // A process of its own that trains. This one never does: a child of a process with threads of a
  // library could wait for them for ever.
  pid_t start(const PretrainConfig& config) {
    const pid_t child = ::fork();
    if (child != 0) return child;
    try {
      open(config)->run();
      ::_exit(0);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      ::_exit(1);
    }
  }
  static int wait(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  }

  // The event files of all processes together say what the log says: no gap, no step twice.
  void expect_events_as_the_log(const std::string& run) const {
    std::vector<EventPoint> losses, evaluations;
    for (const report::LogRecord& record :
         report::read_log(real_file_system(), folder_of(run) / kRunLogFile).records) {
      if (record.loss) losses.push_back({record.step, static_cast<float>(*record.loss)});
      if (record.eval_loss)
        evaluations.push_back({record.step, static_cast<float>(*record.eval_loss)});
    }
    EXPECT_EQ(losses.size(), static_cast<size_t>(kSteps));
    const EventReader events(folder_of(run));
    EXPECT_TRUE(events.curves().at("train/loss") == losses);
    EXPECT_TRUE(events.curves().at("eval/loss") == evaluations);
  }

  // Leftovers of a crash would begin with a dot.
  void expect_clean(const std::string& run) const {
    for (const auto& entry : std::filesystem::directory_iterator(folder_of(run)))
      EXPECT_NE(entry.path().filename().string()[0], '.') << entry.path();
  }
};

TEST_F(Soak, ARunKilledAtRandomMomentsEndsAsOneThatWasNot) {
  const PretrainConfig undisturbed = config_of("whole");
  const auto began = std::chrono::steady_clock::now();
  ASSERT_EQ(wait(start(undisturbed)), 0);
  const std::chrono::duration<double> length = std::chrono::steady_clock::now() - began;
  const Trace whole = trace("whole", kSteps);
  const int64_t kills = number_from("WEFT_SOAK", 100);
  std::mt19937_64 random(static_cast<uint64_t>(number_from("WEFT_SOAK_SEED", 1)));
  std::uniform_real_distribution<double> moment(0, length.count());
  for (int64_t killed = 0, runs = 0; killed < kills; ++runs) {
    const PretrainConfig config = config_of("killed");
    for (bool ended = false; !ended;) {
      const pid_t child = start(config);
      if (killed < kills) {
        std::this_thread::sleep_for(std::chrono::duration<double>(moment(random)));
        ::kill(child, SIGKILL);
      }
      const int status = wait(child);
      ended = WIFEXITED(status);
      if (ended) ASSERT_EQ(WEXITSTATUS(status), 0) << "after " << killed << " kills";
      else ++killed;
    }
    EXPECT_EQ(trace("killed", kSteps), whole) << "run " << runs << ", " << killed << " kills";
    expect_clean("killed");
    expect_events_as_the_log("killed");
    std::filesystem::remove_all(folder_of("killed"));
  }
}

}  // namespace
}  // namespace weft::train
