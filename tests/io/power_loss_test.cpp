// What the protocol of a save promises, against everything that a disk may hold
// afterwards: the power fails or the process dies at any operation of a save, a
// purge or a restart; a device damages what it was given; files rot. Mutants of
// the protocol show that this test would see its mistakes.
#include <gtest/gtest.h>

#include <set>

#include "io/checkpoint_store.h"
#include "tests/core/faulty_file_system.h"
#include "tests/io/protocol_mutants.h"
#include "tests/io/volatile_disk.h"

namespace weft::io {
namespace {

const Path kRun = "/run";
constexpr CheckpointOptions kOptions = {.keep_last = 1};
constexpr size_t kMostStates = 100'000;  // of one operation; reaching it fails the test

// The v-th save of a run: which step, and what its files hold.
struct Version {
  int64_t number;
  int64_t step;
  size_t padding = 60;  // bytes of the largest file, about
};

std::map<std::string, std::string> contents(const Version& version) {
  const std::string tag = std::to_string(version.number);
  return {{"model.safetensors", "weights " + tag + std::string(version.padding, 'w') + tag},
          {"state/optimizer", "moments " + tag}};
}

CheckpointToSave to_save(const Version& version) {
  CheckpointToSave result{.step = version.step, .files = {}};
  for (const auto& file : contents(version))
    result.files.push_back({.name = file.first,
                            .bytes = static_cast<int64_t>(file.second.size()),
                            .content = [bytes = file.second](WritableFile& out) {
                              out.write(bytes.substr(0, bytes.size() / 2));
                              out.write(bytes.substr(bytes.size() / 2));
                            }});
  return result;
}

bool holds(const FileSystem& disk, const Path& folder, const Version& version) {
  if (folder != checkpoint_folder(kRun, version.step)) return false;
  for (const auto& [name, bytes] : contents(version))
    if (disk.status(folder / name).kind != FileKind::kFile || disk.read(folder / name, 0) != bytes)
      return false;
  return disk.status(folder / kManifestName).kind == FileKind::kFile;
}

// A run that has saved kBefore and saves `after`.
const std::vector<Version> kBefore = {{1, 1}, {2, 2}};
struct Scenario {
  std::vector<Version> after;
  CheckpointOptions options = kOptions;
};
// New ones, each purging one; replacing the newest, then a new one.
const std::vector<Scenario> kScenarios = {{{{3, 3}, {4, 4}}}, {{{3, 2}, {4, 3}}}};
const Scenario kLarge = {{{3, 3, 9000}, {4, 4, 9000}}, {.keep_last = 2}};

struct Reported {
  size_t operations;  // done when the save returned
  int64_t version;
};

// One mutant's run of one scenario, on a disk that has recorded it.
class RecordedRun {
 public:
  RecordedRun(const Mutant& mutant, const Scenario& scenario)
      : mutant_(mutant), scenario_(scenario), versions_(kBefore) {
    disk_.create_folder(kRun);
    for (const Version& version : kBefore)
      CheckpointStore(disk_, kRun, kOptions).save(to_save(version));
    disk_.settle();
    const auto files = mutant_.over(disk_);
    CheckpointStore store(*files, kRun, scenario.options);
    for (const Version& version : scenario.after) {
      store.save(to_save(version));
      reported_.push_back({disk_.log().size(), version.number});
    }
    versions_.insert(versions_.end(), scenario.after.begin(), scenario.after.end());
  }

  const VolatileDisk& disk() const { return disk_; }

  // What a process that opens the run on this disk does wrong; empty if
  // nothing. Saved for sure is what had been reported after `done` operations.
  std::string problem(const DiskTree& tree, size_t done, bool names_are_whole = true) const {
    VolatileDisk disk(tree);
    if (names_are_whole)
      if (const std::string half = half_written(disk); !half.empty()) return half;
    const auto files = mutant_.over(disk);
    try {
      CheckpointStore store(*files, kRun, kOptions);
      const FoundCheckpoint found = latest_checkpoint(*files, kRun);
      if (!found.checkpoint) return "no checkpoint is found";
      const int64_t version = version_in(disk, found.checkpoint->folder);
      if (version == 0) return "a damaged checkpoint is taken for a good one";
      if (version < saved_for_sure(done)) return "a checkpoint that was reported saved is lost";
      const Version next{9, 9};
      store.save(to_save(next));
      const bool goes_on = holds(disk, latest_checkpoint(*files, kRun).checkpoint->folder, next);
      return goes_on ? "" : "the next save is not found";
    } catch (const Error& error) {
      return error.what();
    }
  }

  int64_t saved_for_sure(size_t done) const {
    int64_t version = kBefore.back().number;
    for (const Reported& one : reported_)
      if (one.operations <= done) version = one.version;
    return version;
  }

 private:
  // A folder appears whole or not at all.
  std::string half_written(const VolatileDisk& disk) const {
    for (const int64_t step : checkpoint_steps(disk, kRun))
      if (version_in(disk, checkpoint_folder(kRun, step)) == 0)
        return "a final name has a folder that is not whole";
    return "";
  }
  // The number of the version that `folder` holds whole; 0: of none.
  int64_t version_in(const FileSystem& disk, const Path& folder) const {
    for (const Version& version : versions_)
      if (holds(disk, folder, version)) return version.number;
    return 0;
  }

  Mutant mutant_;
  Scenario scenario_;
  VolatileDisk disk_;
  std::vector<Version> versions_;
  std::vector<Reported> reported_;
};

struct Verdict {
  std::string problem;  // the first; empty: none
  size_t states = 0;    // that were looked at

  std::set<std::string> seen;  // disks that were looked at, with what they must hold

