// `weft inspect` on every format of a model's files: sound ones are told, malformed ones refused
// with exit code 2, in words that are safe on a terminal, wherever the fault lies.
#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli_test.h"
#include "hostile_files.h"

namespace weft::test {
namespace {

using nlohmann::json;

struct Collection {
  const char* name;
  HostileFiles (*make)();
};

constexpr Collection kCollections[] = {{"Safetensors", hostile_safetensors},
                                       {"Indexes", hostile_indexes},
                                       {"Pickles", hostile_pickles},
                                       {"Llama2c", hostile_llama2c},
                                       {"ModelConfigs", hostile_model_configs},
                                       {"Manifests", hostile_manifests},
                                       {"Yaml", hostile_yaml},
                                       {"Settings", hostile_settings},
                                       {"TokenizerJson", hostile_tokenizer_json},
                                       {"Vocabularies", hostile_vocabularies},
                                       {"Shards", hostile_shards}};

class HostileInput : public CliTest, public testing::WithParamInterface<Collection> {};

bool is_safe(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7f); });
}

TEST_P(HostileInput, IsRefusedInItsOwnWords) {
  size_t number = 0;
  for (const HostileFile& file : GetParam().make()) {
    const std::string folder = "case-" + std::to_string(number++) + "/";
    for (const auto& [path, bytes] : file.more) write(folder + path, bytes);
    if (!exists(folder + file.path)) write(folder + file.path, file.bytes);
    const Outcome outcome = run({"inspect", folder + file.path});
    SCOPED_TRACE(file.what + "\n" + outcome.all());
    EXPECT_EQ(outcome.code, kBadInput);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, testing::StartsWith("weft: "));
    EXPECT_THAT(outcome.err, HasSubstr(file.message));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1);
    EXPECT_TRUE(is_safe(outcome.err));
    EXPECT_LE(outcome.processor_seconds, 2);
  }
}

INSTANTIATE_TEST_SUITE_P(Files, HostileInput, testing::ValuesIn(kCollections),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(HostileInputs, AreAtLeastTwoHundred) {
  size_t files = 0;
  for (const Collection& collection : kCollections) files += collection.make().size();
  EXPECT_GE(files, 200u);
}

class InspectFormats : public CliTest {
 protected:
  json facts(const std::string& path) const {
    return json::parse(must({"inspect", path, "--json"}).out);
  }
};

TEST_F(InspectFormats, TellsWeightsWithShapesTypesMetadataAndHashes) {
  write("w.safetensors",
        safetensors_file(R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],)"
                         R"("data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[1,2],)"
                         R"("data_offsets":[8,12]}})",
                         12));
  const json told = facts("w.safetensors");
  EXPECT_EQ(told["format"], "safetensors");
  EXPECT_EQ(told["metadata"]["format"], "pt");
  EXPECT_EQ(told["elements"], 4);
  ASSERT_EQ(told["tensors"].size(), 2u);
  EXPECT_EQ(told["tensors"][1]["name"], "b");
  EXPECT_EQ(told["tensors"][1]["dtype"], "BF16");
  EXPECT_EQ(told["tensors"][1]["shape"], json({1, 2}));
  EXPECT_EQ(told["tensors"][1]["xxh3_128"].get<std::string>().size(), 32u);
  EXPECT_NE(told["tensors"][0]["xxh3_128"], told["tensors"][1]["xxh3_128"]);
  EXPECT_THAT(must({"inspect", "w.safetensors"}).out, HasSubstr("b  dtype BF16  shape [1,2]"));
  EXPECT_THAT(must({"inspect", "w.safetensors", "--quick"}).out,
              testing::Not(HasSubstr("xxh3_128")));
}

TEST_F(InspectFormats, NamesThatATerminalWouldObeyAreEscaped) {
  write("w.safetensors",
        safetensors_file("{\"__metadata__\":{\"\\u001b]0;a\\u0007\":\"\\u009b31m\\n\"},"
                         "\"\\u001b[2J\\nweft: fine\":{\"dtype\":\"U8\",\"shape\":[1],"
                         "\"data_offsets\":[0,1]}}",
                         1));
  EXPECT_TRUE(is_safe(must({"inspect", "w.safetensors"}).out));
  EXPECT_TRUE(is_safe(must({"inspect", "w.safetensors", "--json"}).out));
  const std::string folder = "evil\x1b[31m\nname";
  write(folder + "/config.json", "[]");
  const Outcome outcome = run({"inspect", folder + "/config.json"});
  EXPECT_EQ(outcome.code, kBadInput);
  EXPECT_TRUE(is_safe(outcome.err)) << outcome.err;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
}

