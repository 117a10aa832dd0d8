// A FileSystem whose k-th changing operation fails as disks, quotas and power cuts make it fail.
// For tests: run once without a fault, read operations(), then run again for every k below it.
// A sync is counted but not done: these files need not survive a power cut, and tests make
// thousands.
#pragma once

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/core/forwarding_file_system.h"

namespace weft {

enum class Fault {
  kNone,
  kDiskFull,    // ENOSPC at operation k; from then on nothing can be written, only removed
  kIoError,     // EIO at operation k, once
  kShortWrite,  // the first write from operation k on writes half of its bytes, then ENOSPC
  kCrash,       // operation k is not done (a write: half done), nor is anything after it
};

// What kCrash throws. No weft::Error, so that no handler of the code under test mistakes the death
// of its process for a failure that it could clean up after.
struct Crash : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class FaultyFileSystem final : public ForwardingFileSystem {
 public:
  explicit FaultyFileSystem(Fault fault = Fault::kNone, int64_t at = 0,
                            FileSystem& base = real_file_system())
      : ForwardingFileSystem(base), fault_(fault), at_(at) {}

  // Changing operations so far; lock() is none, for a lock is never durable.
  int64_t operations() const { return static_cast<int64_t>(log_.size()); }
  // What each was: "write /a/b", "sync /a/b", ...
  const std::vector<std::string>& log() const { return log_; }
  bool fired() const { return fired_; }

  std::unique_ptr<WritableFile> open_for_writing(const Path& path, WriteMode mode) override {
    step("open", path, true);
    return std::make_unique<File>(*this, path, base_.open_for_writing(path, mode));
  }
  void rename(const Path& from, const Path& to) override {
    step("rename", from, false);
    base_.rename(from, to);
  }
  void sync_folder(const Path& folder) override { step("sync_folder", folder, false); }
  bool create_folder(const Path& folder) override {
    step("create_folder", folder, true);
    return base_.create_folder(folder);
  }
  void remove(const Path& path) override {
    step("remove", path, false);
    base_.remove(path);
  }
  int64_t free_bytes(const Path& path) const override {
    return free_bytes_ >= 0 ? free_bytes_ : base_.free_bytes(path);
  }
  // What free_bytes() says from now on.
  void set_free_bytes(int64_t bytes) { free_bytes_ = bytes; }

 private:
  class File final : public WritableFile {
   public:
    File(FaultyFileSystem& owner, Path path, std::unique_ptr<WritableFile> base)
        : owner_(owner), path_(std::move(path)), base_(std::move(base)) {}

    void write(std::span<const std::byte> bytes) override {
      const bool half = owner_.half_writes();
      if (half) base_->write(bytes.first(bytes.size() / 2));
      owner_.step("write", path_, true);
      base_->write(bytes);
    }
    void sync() override { owner_.step("sync", path_, false); }
    void close() override {
      owner_.step("close", path_, false);
      base_->close();
    }

   private:
    FaultyFileSystem& owner_;
    Path path_;
    std::unique_ptr<WritableFile> base_;
  };

  // Does the write that is about to be counted stop in its middle?
  bool half_writes() const {
    if (fault_ == Fault::kShortWrite) return !fired_ && operations() >= at_;
    return fault_ == Fault::kCrash && operations() == at_;
  }

  void step(const std::string& what, const Path& path, bool needs_space) {
    const int64_t number = operations();
    log_.push_back(what + " " + path.string());
    switch (fault_) {
      case Fault::kNone: return;
      case Fault::kDiskFull:
        if (number == at_ || (number > at_ && needs_space)) fail(what, path, ENOSPC);
        return;
      case Fault::kIoError:
        if (number == at_) fail(what, path, EIO);
        return;
      case Fault::kShortWrite:
        if (number >= at_ && what == "write" && !fired_) fail(what, path, ENOSPC);
        return;
      case Fault::kCrash:
        fired_ = fired_ || number >= at_;
        if (fired_) throw Crash(log_.back());
        return;
    }
  }

  void fail(const std::string& what, const Path& path, int number) {
    fired_ = true;
    throw FileError(what, path, number);
  }

  Fault fault_;
  int64_t at_;
  int64_t free_bytes_ = -1;  // what the disk says
  bool fired_ = false;
  std::vector<std::string> log_;
};

}  // namespace weft
