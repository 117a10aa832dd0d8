// What tests of the program share: a folder of their own, small inputs, and how an error has to
// look.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include "chain_model.h"
#include "run_program.h"
#include "tests/core/temporary_folder.h"

namespace weft::test {

namespace fs = std::filesystem;
using testing::HasSubstr;

inline constexpr int kDone = 0;
inline constexpr int kBadInput = 2;
inline constexpr int kDoesNotFit = 3;

inline std::string read_file(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

// Every path below `folder`, with the bytes of files: to see that nothing was changed or left.
inline std::map<std::string, std::string> contents_of(const fs::path& folder) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    contents[entry.path().string()] = entry.is_regular_file() ? read_file(entry.path()) : "";
  return contents;
}

// A folder that the environment names (WEFT_DATA, WEFT_GOLDEN), if this machine has it.
inline std::optional<fs::path> folder_of(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr || !fs::is_directory(value)) return std::nullopt;
  return fs::path(value);
}

class CliTest : public testing::Test {
 protected:
  Outcome run(const Arguments& arguments, RunOptions options = {}) const {
    options.folder = folder_.path();
    return run_program(arguments, std::move(options));
  }

  // Runs what must succeed.
  Outcome must(const Arguments& arguments) const {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.code, kDone) << testing::PrintToString(arguments) << "\n" << outcome.all();
    return outcome;
  }

  // An error: its exit code, one message on standard error with each of `parts`, no result on
  // standard output, and the folder as it was.
  void expect_error(const Arguments& arguments, const std::vector<std::string>& parts,
                    int code = kBadInput) const {
    const auto before = contents_of(folder_.path());
    const Outcome outcome = run(arguments);
    SCOPED_TRACE(testing::PrintToString(arguments) + "\n" + outcome.all());
    EXPECT_EQ(outcome.code, code);
    EXPECT_THAT(outcome.err, testing::StartsWith("weft: "));
    EXPECT_THAT(outcome.err, testing::Not(HasSubstr("internal error")));
    for (const std::string& part : parts) EXPECT_THAT(outcome.err, HasSubstr(part));
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(contents_of(folder_.path()) == before) << "files were changed, made or left";
  }

  fs::path write(const std::string& name, std::string_view bytes) const {
    return folder_.write(name, bytes);
  }
  std::string text_of(const std::string& name) const { return read_file(folder_ / name); }
  bool exists(const std::string& name) const { return fs::exists(folder_ / name); }

  // English of a sort, `lines` lines.
  static std::string sample_text(int lines) {
    std::string text;
    for (int i = 0; i < lines; ++i)
      text += "Line " + std::to_string(i % 1000 * 37) + " says that the sum of " +
              std::to_string(i % 7) + " and its parts is known.\n";
    return text;
  }

  // text.txt, tokens/ (bytes), and tiny.yaml, which trains on them for two steps.
  void prepare_run(const std::string& more = "") const {
    write("text.txt", sample_text(200));
    must(
        {"prepare", "text.txt", "-o", "tokens", "--tokenizer", "bytes", "--val-split", "tail:0.2"});
    write("tiny.yaml", tiny_config() + more);
  }
  static std::string tiny_config() {
    return "model: {model_type: llama, vocab_size: 264, hidden_size: 16, intermediate_size: 32,\n"
           "  num_hidden_layers: 2, num_attention_heads: 2, max_position_embeddings: 64}\n"
           "datasets: [{path: tokens}]\n"
           "sequence_len: 16\nmicro_batch_size: 2\nmax_steps: 2\nlearning_rate: 1e-3\n"
           "output_dir: run\n";
  }

  TemporaryFolder folder_;
};

}  // namespace weft::test
