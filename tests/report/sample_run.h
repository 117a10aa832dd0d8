// A run as report.html may get it, made up: 500 steps with evaluations, samples and a plan.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "report/report_data.h"
#include "weft/philox.h"

namespace weft::report {

inline double noise(int64_t step, const char* what) {
  const PhiloxBlock block = philox(random_key(1, what), static_cast<uint64_t>(step));
  return normal_from(block[0], block[1])[0];
}

inline LogRecord sample_step(int64_t step, int64_t steps) {
  const double done = static_cast<double>(step) / static_cast<double>(steps);
  const double t = static_cast<double>(step);
  const double warm = std::min(1.0, done / 0.05);
  return {.step = step,
          .loss = 2.85 + 5.5 * std::exp(-t / 45) + 0.45 * std::exp(-t / 400) +
                  0.07 * noise(step, "loss"),
          .grad_norm = 0.35 + 2.2 * std::exp(-t / 30) + 0.05 * std::abs(noise(step, "norm")),
          .learning_rate = 1e-3 * warm * (0.1 + 0.45 * (1 + std::cos(3.14159 * done))),
          .tokens_per_second = 17800 + 350 * noise(step, "rate") - (step % 100 == 0 ? 5000 : 0),
          .peak_share = 0.58,
          .memory_bytes = (478 << 20) + step * 1000,
          .eta_seconds = static_cast<double>(steps - step) * 0.23,
          .tokens_seen = step * 4096,
          .epoch = done * 1.31,
          .wall_time = 1763796420 + t * 0.23};
}

inline ReportData sample_run(int64_t steps = 500) {
  ReportData data{.title = "demo",
                  .subtitle =
                      "Llama, 6 layers of width 256, 5.9 M parameters; byte-level BPE of "
                      "4,096 tokens; licence texts, 1.1 MB",
                  .state = RunState::kFinished,
                  .written = "2025-11-22 07:49 UTC",
                  .max_steps = steps};
  for (int64_t step = 1; step <= steps; ++step) {
    data.log.push_back(sample_step(step, steps));
    if (step % (steps / 10) != 0) continue;
    const double loss = 2.95 + 3.2 * std::exp(-static_cast<double>(step) / 60) +
                        0.3 * std::exp(-static_cast<double>(step) / 400);
    data.log.push_back({.step = step, .eval_loss = loss, .eval_perplexity = std::exp(loss)});
  }
  data.log[0].notes = {"started from scratch with seed 42"};
  data.log[static_cast<size_t>(steps) / 2].notes = {"checkpoint saved: runs/demo/checkpoint-250"};
  data.references = {{.name = "unigram counts", .loss = 6.42},
                     {.name = "bigram counts", .loss = 4.31}};
  data.plan = PlanSummary{.categories = {{"parameters", 23 << 20},
                                         {"gradients", 23 << 20},
                                         {"optimizer state", 46 << 20},
                                         {"activations", 310 << 20},
                                         {"workspace", 64 << 20},
                                         {"other", 9 << 20}},
                          .total_bytes = 475 << 20,
                          .facts = {{"parameters", "5,914,880"},
                                    {"flops per step", "150 Gflop"},
                                    {"largest live set", "468 MiB (plan is 1.5% above)"},
                                    {"largest micro-batch in 16 GiB", "288"}}};
  data.config =
      "model: {model_type: llama, hidden_size: 256, num_hidden_layers: 6, num_attention_heads: 8}\n"
      "tokenizer: runs/demo/tokenizer.json\ndatasets:\n  - path: runs/demo/tokens\n"
      "sequence_len: 256\nmicro_batch_size: 8\ngradient_accumulation_steps: 2\nmax_steps: 500\n"
      "optimizer: adamw\nlearning_rate: 0.001\nlr_scheduler: cosine\nwarmup_ratio: 0.05\nseed: "
      "42\n";
  for (int64_t step = steps / 5; step <= steps; step += steps / 5) {
    data.samples.push_back({.step = step,
                            .prompt = "This program is free software",
                            .text = "; you can redistribute it and/or modify it under the terms of "
                                    "the GNU General Public License\nas published by the Free "
                                    "Software Foundation; either version " +
                                    std::to_string(step / 100) + " of the License."});
  }
  data.prepare = {{"documents", "38 (2 duplicates left out)"},
                  {"text", "1.12 MB, 4.1 bytes per token"},
                  {"training", "259,584 tokens in 1 shard"},
                  {"validation", "13,660 tokens (hash, 5%)"}};
  data.environment = {{"machine", "Intel Xeon, 2 cores, AVX-512, AMX"},
                      {"measured peak", "1.42 Tflop/s bf16, 118 Gflop/s fp32, 14.2 GB/s"},
                      {"threads", "2"},
                      {"precision", "bf16 with fp32 master weights"}};
  return data;
}

// The same run gone wrong, with text that wants to leave its place.
inline ReportData odd_run() {
  const double nan = std::nan("");
  ReportData data = sample_run(300);
  data.title = "</title><script>alert('title')</script> & \"co\"";
  data.state = RunState::kDiverged;
  data.state_detail = "at step 300: the loss is NaN";
  for (size_t i = 0; i < data.log.size(); ++i) {
    if (i >= 280 || (i > 150 && i < 160)) data.log[i].loss = data.log[i].grad_norm = nan;
  }
  data.log[100].grad_norm = 1234.5;
  data.log[90].warnings = {"</li></ul><img src=x onerror=alert('warning')>"};
  data.warnings = {"the shard runs/demo/tokens/000.bin was read with 2 retries"};
  data.samples.back().prompt = "<script>alert('prompt')</script>";
  data.samples.back().text =
      " ]]> <!-- \" onmouseover=\"alert(1) \x1b[31m \xFF\xFE <svg/onload=alert(2)> " +
      std::string(300, 'x');
  data.config = "path: \"</pre><script>alert('config')</script>\"\n";
  data.references.push_back({.name = "</script><b>ref", .loss = nan});
  return data;
}

}  // namespace weft::report