  bool failed() const { return !problem.empty(); }
  bool is_new(const DiskTree& tree, int64_t saved_for_sure) {
    return seen.insert(std::to_string(saved_for_sure) + tree.text()).second;
  }
  void note(const std::string& what, const std::string& where) {
    if (!what.empty() && problem.empty()) problem = where + ": " + what;
    ++states;
  }
};

void look(const RecordedRun& run, const DiskTree& tree, size_t done, Verdict& verdict) {
  if (verdict.failed() || !verdict.is_new(tree, run.saved_for_sure(done))) return;
  verdict.note(run.problem(tree, done), "after " + std::to_string(done) + " operations");
}

// The power fails after every operation.
void cut_power(const RecordedRun& run, Verdict& verdict) {
  for (size_t done = 0; done <= run.disk().log().size() && !verdict.failed(); ++done) {
    const size_t states = run.disk().after_power_loss(
        done, kMostStates, [&](const DiskTree& tree) { look(run, tree, done, verdict); });
    if (states == kMostStates) verdict.note("too many states", "power cut");
  }
}

// The process dies after every operation; then the restart dies at each of its
// own, or loses power.
void kill_restarts(const RecordedRun& run, Verdict& verdict) {
  for (size_t done = 0; done <= run.disk().log().size() && !verdict.failed(); ++done) {
    VolatileDisk restarted(run.disk().after_kill(done));
    look(run, restarted.tree(), done, verdict);
    const CheckpointStore store(restarted, kRun, kOptions);
    for (size_t step = 0; step <= restarted.log().size(); ++step) {
      look(run, restarted.after_kill(step), done, verdict);
      restarted.after_power_loss(step, kMostStates,
                                 [&](const DiskTree& tree) { look(run, tree, done, verdict); });
    }
  }
}

// A device that changes one write and says nothing: the save must fail, and
// nothing old be lost.
void lie(const Mutant& mutant, Verdict& verdict) {
  const RecordedRun honest(mutant, kScenarios[0]);
  for (int64_t k = 0; k < 5 && !verdict.failed(); ++k) {
    VolatileDisk disk;
    disk.create_folder(kRun);
    for (const Version& version : kBefore)
      CheckpointStore(disk, kRun, kOptions).save(to_save(version));
    disk.lie_at_write(k);
    const auto files = mutant.over(disk);
    CheckpointStore store(*files, kRun, kOptions);
    try {
      store.save(to_save(kScenarios[0].after[0]));
      verdict.note("a damaged save is reported as good", "lying device");
    } catch (const Error&) {
      verdict.note(honest.problem(disk.tree(), 0), "lying device");
    }
  }
}

// One damaged copy of a file's bytes after another, each with what was done.
template <class Visit>
void damaged(const std::string& good, const std::string& other, const Visit& visit) {
  for (size_t block = 0; block < good.size(); block += 4096) {
    std::string bad = good;
    char& byte = bad[std::min(block + 1777, good.size() - 1)];
    byte = static_cast<char>(byte ^ 4);
    visit(bad, "flipped in block " + std::to_string(block / 4096));
  }
  visit(good.substr(0, good.size() - 1), "a byte less");
  visit(good.substr(0, good.size() / 2), "cut in half");
  visit("", "emptied");
  visit(std::string(good.size(), '\0'), "zeroed");
  visit(other, "swapped with that of another step");
}

// Every file of the newest checkpoint rots; the one before must be found, never
// the damaged one.
void rot(const RecordedRun& run, Verdict& verdict) {
  const DiskTree tree = run.disk().tree();
  const size_t none_reported = 0;
  for (const std::string name : {"model.safetensors", "state/optimizer", "manifest.json"}) {
    const Path file = checkpoint_folder(kRun, 4) / name;
    const DiskTree::Node* node = tree.find(file);
    const DiskTree::Node* before = tree.find(checkpoint_folder(kRun, 3) / name);
    if (node == nullptr || before == nullptr)
      return verdict.note("one of the two newest is not there", "saving");
    const std::string other = before->bytes;
    damaged(node->bytes, other, [&](const std::string& bytes, const std::string& how) {
      DiskTree bad = tree;
      bad.nodes[static_cast<size_t>(node - tree.nodes.data())].bytes = bytes;
      verdict.note(run.problem(bad, none_reported, false), name + " " + how);
    });
    VolatileDisk without(tree);
    without.remove(file);
    verdict.note(run.problem(without.tree(), none_reported, false), name + " deleted");
  }
}

Verdict judge(const Mutant& mutant) {
  Verdict verdict;
  try {
    lie(mutant, verdict);
    if (!verdict.failed()) rot(RecordedRun(mutant, kLarge), verdict);
    for (const Scenario& scenario : kScenarios) {
      if (verdict.failed()) break;
      const RecordedRun run(mutant, scenario);
      verdict.seen.clear();
      cut_power(run, verdict);
      kill_restarts(run, verdict);
    }
  } catch (const Error& error) {
    verdict.note(error.what(), "saving");
  }
  return verdict;
}

TEST(PowerLoss, EveryStateOfTheDiskHasTheNewestSavedCheckpoint) {
  const Verdict verdict = judge(no_mutant());
  EXPECT_EQ(verdict.problem, "");
  EXPECT_GT(verdict.states, 400u);
  RecordProperty("states", static_cast<int>(verdict.states));
}

TEST(PowerLoss, EveryMutantOfTheProtocolIsCaught) {
  for (const Mutant& mutant : protocol_mutants()) {
    const Verdict verdict = judge(mutant);
    EXPECT_TRUE(verdict.failed()) << mutant.name;
    RecordProperty(mutant.name, verdict.problem);
  }
}

}  // namespace
}  // namespace weft::io