TEST_F(InspectFormats, TextsThatATerminalWouldObeyAreEscapedThere) {
  write("t.txt", "\x1b]0;a\x07 \u009b31m \u202e\ta\n");
  const Arguments words = {"inspect", "t.txt", "--document", "0"};
  EXPECT_THAT(must(words).out, HasSubstr("\x1b]0;a\x07")) << "a pipe gets the bytes";
  const Outcome outcome = run(words, {.on_terminal = true});
  EXPECT_THAT(outcome.out, HasSubstr("\\x1b]0;a\\x07 \\xc2\\x9b31m \\xe2\\x80\\xae\ta\n"))
      << outcome.all();
}

TEST_F(InspectFormats, TextAndTokensHaveTheKeysOfEveryFormat) {
  write("t.txt", "ab\n");
  must({"prepare", "t.txt", "-o", "tokens", "--tokenizer", "bytes", "--val-split", "none"});
  const auto told = [&](Arguments arguments) {
    arguments.insert(arguments.begin(), "inspect");
    arguments.push_back("--json");
    return nlohmann::json::parse(must(arguments).out);
  };
  const std::pair<std::string, std::string> paths[] = {
      {"t.txt", "text"},
      {"tokens", "tokens folder"},
      {"tokens/train-00000.weft", "shard of tokens"}};
  for (const auto& [path, format] : paths)
    for (const Arguments& more : {Arguments{}, Arguments{"--document", "0"}}) {
      Arguments arguments = {path};
      arguments.insert(arguments.end(), more.begin(), more.end());
      const auto out = told(arguments);
      EXPECT_EQ(out.value("format", ""), format);
      EXPECT_EQ(out.value("path", ""), path);
      EXPECT_EQ(out["documents"], 1);
      EXPECT_EQ(out.contains("shown"), !more.empty());
    }
  EXPECT_EQ(told({"t.txt", "--document", "0"})["shown"],
            nlohmann::json::parse(R"([{"document": 0, "bytes": 3, "text": "ab\n"}])"));
  const auto shown = told({"tokens", "--random", "1"})["shown"][0];
  EXPECT_EQ(shown["tokens"], shown["ids"].size());
  EXPECT_EQ(shown["pieces"][0], "a");
  EXPECT_EQ(shown, told({"tokens/train-00000.weft", "--random", "1"})["shown"][0]);
}

TEST_F(InspectFormats, TokensThatATerminalWouldObeyAreEscapedThere) {
  write("t/tokenizer.json",
        R"({"model": {"type": "WordLevel", "vocab": {"a": 0, "\u202eb": 1}, "unk_token": "a"},
            "pre_tokenizer": {"type": "Whitespace"}, "normalizer": null, "decoder": null,
            "post_processor": null, "added_tokens": [{"id": 2, "content": "\u009b31m\u202e\u007f",
            "special": true, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false}]})");
  write("t/tokenizer_config.json", R"({"eos_token": "\u009b31m\u202e\u007f"})");
  write("t.txt", "a \u202eb");
  for (const Arguments& words :
       {Arguments{"tokenizer", "info", "t"}, Arguments{"tokenizer", "info", "t", "--json"},
        Arguments{"inspect", "t.txt", "--tokenizer", "t"},
        Arguments{"inspect", "t.txt", "--tokenizer", "t", "--json"},
        Arguments{"inspect", "t.txt", "--tokenizer", "t", "--random", "1"},
        Arguments{"inspect", "t"}}) {
    const Outcome outcome = run(words, {.on_terminal = true});
    EXPECT_EQ(outcome.code, kDone) << outcome.all();
    for (const char* harm : {"\u009b", "\u202e"})
      EXPECT_THAT(outcome.out, testing::Not(HasSubstr(harm))) << testing::PrintToString(words);
  }
}

