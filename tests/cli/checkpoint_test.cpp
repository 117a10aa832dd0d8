// `weft checkpoint`: every verb on a run of the program's own, on damage, and on bad input.
#include "cli_test.h"

#include <nlohmann/json.hpp>

namespace weft::test {
namespace {

using nlohmann::json;
using testing::AllOf;

class Checkpoint : public CliTest {
 protected:
  // run/ with checkpoints 2, 4 and 6, the last the best.
  void train(const std::string& more = "") {
    prepare_run(more);
    must({"pretrain", "tiny.yaml", "max_steps=6", "save_steps=2", "eval_steps=2"});
  }
  void damage(const std::string& name, size_t at) {
    std::string bytes = text_of(name);
    ASSERT_LT(at, bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    write(name, bytes);
  }
  json ask(Arguments arguments) const {
    arguments.insert(arguments.begin(), "checkpoint");
    arguments.push_back("--json");
    return json::parse(must(arguments).out);
  }
  std::vector<int64_t> steps(const json& list) const {
    std::vector<int64_t> result;
    for (const json& entry : list) result.push_back(entry.at("step"));
    return result;
  }
};

TEST_F(Checkpoint, ListsWhatIsThereAndWhatIsIntact) {
  train();
  damage("run/checkpoint-6/model.safetensors", 5000);
  write("run/.checkpoint-8.partial/x", "half");
  write("run/.run_config.yaml.tmp-17-0", "half");
  const json list = ask({"list", "run"});
  EXPECT_EQ(steps(list["checkpoints"]), (std::vector<int64_t>{6, 4, 2}));
  EXPECT_EQ(list["checkpoints"][0]["state"], "damaged");
  EXPECT_THAT(list["checkpoints"][0]["problem"].get<std::string>(),
              HasSubstr("model.safetensors' is damaged"));
  EXPECT_EQ(list["checkpoints"][1]["state"], "intact");
  EXPECT_EQ(list["latest"], 4);
  EXPECT_EQ(list["best"], 4);
  EXPECT_EQ(list["leftovers"].size(), 2u);
  EXPECT_EQ(ask({"list", "run", "--quick"})["checkpoints"][0]["state"], "intact");
  EXPECT_THAT(must({"checkpoint", "list", "run"}).out,
              AllOf(HasSubstr("latest best"), HasSubstr("unfinished")));
}

TEST_F(Checkpoint, VerifyNamesEveryDamagedFileAndFails) {
  train();
  EXPECT_TRUE(ask({"verify", "run"})["intact"]);
  EXPECT_TRUE(ask({"verify", "run/checkpoint-4/"})["intact"]);
  damage("run/checkpoint-4/model.safetensors", 0);
  damage("run/checkpoint-4/trainer_state/state.json", 3);
  damage("run/checkpoint-2/manifest.json", 30);
  const Outcome outcome = run({"checkpoint", "verify", "run", "--json"});
  EXPECT_EQ(outcome.code, kBadInput) << outcome.all();
  EXPECT_THAT(outcome.err, HasSubstr("2 of 3 checkpoints cannot be used"));
  const json all = json::parse(outcome.out);
  int damaged = 0;
  for (const json& file : all["checkpoints"][1]["files"])
    if (!file["intact"]) ++damaged;
  EXPECT_EQ(damaged, 2);
  EXPECT_EQ(all["checkpoints"][2]["state"], "damaged");
}

TEST_F(Checkpoint, VerifyNamesExtraFilesAndFollowsNoLink) {
  train();
  write("run/checkpoint-4/pytorch_model.bin", "not ours");
  write("run/checkpoint-4/trainer_state/more/x", "nor this");
  fs::create_symlink("/etc/passwd", folder_ / "run/checkpoint-4/link");
  const json all = ask({"verify", "run"});
  EXPECT_EQ(all["checkpoints"][1]["extra"],
            (json{"link", "pytorch_model.bin", "trainer_state/more/x"}));
  EXPECT_TRUE(all["checkpoints"][0]["extra"].empty());
  EXPECT_THAT(must({"checkpoint", "verify", "run"}).out,
              HasSubstr("extra: 'pytorch_model.bin', which the manifest does not list"));
  // The same bytes behind a link, of a file and of a folder, are no checkpoint's.
  fs::rename(folder_ / "run/checkpoint-6/model.safetensors", folder_ / "elsewhere");
  fs::create_symlink(folder_ / "elsewhere", folder_ / "run/checkpoint-6/model.safetensors");
  fs::rename(folder_ / "run/checkpoint-2/trainer_state", folder_ / "state");
  fs::create_directory_symlink(folder_ / "state", folder_ / "run/checkpoint-2/trainer_state");
  const Outcome outcome = run({"checkpoint", "verify", "run"});
  EXPECT_EQ(outcome.code, kBadInput) << outcome.all();
  EXPECT_THAT(outcome.err, HasSubstr("2 of 3 checkpoints cannot be used"));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("model.safetensors' is a symbolic link"),
                                 HasSubstr("trainer_state' is a symbolic link")));
  EXPECT_EQ(ask({"list", "run", "--quick"})["latest"], 4);
  const Outcome resumed =
      run({"pretrain", "tiny.yaml", "max_steps=6", "save_steps=2", "eval_steps=2"});
  EXPECT_EQ(resumed.code, kDone) << resumed.all();
  EXPECT_THAT(resumed.err, HasSubstr("skipped the damaged checkpoint 'run/checkpoint-6'"));
}

// What was found in a run's folder is not followed out of it; what the user names may be a link.
TEST_F(Checkpoint, ALinkIsNoCheckpointOfARun) {
  train();
  fs::rename(folder_ / "run/checkpoint-6", folder_ / "elsewhere");
  fs::create_directory_symlink(folder_ / "elsewhere", folder_ / "run/checkpoint-6");
  EXPECT_EQ(ask({"list", "run"})["latest"], 4);
  EXPECT_THAT(run({"checkpoint", "verify", "run"}).out,
              HasSubstr("checkpoint-6' is a symbolic link"));
  const Outcome resumed =
      run({"pretrain", "tiny.yaml", "max_steps=6", "save_steps=2", "eval_steps=2"});
  EXPECT_EQ(resumed.code, kDone) << resumed.all();
  EXPECT_THAT(resumed.err, HasSubstr("skipped the damaged checkpoint 'run/checkpoint-6'"));
  EXPECT_TRUE(fs::exists(folder_ / "elsewhere/manifest.json"));
  fs::create_directory_symlink(folder_ / "run/checkpoint-4", folder_ / "mine");
  must({"checkpoint", "verify", "mine"});
}

TEST_F(Checkpoint, DiffShowsKeysAndNorms) {
  train();
  must({"pretrain", "tiny.yaml", "max_steps=8", "learning_rate=2e-3"});
  const json diff = ask({"diff", "run", "2", "8"});
  const auto has_key = [&](const std::string& part, const std::string& key) {
    for (const json& entry : diff[part])
      if (entry["key"] == key) return true;
    return false;
  };
  EXPECT_TRUE(has_key("config", "learning_rate")) << diff["config"];
  EXPECT_TRUE(has_key("config", "max_steps"));
  EXPECT_TRUE(has_key("state", "updates"));
  for (const json& tensor : diff["tensors"]) {
    const double before = tensor["norm_before"], after = tensor["norm_after"];
    EXPECT_GT(double(tensor["norm_of_difference"]), 0) << tensor;
    EXPECT_LE(double(tensor["norm_of_difference"]), before + after) << tensor;
    EXPECT_FALSE(tensor["equal"]);
  }
  EXPECT_GT(diff["tensors"].size(), 20u);
  const json same = ask({"diff", "run/checkpoint-4", "run/checkpoint-4"});
  for (const json& tensor : same["tensors"]) EXPECT_TRUE(tensor["equal"]);
  EXPECT_TRUE(same["config"].empty() && same["state"].empty());
  EXPECT_THAT(must({"checkpoint", "diff", "run"}).out,
              AllOf(HasSubstr("before: run/checkpoint-6"), HasSubstr("state 'updates': '6' -> '8'"),
                    HasSubstr("'lm_head.weight' F32[264,16]")));
}

TEST_F(Checkpoint, PruneTellsWhatItWouldFreeAndRemovesOnlyWhenTold) {
  train();
  const auto before = contents_of(folder_.path());
  const json plan = ask({"prune", "run", "--keep-last", "1"});
  EXPECT_EQ(steps(plan["remove"]), (std::vector<int64_t>{4, 2}));
  EXPECT_GT(plan["frees"].get<int64_t>(), 100'000);
  EXPECT_TRUE(contents_of(folder_.path()) == before);
  EXPECT_EQ(steps(ask({"prune", "run", "--keep-last", "1", "--keep-every", "4"})["keep"]),
            (std::vector<int64_t>{6, 4}));
  damage("run/checkpoint-6/config.json", 1);  // then the newest intact one must stay
  const json pruned = ask({"prune", "run", "--keep-last", "1", "--yes"});
  EXPECT_EQ(steps(pruned["keep"]), (std::vector<int64_t>{4}));
  EXPECT_EQ(steps(pruned["damaged"]), (std::vector<int64_t>{6}));
  EXPECT_EQ(steps(ask({"list", "run"})["checkpoints"]), (std::vector<int64_t>{6, 4}));
}

TEST_F(Checkpoint, PruneTakesItsLimitsFromTheRun) {
  train("save_total_limit: 2\nsave_keep_every: 2\nkeep_best_checkpoint: false\n");
  EXPECT_TRUE(ask({"prune", "run"})["remove"].empty());
  EXPECT_EQ(steps(ask({"prune", "run", "--keep-every", "5"})["remove"]), (std::vector<int64_t>{2}));
}

TEST_F(Checkpoint, RepairMovesDamageAwayAndTheRunGoesOn) {
  train();
  const std::string whole = text_of("run/checkpoint-6/model.safetensors");
  damage("run/checkpoint-6/model.safetensors", 5000);
  write("run/.checkpoint-8.partial/x", "half");
  write("run/.log.jsonl.tmp-17-0", "half");
  const auto before = contents_of(folder_.path());
  EXPECT_EQ(ask({"repair", "run", "--dry-run"})["actions"].size(), 3u);
  EXPECT_TRUE(contents_of(folder_.path()) == before);
  EXPECT_EQ(ask({"repair", "run"})["actions"].size(), 3u);
  EXPECT_TRUE(exists("run/damaged-checkpoint-6/model.safetensors"));
  EXPECT_FALSE(exists("run/.checkpoint-8.partial") || exists("run/.log.jsonl.tmp-17-0"));
  EXPECT_EQ(steps(ask({"list", "run"})["checkpoints"]), (std::vector<int64_t>{4, 2}));
  EXPECT_THAT(must({"checkpoint", "repair", "run"}).out, HasSubstr("nothing to repair"));
  must({"pretrain", "tiny.yaml", "max_steps=6", "save_steps=2", "eval_steps=2"});
  EXPECT_EQ(text_of("run/checkpoint-6/model.safetensors"), whole);
  damage("run/checkpoint-6/config.json", 1);
  must({"checkpoint", "repair", "run"});
  EXPECT_TRUE(exists("run/damaged-checkpoint-6-2"));
}

TEST_F(Checkpoint, BadInputIsOneLine) {
  write("file", "x");
  write("other/readme", "x");
  write("run/checkpoint-2/config.json", "{}");
  write("run/run.lock", "");
  for (const std::string verb : {"list", "verify", "diff", "prune", "repair"}) {
    expect_error({"checkpoint", verb, "none"}, {"'none' does not exist", "output_dir of a run"});
    expect_error({"checkpoint", verb, "file"}, {"'file' is no folder"});
    expect_error({"checkpoint", verb, "other"}, {"is no run of Weft"});
    expect_error({"checkpoint", verb, "a\n\x1b[2J"}, {"'a\\x0a\\x1b[2J' does not exist"});
    if (verb != "verify")
      expect_error({"checkpoint", verb, "run/checkpoint-2"}, {"is one checkpoint", "'run'"});
  }
  expect_error({"checkpoint", "diff", "run"}, {"has 0 intact checkpoints; two are needed"});
  expect_error({"checkpoint", "diff", "run", "2"}, {"one step is given, '2'"});
  expect_error({"checkpoint", "diff", "run", "2", "3"}, {"has no manifest.json"});
  expect_error({"checkpoint", "diff", "run", "3", "2"}, {"no checkpoint of step 3; it has 2"});
  expect_error({"checkpoint", "diff", "run", "-1", "2"}, {});
  expect_error({"checkpoint", "diff", "run", "02", "2"}, {"'02' is no step"});
  expect_error({"checkpoint", "prune", "run"}, {"keeps all checkpoints", "--keep-last N"});
  expect_error({"checkpoint", "prune", "run", "--keep-last", "0"}, {"--keep-last"});
  expect_error({"checkpoint", "prune", "run", "--keep-last", "x"}, {"--keep-last"});
  expect_error({"checkpoint", "lst", "run"}, {"did you mean 'list'?"});
  expect_error({"checkpoint"}, {"a verb is missing; allowed: list, verify, diff, prune, repair"});
}

// What changes a folder needs its lock; what looks does not.
TEST_F(Checkpoint, ARunInProgressIsNotTouched) {
  train();
  RunningProgram training({"pretrain", "tiny.yaml", "max_steps=1000000", "save_steps=1000000"},
                          {.folder = folder_.path()});
  ASSERT_TRUE(training.wait_for("step 10/"));
  for (const Arguments& arguments :
       {Arguments{"checkpoint", "prune", "run", "--keep-last", "1", "--yes"},
        Arguments{"checkpoint", "repair", "run"}}) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.code, kBadInput);
    EXPECT_THAT(outcome.err, HasSubstr("it is held by process"));
  }
  EXPECT_EQ(steps(ask({"list", "run"})["checkpoints"]), (std::vector<int64_t>{6, 4, 2}));
}

}  // namespace
}  // namespace weft::test
