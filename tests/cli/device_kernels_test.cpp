// `--kernels=auto|reference|own|vendor` of the program: what applies where, what is said where a
// library of the vendor's is missing or fails, and what `weft profile` shows of it.
#include <nlohmann/json.hpp>

#include "cli_test.h"

namespace weft::test {
namespace {

constexpr int kDeviceLost = 4;

class DeviceKernels : public CliTest {
 protected:
  void SetUp() override {
    write("tiny.yaml",
          "model: {model_type: llama, vocab_size: 260, hidden_size: 16, intermediate_size: 16,\n"
          "  num_hidden_layers: 1, num_attention_heads: 1, max_position_embeddings: 64}\n"
          "datasets: [{path: tokens}]\n"
          "sequence_len: 8\nmicro_batch_size: 1\nmax_steps: 2\nlearning_rate: 1e-3\n"
          "eval_batches: 1\noutput_dir: run\nlogging_steps: 1\nsave_steps: 1\ndevice: cuda\n");
  }
  void prepare() {
    const std::string tiny = text_of("tiny.yaml");
    prepare_run();
    write("tiny.yaml", tiny);
  }
  Outcome on_emulated(Arguments arguments, const std::string& vendor,
                      const std::string& fault = "") const {
    RunOptions options;
    options.environment = {{"WEFT_TEST_DEVICE", "emulated"},
                           {"WEFT_EMULATED_VENDOR", vendor},
                           {"WEFT_EMULATED_CUDNN", vendor.empty() ? "" : "9.26.0"},
                           {"WEFT_EMULATED_FAULT", fault},
                           {"WEFT_CACHE", (folder_.path() / "cache").string()}};
    return run(std::move(arguments), std::move(options));
  }
  void expect_refused(const Arguments& arguments, const std::vector<std::string>& parts) const {
    const Outcome outcome = on_emulated(arguments, "");
    EXPECT_EQ(outcome.code, kBadInput) << outcome.all();
    for (const std::string& part : parts) EXPECT_THAT(outcome.err, HasSubstr(part));
    EXPECT_FALSE(exists("run/log.jsonl"));
  }
};

TEST_F(DeviceKernels, WhatIsForAnotherDeviceIsRefused) {
  prepare();
  expect_refused(
      {"pretrain", "tiny.yaml", "--kernels", "vendor", "device=cpu"},
      {"kernels: 'vendor' is for a GPU", "the CPU is to compute (asked for)", "auto or reference"});
  expect_refused({"plan", "tiny.yaml", "kernels=own", "device=cpu"},
                 {"kernels: 'own' is for a GPU", "auto or reference"});
  expect_refused({"pretrain", "tiny.yaml", "--kernels", "reference"},
                 {"kernels: 'reference' is for the CPU", "auto, own or vendor", "device: cpu"});
  expect_refused({"pretrain", "tiny.yaml", "kernels=vendr"}, {"vendor"});
}

TEST_F(DeviceKernels, ReferenceKernelsMakeAutoTheCpu) {
  const auto plan_with = [&](const std::string& kernels) {
    const Outcome outcome =
        on_emulated({"plan", "tiny.yaml", "--json", "device=auto", "kernels=" + kernels}, "");
    return nlohmann::json::parse(outcome.out)["device"];
  };
  EXPECT_EQ(plan_with("auto"), "cuda");
  EXPECT_EQ(plan_with("reference"), "cpu");
}

TEST_F(DeviceKernels, WithoutTheLibraryOursServeAndItIsSaidOnce) {
  prepare();
  for (const std::string kernels : {"auto", "vendor"}) {
    const Outcome outcome =
        on_emulated({"pretrain", "tiny.yaml", "--kernels", kernels, "output_dir=" + kernels}, "");
    EXPECT_EQ(outcome.code, kDone) << outcome.all();
    for (const std::string said :
         {"cuBLASLt cannot be used: the emulated device has no libcublasLt.so; our own kernels "
          "multiply",
          "cuDNN cannot be used: the emulated device has no libcudnn.so; our own kernels compute "
          "attention"}) {
      const size_t at = outcome.err.find(said);
      ASSERT_NE(at, std::string::npos) << outcome.err;
      EXPECT_EQ(outcome.err.find(said, at + 1), std::string::npos);
    }
  }
  const Outcome own = on_emulated({"pretrain", "tiny.yaml", "--kernels", "own"}, "");
  EXPECT_EQ(own.err.find("cuBLASLt"), std::string::npos) << own.err;
  EXPECT_EQ(own.err.find("cuDNN"), std::string::npos) << own.err;
}

TEST_F(DeviceKernels, AFailureOfTheLibraryEndsTheRunAsOneOfTheDevice) {
  prepare();
  const Outcome outcome =
      on_emulated({"pretrain", "tiny.yaml", "kernels=vendor"}, "13.1.0", "product:3");
  EXPECT_EQ(outcome.code, kDeviceLost) << outcome.all();
  for (const char* part :
       {"cuBLASLt 13.1.0: a matrix product failed", "CUBLAS_STATUS_EXECUTION_FAILED",
        "the step was not applied and the last checkpoint stands"})
    EXPECT_THAT(outcome.err, HasSubstr(part));
}

TEST_F(DeviceKernels, AFailureOfAttentionEndsTheRunAsOneOfTheDevice) {
  prepare();
  const Outcome outcome = on_emulated(
      {"pretrain", "tiny.yaml", "kernels=vendor", "precision=bf16", "document_mask=false"},
      "13.1.0", "attention:3");
  EXPECT_EQ(outcome.code, kDeviceLost) << outcome.all();
  for (const char* part : {"cuDNN 9.26.0: attention failed", "CUDNN_STATUS_EXECUTION_FAILED",
                           "the step was not applied and the last checkpoint stands"})
    EXPECT_THAT(outcome.err, HasSubstr(part));
}

TEST_F(DeviceKernels, ProfileShowsWhoComputesAttention) {
  const Outcome outcome =
      on_emulated({"profile", "tiny.yaml", "precision=bf16", "document_mask=false", "--warmup", "0",
                   "--kernels", "vendor"},
                  "13.1.0");
  for (const char* line :
       {"\nattention 1x8 1x16 causal: cuDNN 9.26.0 #0 (asked for), 1 call\n",
        "\nattention backward 1x8 1x16 causal: cuDNN 9.26.0 #0 (asked for), 1 call\n"})
    EXPECT_THAT(outcome.out, HasSubstr(line));
}

TEST_F(DeviceKernels, OneLibraryServesWithoutTheOther) {
  RunOptions options;
  options.environment = {{"WEFT_TEST_DEVICE", "emulated"}, {"WEFT_EMULATED_CUDNN", "9.26.0"}};
  const Outcome outcome =
      run({"profile", "tiny.yaml", "precision=bf16", "document_mask=false", "--kernels", "vendor"},
          std::move(options));
  EXPECT_THAT(outcome.out, HasSubstr("cuBLASLt cannot be used: "));
  EXPECT_THAT(outcome.out, HasSubstr("\nattention 1x8 1x16 causal: cuDNN 9.26.0 #0 (asked for)"));
  EXPECT_EQ(outcome.out.find("\nproduct "), std::string::npos) << outcome.out;
}

TEST_F(DeviceKernels, ProfileShowsWhoMultiplies) {
  const Outcome asked = on_emulated({"profile", "tiny.yaml", "--kernels", "vendor"}, "13.1.0");
  ASSERT_EQ(asked.code, kDone) << asked.all();
  EXPECT_THAT(asked.out, HasSubstr(": cuBLASLt 13.1.0 #0 (asked for), 1 call\n"));
  const Outcome measured = on_emulated({"profile", "tiny.yaml"}, "13.1.0");
  EXPECT_THAT(measured.out, HasSubstr("(measured: own "));
  EXPECT_THAT(on_emulated({"profile", "tiny.yaml"}, "13.1.0").out, HasSubstr("(remembered), "));
  const Outcome missing = on_emulated({"profile", "tiny.yaml"}, "");
  EXPECT_THAT(missing.out, HasSubstr("our own kernels multiply"));
  const Outcome own = on_emulated({"profile", "tiny.yaml", "--kernels", "own"}, "13.1.0");
  EXPECT_EQ(own.out.find("product "), std::string::npos) << own.out;
}

TEST_F(DeviceKernels, ModelsAreContinuedWithTheLibrary) {
  prepare();
  const Outcome trained = on_emulated({"pretrain", "tiny.yaml", "kernels=vendor"}, "13.1.0");
  ASSERT_EQ(trained.code, kDone) << trained.all();
  const auto continued = [&](const std::string& kernels) {
    return on_emulated({"generate", "--model", "run", "--prompt", "Li", "--max-new-tokens", "3",
                        "--temperature", "0", "--json", "--device", "cuda", "--kernels", kernels},
                       "13.1.0");
  };
  const Outcome vendor = continued("vendor"), own = continued("own");
  EXPECT_EQ(vendor.code, kDone) << vendor.all();
  EXPECT_EQ(vendor.out, own.out);
}

TEST_F(DeviceKernels, ThePlanCountsTheLibrarysWorkspaceWhereItMayBeAsked) {
  const auto planned = [&](const std::string& kernels) {
    return nlohmann::json::parse(must({"plan", "tiny.yaml", "--json", "--kernels", kernels}).out)
        .at("device_kernels")
        .get<int64_t>();
  };
  const int64_t workspace = int64_t{32} << 20;
  EXPECT_EQ(planned("auto") - planned("own"), workspace);
  EXPECT_EQ(planned("vendor") - planned("own"), workspace);
  EXPECT_THAT(must({"plan", "tiny.yaml"}).out, HasSubstr("workspace of kernels"));
}

TEST_F(DeviceKernels, DevicesNamesTheLibraryOrWhyNot) {
  EXPECT_THAT(on_emulated({"devices"}, "13.1.0").out,
              HasSubstr("  cuBLASLt 13.1.0 from libweft_emulated.so\n"));
  EXPECT_THAT(on_emulated({"devices"}, "").out,
              HasSubstr("  no cuBLASLt, so our own kernels multiply: the emulated device has no "
                        "libcublasLt.so\n  no cuDNN, so our own kernels compute attention: the "
                        "emulated device has no libcudnn.so\n"));
  const auto json = nlohmann::json::parse(on_emulated({"devices", "--json"}, "13.1.0").out);
  EXPECT_EQ(json.at("emulated").at("libraries").at(0).at("version"), "13.1.0");
  EXPECT_EQ(json.at("emulated").at("libraries").at(1).at("name"), "cuDNN");
  EXPECT_EQ(json.at("emulated").at("libraries").at(1).at("version"), "9.26.0");
}

// The real library needs no driver to be found; where ours is not built there is nobody to look.
TEST_F(DeviceKernels, TheRealLibraryIsLookedForWhereTheUserSays) {
  const auto cuda = nlohmann::json::parse(must({"devices", "--json"}).out).at("cuda");
  // Without nvcc there is no library of ours, and nobody who would look.
  if (!cuda.contains("libraries")) GTEST_SKIP() << "no libweft_cuda.so: " << cuda.at("why_not");
  RunOptions options;
  options.environment = {{"WEFT_VENDOR_LIBRARIES", "/nowhere:" + folder_.path().string()}};
  const Outcome missing = run({"devices"}, options);
  EXPECT_THAT(missing.out,
              HasSubstr("  no cuBLASLt, so our own kernels multiply: libcublasLt.so."));
  EXPECT_THAT(missing.out, HasSubstr("is in none of: /nowhere, " + folder_.path().string()));
  EXPECT_THAT(missing.out, HasSubstr("install cuBLAS for this CUDA"));
  EXPECT_THAT(missing.out, HasSubstr("  no cuDNN, so our own kernels compute attention: libcudnn"));
  EXPECT_THAT(missing.out, HasSubstr("WEFT_VENDOR_LIBRARIES"));
}

}  // namespace
}  // namespace weft::test