TEST_F(InspectFormats, NamesOfInputsThatATerminalWouldObeyAreEscaped) {
  write("in/a.txt", "text");
  write("in/.hidden\x1b[2J", "text");
  write("in/empty\x1b[31m\n.txt", "");
  write("in/odd\u202e.png", "text");
  const Outcome outcome =
      run({"prepare", "in", "-o", "out\x1b[0m", "--tokenizer", "bytes", "--val-split", "hash:0"});
  EXPECT_EQ(outcome.code, kDone) << outcome.all();
  EXPECT_THAT(outcome.err, HasSubstr("empty\\x1b[31m\\x0a.txt"));
  EXPECT_TRUE(is_safe(outcome.out)) << outcome.out;
  EXPECT_TRUE(is_safe(outcome.err)) << outcome.err;
  fs::create_directory(folder_ / "pictures\x1b[0m\n");
  write("pictures\x1b[0m\n/a\n\x1b[2J.png", "x");
  for (const char* name : {"no\nsuch", "pictures\x1b[0m\n", "*\n.txt", "in/empty\x1b[31m\n.txt"}) {
    const Outcome refused = run({"prepare", name, "-o", "out", "--tokenizer", "bytes"});
    EXPECT_EQ(refused.code, kBadInput) << refused.all();
    EXPECT_TRUE(is_safe(refused.err)) << refused.err;
    EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1) << refused.err;
  }
}

TEST_F(InspectFormats, TextOfWhichNothingCanBeReadIsRefused) {
  write("a.jsonl", "{\"text\": 1}\n[\n");
  expect_error({"inspect", "a.jsonl"},
               {"'a.jsonl' has no text that can be read", "a.jsonl:1", "a.jsonl:2"});
  write("a.txt.gz", std::string("\x1f\x8b\x08\0\0\0\0\0\0\0", 10));
  expect_error({"inspect", "a.txt.gz"}, {"'a.txt.gz' has no text that can be read", "cut short"});
  write("b.jsonl", "{\"text\": \"a\"}\n[\n");
  EXPECT_THAT(must({"inspect", "b.jsonl"}).err, HasSubstr("b.jsonl:2")) << "a part can";
  const std::string told = must({"inspect", "b.jsonl", "--document", "0"}).err;
  EXPECT_EQ(told.find("b.jsonl:2"), told.rfind("b.jsonl:2")) << "once, though it is read twice";
}

TEST_F(InspectFormats, NoDocumentOfAPickleIsShown) {
  write("model.pt", "\x80\x02}q\x01.");
  expect_error({"inspect", "model.pt", "--document", "0"}, {"model.pt", "Weft never reads pickle"});
}

TEST_F(InspectFormats, MergesAreReadWithTheirVocabulary) {
  write("gpt/merges.txt", "#version: 0.2\na b\n");
  expect_error({"inspect", "gpt/merges.txt"}, {"gpt/merges.txt: has no vocab.json beside it"});
  write("gpt/vocab.json", R"({"a":0,"b":1,"ab":2})");
  EXPECT_EQ(facts("gpt/merges.txt")["vocab_size"], 3);
  write("gpt/merges.txt", "#version: 0.2\na c\n");
  expect_error({"inspect", "gpt/merges.txt"}, {"gpt/vocab.json", "c"});
}

TEST_F(InspectFormats, ALinkThatLeadsNowhereIsNamedAsItWasGiven) {
  fs::create_symlink("loop.safetensors", folder_ / "loop.safetensors");
  const Outcome outcome = run({"inspect", "loop.safetensors"});
  EXPECT_EQ(outcome.code, kBadInput);
  EXPECT_THAT(outcome.err, HasSubstr("loop.safetensors'")) << "and no file within it";
}

TEST_F(InspectFormats, TellsAModelFolderItsConfigTokenizerAndWeights) {
  write_chain_model(folder_ / "model");
  const json told = facts("model");
  EXPECT_EQ(told["format"], "model folder");
  EXPECT_EQ(told["config"]["model_type"], "llama");
  EXPECT_EQ(told["tokenizer"]["vocab_size"], 257);
  EXPECT_GT(told["weights"]["tensors"].size(), 5u);
  EXPECT_EQ(facts("model/config.json")["format"], "model config");
  EXPECT_EQ(facts("model/tokenizer.json")["format"], "tokenizer");
  EXPECT_EQ(facts("model/model.safetensors")["tensors"], told["weights"]["tensors"]);
}

