// `weft runs`, and what a run leaves for it: states, steps and losses of runs that go on, have
// ended, were stopped or killed; and the record of what a run would have to be repeated with.
#include <csignal>
#include <nlohmann/json.hpp>

#include "cli_test.h"

namespace weft::test {
namespace {

using nlohmann::json;
using testing::AllOf;

class Runs : public CliTest {
 protected:
  json ask(const std::string& folder) const {
    return json::parse(must({"runs", folder, "--json"}).out);
  }
  // The entry of `run` below all/.
  json entry(const std::string& run) const {
    const json list = ask("all");
    for (const json& one : list["runs"])
      if (one["folder"] == "all/" + run) return one;
    ADD_FAILURE() << "no run " << run << " in " << list;
    return {};
  }
  Arguments training(const std::string& run, const std::string& steps) const {
    return {"pretrain", "tiny.yaml", "max_steps=" + steps, "output_dir=all/" + run};
  }
};

TEST_F(Runs, TellsHowEachEnded) {
  prepare_run("logging_steps: 1\n");
  must(training("done", "3"));
  {
    RunningProgram stopped(training("stopped", "1000000"), {.folder = folder_.path()});
    ASSERT_TRUE(stopped.wait_for("step 2/"));
    stopped.send(SIGTERM);
    EXPECT_EQ(stopped.wait().code, 75);
  }
  {
    RunningProgram killed(training("group/killed", "1000000"), {.folder = folder_.path()});
    ASSERT_TRUE(killed.wait_for("step 5/"));
    killed.send(SIGKILL);
    killed.wait();
  }
  Arguments diverging = training("nan", "20");
  diverging.insert(diverging.end(), {"learning_rate=1e30", "optimizer=sgd", "max_grad_norm=0",
                                     "non_finite_policy=stop"});
  EXPECT_EQ(run(diverging).code, 5);
  RunningProgram goes_on(training("now", "1000000"), {.folder = folder_.path()});
  ASSERT_TRUE(goes_on.wait_for("step 4/"));

  const json done = entry("done");
  EXPECT_EQ(done["state"], "finished");
  EXPECT_EQ(done["step"], 3);
  EXPECT_EQ(done["total_steps"], 3);
  EXPECT_EQ(done["checkpoint"], 3);
  EXPECT_GT(done["loss"].get<double>(), 1);
  EXPECT_GT(done["eval_loss"].get<double>(), 1);
  EXPECT_EQ(entry("stopped")["state"], "interrupted");
  EXPECT_GE(entry("stopped")["step"], 2);
  const json killed = entry("group/killed");
  EXPECT_EQ(killed["state"], "failed");
  EXPECT_GE(killed["step"], 5);
  EXPECT_THAT(killed["reason"].get<std::string>(),
              AllOf(HasSubstr("without a word"), HasSubstr("goes on from step 0")));
  EXPECT_EQ(entry("nan")["state"], "failed");
  EXPECT_THAT(entry("nan")["reason"].get<std::string>(), HasSubstr("diverged: "));
  EXPECT_EQ(entry("now")["state"], "running");
  EXPECT_GE(entry("now")["step"], 4);
  EXPECT_TRUE(entry("now")["loss"].is_number());
  EXPECT_THAT(must({"runs", "all"}).out,
              AllOf(HasSubstr("all/now"), HasSubstr("running"), HasSubstr("3/3")));
  EXPECT_EQ(ask("all/done")["runs"].size(), 1u);
}

TEST_F(Runs, AFinishedRunThatIsStartedAgainKeepsItsLosses) {
  prepare_run("logging_steps: 1\n");
  must(training("done", "3"));
  const json before = entry("done");
  EXPECT_THAT(must(training("done", "3")).err, HasSubstr("no step is left: the run has made 3"));
  const json after = entry("done");
  EXPECT_EQ(after["loss"], before["loss"]);
  EXPECT_EQ(after["eval_loss"], before["eval_loss"]);
}

TEST_F(Runs, NothingOfAStatusReachesATerminalRaw) {
  write("all/evil/run_status.json",
        R"({"state":"finished","step":1,"total_steps":2,"loss":"NaN","eval_loss":null,)"
        R"("started":"","changed":"\u001b[2J","reason":"a\n\u009b31m"})");
  const std::string told = must({"runs", "all"}).out;
  EXPECT_THAT(told, AllOf(HasSubstr("\\x1b[2J"), HasSubstr("a\\x0a\\xc2\\x9b31m")));
}

TEST_F(Runs, NoFileOutsideOfARunIsShown) {
  prepare_run();
  must(training("run", "2"));
  write("secret", "root:x:0\n");
  fs::create_symlink(folder_ / "secret", folder_ / "all/run/profile.txt");
  expect_error({"report", "all/run"}, {"profile.txt"});
  fs::remove(folder_ / "all/run/profile.txt");
  must({"report", "all/run"});
  fs::remove(folder_ / "all/run/run_status.json");
  fs::create_symlink(folder_ / "secret", folder_ / "all/run/run_status.json");
  EXPECT_THAT(entry("run")["reason"].get<std::string>(), testing::Not(HasSubstr("root:x")));
}

TEST_F(Runs, ColumnsStandBelowEachOther) {
  prepare_run();
  must(training("plain", "1"));
  must(training("\u8dd1\u8dd1 \u00e9", "1"));
  const std::string told = must({"runs", "all"}).out;
  EXPECT_THAT(told, HasSubstr("folder      state"));
  EXPECT_THAT(told, HasSubstr("\nall/plain   finished"));
  EXPECT_THAT(told, HasSubstr("\nall/\u8dd1\u8dd1 \u00e9  finished"));
}

TEST_F(Runs, ReadsDamagedOnesAndRefusesWhatIsNoFolder) {
  prepare_run();
  must(training("run", "2"));
  write("all/run/run_status.json", "{\"state\": \"flying\"}");
  EXPECT_EQ(entry("run")["state"], "failed");
  EXPECT_THAT(entry("run")["reason"].get<std::string>(),
              HasSubstr("run_status.json': not the status of a run"));
  write("all/run/run_status.json",
        R"({"state":"finished","step":1,"total_steps":2,"loss":"low","eval_loss":null,)"
        R"("started":"","changed":"","reason":""})");
  EXPECT_THAT(entry("run")["reason"].get<std::string>(), HasSubstr("a loss is '\"low\"', neither"));
  fs::create_directory_symlink(folder_ / "all", folder_ / "all/loop");
  EXPECT_EQ(ask("all")["runs"].size(), 1u);
  fs::create_directory(folder_ / "empty");
  EXPECT_THAT(must({"runs", "empty"}).out, HasSubstr("no runs in 'empty'"));
  expect_error({"runs", "nowhere"}, {"'nowhere' is no folder"});
}

TEST_F(Runs, ARunLeavesWhatItWouldHaveToBeRepeatedWith) {
  prepare_run();
  must(training("run", "2"));
  must(training("run", "4"));
  std::istringstream lines(text_of("all/run/run_record.jsonl"));
  std::vector<json> records;
  for (std::string line; std::getline(lines, line);) records.push_back(json::parse(line));
  ASSERT_EQ(records.size(), 2u) << "one for each process";
  const json& last = records[1];
  EXPECT_EQ(last["first_step"], 2);
  EXPECT_EQ(last["checkpoint"], "all/run/checkpoint-2");
  EXPECT_EQ(last["command_line"][1], "pretrain");
  EXPECT_EQ(last["command_line"][3], "max_steps=4");
  EXPECT_FALSE(last["machine"]["processor_features"].empty());
  EXPECT_THAT(last["versions"]["kernel_libraries"].get<std::string>(), HasSubstr("oneDNN "));
  EXPECT_THAT(last["kernels"].get<std::string>(), HasSubstr("auto ("));
  EXPECT_THAT(last["device"].get<std::string>(), testing::StartsWith("cpu ("));
  EXPECT_EQ(last["data"][0]["input_hash"].get<std::string>().size(), 32u);
  EXPECT_EQ(last["data"][0]["shard_hashes"]["train"].size(), 1u);
  EXPECT_THAT(last["config"].get<std::string>(), HasSubstr("max_steps: 4"));
  EXPECT_NE(last["config_hash"], records[0]["config_hash"]);
  EXPECT_EQ(last["tokenizer_hash"], records[0]["tokenizer_hash"]);
  // The resolved config in the record starts the same run.
  write("again.yaml", last["config"].get<std::string>());
  must({"pretrain", "again.yaml", "output_dir=all/again"});
  EXPECT_TRUE(text_of("all/again/checkpoint-4/config.json") ==
              text_of("all/run/checkpoint-4/config.json"));
}

TEST_F(Runs, ATornRecordIsCutOff) {
  prepare_run();
  must(training("run", "2"));
  const std::string whole = text_of("all/run/run_record.jsonl");
  write("all/run/run_record.jsonl", whole + whole.substr(0, whole.size() / 2));
  must(training("run", "3"));
  const std::string text = text_of("all/run/run_record.jsonl");
  EXPECT_TRUE(text.starts_with(whole));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_TRUE(json::accept(text.substr(whole.size())));
}

TEST_F(Runs, GoingOnWithOtherKernelsIsTold) {
  prepare_run();
  must(training("run", "2"));
  EXPECT_THAT(must(training("run", "3")).err, testing::Not(HasSubstr("was computed with kernels")));
  RunOptions limited;
  limited.environment["WEFT_MAX_ISA"] = "baseline";
  const Outcome outcome = run(training("run", "4"), limited);
  EXPECT_EQ(outcome.code, kDone) << outcome.all();
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("was computed with kernels auto ("),
                                 HasSubstr("now it is auto (baseline)")));
}

TEST_F(Runs, LocateNaNNamesTheOperatorAndEndsWithFive) {
  prepare_run();
  Arguments arguments = training("run", "20");
  arguments.insert(arguments.end(),
                   {"learning_rate=1e30", "optimizer=sgd", "max_grad_norm=0", "--locate-nan"});
  const Outcome outcome = run(arguments);
  EXPECT_EQ(outcome.code, 5) << outcome.all();
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("replay of step 2, micro-batch 1: the operator "),
                                 HasSubstr("is the first whose result is not finite"),
                                 HasSubstr("it reads the parameter '"),
                                 testing::Not(HasSubstr("--locate-nan"))));
}

}  // namespace
}  // namespace weft::test
