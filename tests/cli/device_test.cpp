// `device: auto|cpu|cuda` of the program: what it says on machines that lack something, and what is
// left of a run whose device fails. The emulated device stands in for a GPU
// (WEFT_TEST_DEVICE=emulated), and lacks or breaks what WEFT_EMULATED_FAULT names.
#include <cmath>
#include <nlohmann/json.hpp>

#include "cli_test.h"

namespace weft::test {
namespace {

constexpr int kDeviceLost = 4;

class DeviceOption : public CliTest {
 protected:
  void SetUp() override { write("tiny.yaml", config()); }
  void prepare() {
    prepare_run();
    write("tiny.yaml", config());
  }
  // Kernels of the emulated device are a thousand times slower than the CPU's.
  static std::string config() {
    return "model: {model_type: llama, vocab_size: 260, hidden_size: 16, intermediate_size: 16,\n"
           "  num_hidden_layers: 1, num_attention_heads: 1, max_position_embeddings: 64}\n"
           "datasets: [{path: tokens}]\n"
           "sequence_len: 8\nmicro_batch_size: 1\nmax_steps: 1\nlearning_rate: 1e-3\n"
           "eval_batches: 1\noutput_dir: run\nlogging_steps: 1\ndevice: cuda\n";
  }

  Outcome on_emulated(Arguments arguments, const std::string& fault = "") const {
    RunOptions options;
    options.environment = {{"WEFT_TEST_DEVICE", "emulated"}, {"WEFT_EMULATED_FAULT", fault}};
    return run(std::move(arguments), std::move(options));
  }
  // Before anything is read or written.
  void expect_refused(const std::string& fault, const std::vector<std::string>& parts,
                      int code = kBadInput) const {
    const Outcome outcome = on_emulated({"pretrain", "tiny.yaml"}, fault);
    SCOPED_TRACE(fault + "\n" + outcome.all());
    EXPECT_EQ(outcome.code, code);
    EXPECT_THAT(outcome.err, testing::StartsWith("weft: "));
    for (const std::string& part : parts) EXPECT_THAT(outcome.err, HasSubstr(part));
    EXPECT_EQ(outcome.out, "");
  }
};

TEST_F(DeviceOption, ADeviceThatCannotBeUsedIsRefusedWithTheReason) {
  prepare();
  const std::string refused = "device cuda cannot be used: ";
  expect_refused("no-driver", {refused + "no NVIDIA driver is loaded", "--gpus all"});
  expect_refused("old-driver", {refused + "the NVIDIA driver is too old: it knows CUDA 12.4",
                                "needs 13.0", "update the driver"});
  expect_refused("no-device", {refused + "the driver shows no GPU", "CUDA_VISIBLE_DEVICES"});
  expect_refused("capability", {refused + "device 0, emulated on the host",
                                "compute capability is 7.5", "need 8.0 (Ampere) or newer"});
}

// A program in /tmp/x must not load what somebody put into /tmp.
TEST_F(DeviceOption, NoLibraryIsLoadedFromAboveWhereAnyoneMayWrite) {
  const std::string before = program_path();
  fs::create_directories(folder_ / "open/bin");
  fs::copy_file(before, folder_ / "open/bin/weft");
  write("open/libweft_cuda.so", "no library");
  setenv("WEFT_BINARY", (folder_ / "open/bin/weft").c_str(), 1);
  fs::permissions(folder_ / "open", fs::perms::all);
  const RunOptions no_other{.environment = {{"WEFT_DEVICE_LIBRARIES", ""}}};
  const Outcome open = run({"devices"}, no_other);
  fs::permissions(folder_ / "open", fs::perms::owner_all);
  const Outcome closed = run({"devices"}, no_other);
  setenv("WEFT_BINARY", before.c_str(), 1);
  EXPECT_THAT(open.out, testing::Not(HasSubstr("open/libweft_cuda.so"))) << open.all();
  EXPECT_THAT(closed.out, HasSubstr("open/libweft_cuda.so' cannot be loaded")) << closed.all();
}

TEST_F(DeviceOption, WithoutTheLibraryTheFoldersAreNamed) {
  prepare();
  RunOptions options;
  options.environment = {{"WEFT_DEVICE_LIBRARIES", "/nowhere"}, {"WEFT_TEST_DEVICE", "cuda"}};
  const Outcome outcome = run({"pretrain", "tiny.yaml"}, options);
  // Where a GPU can be used there is nothing to refuse.
  if (outcome.code == kDone) GTEST_SKIP() << "this machine has a GPU";
  EXPECT_EQ(outcome.code, kBadInput) << outcome.all();
  EXPECT_THAT(outcome.err, HasSubstr("device cuda cannot be used"));
}

TEST_F(DeviceOption, AutoSaysWhatItChoseAndWhy) {
  prepare();
  const auto said = [&](const std::string& fault) {
    const Outcome outcome =
        on_emulated({"pretrain", "tiny.yaml", "device=auto", "output_dir=" + fault + "run"}, fault);
    EXPECT_EQ(outcome.code, kDone) << outcome.all();
    return outcome.err;
  };
  EXPECT_THAT(said("no-driver"),
              HasSubstr("device cpu (no GPU can be used: no NVIDIA driver is loaded"));
  EXPECT_THAT(said(""), HasSubstr("(a GPU is there: emulated on the host)"));
}

TEST_F(DeviceOption, WhatDoesNotFitTheDeviceIsRefusedByThePlan) {
  prepare();
  expect_refused("memory:100000",
                 {"the plan needs", "MiB of device memory", "has 97.7 KiB free of 97.7 KiB",
                  "fewer or shorter sequences", "`weft plan`"},
                 kDoesNotFit);
  EXPECT_FALSE(exists("run/log.jsonl"));
}

// GPUs for desktops have 99 KiB of shared memory a block. It is told before the first step.
TEST_F(DeviceOption, HeadsThatSharedMemoryDoesNotHoldAreRefused) {
  prepare();
  RunOptions options;
  options.environment = {{"WEFT_TEST_DEVICE", "emulated"}, {"WEFT_EMULATED_CAPABILITY", "89"}};
  EXPECT_THAT(run({"devices"}, options).out, HasSubstr("compute capability 8.9"));
  const Outcome outcome =
      run({"pretrain", "tiny.yaml", "precision=bf16", "model.hidden_size=256"}, options);
  EXPECT_EQ(outcome.code, kBadInput) << outcome.all();
  for (const char* part : {"attention on a GPU: heads of 256 need", "and this GPU has 101376",
                           "use narrower heads, or device: cpu"})
    EXPECT_THAT(outcome.err, HasSubstr(part));
}

TEST_F(DeviceOption, MemoryThatAnotherProcessTakesIsTold) {
  prepare();
  expect_refused("taken", {"out_of_memory", "another process may hold memory of the device"},
                 kDoesNotFit);
}

TEST_F(DeviceOption, AFailureInMidRunKeepsTheLastCheckpoint) {
  prepare();
  const Arguments pretrain = {"pretrain", "tiny.yaml", "max_steps=3", "save_steps=1"};
  for (const std::string fault : {"launch:2", "ecc:4"}) {
    fs::remove_all(folder_ / "run");
    const Outcome outcome = on_emulated(pretrain, fault);
    SCOPED_TRACE(fault + "\n" + outcome.all());
    EXPECT_EQ(outcome.code, kDeviceLost);
    EXPECT_THAT(outcome.err, HasSubstr(fault == "ecc:4" ? "uncorrectable ECC error encountered"
                                                        : "unspecified launch failure"));
    EXPECT_THAT(outcome.err, HasSubstr("the step was not applied and the last checkpoint stands"));
    EXPECT_TRUE(exists("run/checkpoint-1"));
    EXPECT_FALSE(exists("run/checkpoint-2"));
    const Outcome again = on_emulated(pretrain);
    EXPECT_EQ(again.code, kDone) << again.all();
    EXPECT_THAT(again.err, HasSubstr("continuing from"));
    EXPECT_THAT(again.err, HasSubstr("at step 1"));
  }
}

TEST_F(DeviceOption, ThePlanSaysWhatADeviceTakes) {
  const Outcome text = must({"plan", "tiny.yaml"});
  for (const char* part : {"on the GPU", "largest workspace", "staged for steps",
                           "pinned memory of the host", "staging", "copy for checkpoints"})
    EXPECT_THAT(text.out, HasSubstr(part));
  const Outcome json = must({"plan", "tiny.yaml", "--json"});
  for (const char* part : {"\"device\": \"cuda\"", "\"device_staging\"", "\"pinned_host_memory\""})
    EXPECT_THAT(json.out, HasSubstr(part));
  EXPECT_EQ(run({"plan", "tiny.yaml", "--memory", "100KiB"}).code, kDoesNotFit);
  EXPECT_THAT(must({"plan", "tiny.yaml", "device=cpu"}).out, HasSubstr("on the CPU"));
}

TEST_F(DeviceOption, ProfileAndBenchMeasureTheDevice) {
  const Outcome profile =
      on_emulated({"profile", "tiny.yaml", "--warmup", "0", "--trace", "trace.json", "--save"});
  ASSERT_EQ(profile.code, kDone) << profile.all();
  for (const char* part : {"device: emulated:0 (emulated on the host)", "kernels: for host",
                           "attention_backward", "adamw", "total"})
    EXPECT_THAT(profile.out, HasSubstr(part));
  EXPECT_THAT(text_of("run/profile.txt"), HasSubstr("attention_backward"));
  EXPECT_THAT(text_of("trace.json"), HasSubstr("\"name\": \"rms_norm_backward\""));
  const Outcome bench =
      on_emulated({"bench", "tiny.yaml", "--steps", "2", "--warmup", "1", "--json"});
  ASSERT_EQ(bench.code, kDone) << bench.all();
  EXPECT_THAT(bench.out, HasSubstr("\"device\": \"cuda\""));
}

TEST_F(DeviceOption, ModelsAreEvaluatedAndContinuedOnTheDevice) {
  prepare();
  must({"pretrain", "tiny.yaml", "device=cpu"});
  write("few.txt", "Line 7 says that.\n");
  const auto on = [&](Arguments arguments, const std::string& device) {
    arguments.insert(arguments.end(), {"--model", "run", "--json", "--device", device});
    const Outcome outcome = on_emulated(arguments);
    EXPECT_EQ(outcome.code, kDone) << outcome.all();
    EXPECT_EQ(outcome.err.find("device cuda (asked for)") != std::string::npos, device == "cuda");
    return nlohmann::json::parse(outcome.out);
  };
  const Arguments evaluate = {"evaluate", "--text", "few.txt"};
  EXPECT_LE(std::abs(on(evaluate, "cuda").at("loss").get<double>() -
                     on(evaluate, "cpu").at("loss").get<double>()),
            1e-5);
  const Arguments generate = {"generate", "--prompt",      "Li", "--max-new-tokens",
                              "3",        "--temperature", "0"};
  EXPECT_EQ(on(generate, "cuda"), on(generate, "cpu"));
}

TEST_F(DeviceOption, CheckLooksAtTheDevice) {
  prepare();
  const Outcome fine = on_emulated({"check", "tiny.yaml"});
  EXPECT_EQ(fine.code, kDone) << fine.all();
  EXPECT_THAT(fine.out, HasSubstr("device: cuda: asked for"));
  const Outcome failing = on_emulated({"check", "tiny.yaml"}, "no-driver");
  EXPECT_EQ(failing.code, kBadInput) << failing.all();
  EXPECT_THAT(failing.out, HasSubstr("no NVIDIA driver is loaded"));
}

}  // namespace
}  // namespace weft::test