TEST_F(InspectFormats, TellsARunItsCheckpointsAndItsConfig) {
  prepare_run();
  must({"pretrain", "tiny.yaml"});
  EXPECT_EQ(facts("tiny.yaml")["kind"], "weft pretrain");
  EXPECT_EQ(facts("tokens/dataset.json")["vocab_size"], 257);
  const json told = facts("run");
  EXPECT_EQ(told["format"], "run");
  ASSERT_EQ(told["checkpoints"].size(), 1u);
  EXPECT_EQ(told["checkpoints"][0]["state"], "intact");
  const json checkpoint = facts("run/checkpoint-2");
  EXPECT_EQ(checkpoint["format"], "checkpoint");
  EXPECT_EQ(checkpoint["step"], 2);
  EXPECT_EQ(checkpoint["state"]["updates"], 2);
  EXPECT_GT(checkpoint["optimizer"]["tensors"].size(), 5u);
  EXPECT_EQ(facts("run/checkpoint-2/manifest.json")["files"], checkpoint["files"]);

  std::string weights = text_of("run/checkpoint-2/model.safetensors");
  weights.back() ^= 1;
  write("run/checkpoint-2/model.safetensors", weights);
  expect_error({"inspect", "run/checkpoint-2"}, {"model.safetensors", "is damaged"});
  expect_error({"inspect", "run"}, {"step 2", "is damaged"});
}

TEST_F(InspectFormats, TellsWhatARunLeavesBesideItsCheckpoints) {
  prepare_run();
  must({"pretrain", "tiny.yaml"});
  const json log = facts("run/log.jsonl");
  EXPECT_EQ(log["format"], "log of a run");
  EXPECT_EQ(log["losses"], 2);
  EXPECT_EQ(log["torn_last_line"], false);
  EXPECT_EQ(log["last"]["step"], 2);
  const json status = facts("run/run_status.json");
  EXPECT_EQ(status["format"], "status of a run");
  EXPECT_EQ(status["state"], "finished");
  EXPECT_EQ(status["step"], 2);
  const json record = facts("run/run_record.jsonl");
  EXPECT_EQ(record["format"], "record of a run");
  ASSERT_EQ(record["processes"].size(), 1u);
  EXPECT_EQ(record["processes"][0]["first_step"], 0);

  const std::string log_text = text_of("run/log.jsonl");
  write("run/log.jsonl", log_text + "{\"step\": 3, \"lo");
  EXPECT_EQ(facts("run/log.jsonl")["torn_last_line"], true);
  write("run/log.jsonl", log_text + "{\"step\": 3, \"lo\n");
  expect_error({"inspect", "run/log.jsonl"}, {"log.jsonl"});
  write("run/run_status.json", "{\"state\": \"asleep\"}");
  expect_error({"inspect", "run/run_status.json"}, {"run_status.json"});
  write("run/run_record.jsonl", "[1]\n");
  expect_error({"inspect", "run/run_record.jsonl"}, {"line 1", "a JSON object is needed"});
}

TEST_F(InspectFormats, NoSymbolicLinkIsFollowedOutOfAFolder) {
  write_chain_model(folder_ / "model");
  write_chain_model(folder_ / "other");
  write("secret/id_rsa", "mine");
  const auto replace_by_link = [&](const std::string& name, const std::string& target) {
    fs::remove_all(folder_ / name);
    fs::create_symlink(target, folder_ / name);
  };
  const std::vector<std::string> parts = {"is a symbolic link to", "is not followed"};
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.json",
                           "generation_config.json", "chat_template.jinja"}) {
    replace_by_link(std::string("model/") + name, "../secret/id_rsa");
    SCOPED_TRACE(name);
    expect_error({"inspect", "model"}, parts);
    if (std::string(name) != "generation_config.json")  // export writes its own
      expect_error({"export", "model", "-o", "out"}, parts);
    fs::remove_all(folder_ / "model");
    write_chain_model(folder_ / "model");
  }
  // One that stays within is a file like any other.
  fs::rename(folder_ / "model/model.safetensors", folder_ / "model/weights");
  replace_by_link("model/model.safetensors", "weights");
  must({"inspect", "model"});
}

// A file that may be missing must not be taken for missing where something else has its name.
TEST_F(InspectFormats, WhatIsNoFileIsNotTakenForAbsent) {
  const auto expect_refusals = [&](const std::string& folder, const std::string& name) {
    const fs::path file = folder_ / folder / name;
    const bool was_there = fs::exists(file);
    if (was_there) fs::rename(file, folder_ / "kept");
    const auto expect_refusal = [&](const char* kind) {
      SCOPED_TRACE(name + " as " + kind);
      expect_error({"inspect", folder}, {name});
      fs::remove(file);
    };
    fs::create_directory(file);
    expect_refusal("a folder");
    ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
    expect_refusal("a pipe");
    fs::create_symlink("nowhere", file);
    expect_refusal("a link that leads nowhere");
    if (was_there) fs::rename(folder_ / "kept", file);
  };
  write_chain_model(folder_ / "model");
  for (const char* name :
       {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
        "special_tokens_map.json", "chat_template.jinja", "model.safetensors"})
    expect_refusals("model", name);
  prepare_run();
  must({"pretrain", "tiny.yaml"});
  for (const char* name : {"dataset.json", "tokenizer.json", "train-00000.weft"})
    expect_refusals("tokens", name);
  for (const char* name : {"manifest.json", "trainer_state/state.json"})
    expect_refusals("run/checkpoint-2", name);
  expect_refusals("run", "run_config.yaml");
}

TEST_F(InspectFormats, TheCacheOfHuggingFaceKeepsItsLinks) {
  write_chain_model(folder_ / "models--a--b/blobs");
  for (const auto& entry : fs::directory_iterator(folder_ / "models--a--b/blobs")) {
    fs::create_directories(folder_ / "models--a--b/snapshots/rev");
    fs::create_symlink("../../blobs/" + entry.path().filename().string(),
                       folder_ / "models--a--b/snapshots/rev" / entry.path().filename());
  }
  EXPECT_EQ(facts("models--a--b/snapshots/rev")["format"], "model folder");
  must({"generate", "--model", "models--a--b/snapshots/rev", "--prompt", "a"});
}

TEST_F(InspectFormats, ACheckpointWithALinkIsRefused) {
  prepare_run();
  must({"pretrain", "tiny.yaml"});
  const std::string weights = "run/checkpoint-2/model.safetensors";
  fs::rename(folder_ / weights, folder_ / "moved");
  fs::create_symlink("../../moved", folder_ / weights);
  expect_error({"inspect", "run/checkpoint-2"}, {"is a symbolic link", "is not followed"});
}

TEST_F(InspectFormats, ATokensFolderWithALinkOutOfItIsRefused) {
  prepare_run();
  for (const char* name : {"dataset.json", "train-00000.weft", "validation-00000.weft"}) {
    const fs::path file = folder_ / "tokens" / name;
    fs::rename(file, folder_ / "moved");
    fs::create_symlink("../moved", file);
    for (const Arguments& words : {Arguments{"inspect", "tokens"}, Arguments{"check", "tiny.yaml"},
                                   Arguments{"pretrain", "tiny.yaml"}}) {
      const Outcome outcome = run(words);
      EXPECT_EQ(outcome.code, kBadInput) << words[0];
      EXPECT_THAT(outcome.all(), testing::AllOf(HasSubstr(std::string(name) + "' is a symbolic"),
                                                HasSubstr("is not followed")));
    }
    fs::rename(folder_ / "moved", file);
  }
  EXPECT_FALSE(exists("run/checkpoint-2"));
  fs::rename(folder_ / "tokens/train-00000.weft", folder_ / "tokens/.kept");
  fs::create_symlink(".kept", folder_ / "tokens/train-00000.weft");
  must({"inspect", "tokens"});  // one that stays within is a file like any other
}

// A run's folder may come from a stranger, and a run writes into it.
TEST_F(InspectFormats, ARunWritesThroughNoLink) {
  prepare_run();
  must({"pretrain", "tiny.yaml"});
  write("mine", "precious\n");
  for (const char* name : {"run.lock", "log.jsonl", "run_record.jsonl"}) {
    fs::rename(folder_ / "run" / name, folder_ / "moved");
    fs::create_symlink("../mine", folder_ / "run" / name);
    run({"pretrain", "tiny.yaml", "max_steps=4"});
    EXPECT_EQ(text_of("mine"), "precious\n") << name;
    if (std::string(name) == "run.lock")
      expect_error({"pretrain", "tiny.yaml"}, {"run.lock': it is a symbolic link", "remove it"});
    fs::rename(folder_ / "moved", folder_ / "run" / name);
  }
}

}  // namespace
}  // namespace weft::test
