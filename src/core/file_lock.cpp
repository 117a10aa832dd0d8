#include "core/file_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <ctime>
#include <thread>

#include "core/file_descriptor.h"

namespace weft {
namespace {

constexpr size_t kLargestOwnerText = 1024;
// Each is lost to a process that has removed the file since it was opened: no two follow often.
constexpr int kAttempts = 100;

LockOwner this_process() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  std::array<char, 32> now{};
  const std::time_t seconds = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::strftime(now.data(), now.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return {.pid = ::getpid(), .host = host.data(), .started = now.data()};
}

std::string to_text(const LockOwner& owner) {
  return std::to_string(owner.pid) + "\n" + owner.host + "\n" + owner.started + "\n";
}

std::string next_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  std::string line(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

// Nothing where the lock was released, or where the text is none of ours.
std::optional<LockOwner> parse_owner(std::string_view text) {
  LockOwner owner;
  const std::string pid = next_line(text);
  const auto [end, status] = std::from_chars(pid.data(), pid.data() + pid.size(), owner.pid);
  if (status != std::errc() || end != pid.data() + pid.size() || owner.pid <= 0)
    return std::nullopt;
  owner.host = next_line(text);
  owner.started = next_line(text);
  return owner;
}

std::optional<LockOwner> read_owner(int descriptor) {
  std::array<char, kLargestOwnerText> text{};
  const ssize_t size = retry([&] { return ::pread(descriptor, text.data(), text.size(), 0); });
  if (size <= 0) return std::nullopt;
  return parse_owner(std::string_view(text.data(), static_cast<size_t>(size)));
}

// EPERM: it lives and belongs to someone else.
bool is_alive(int64_t pid) {
  return ::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM;
}

[[noreturn]] void refuse(const Path& file, const std::optional<LockOwner>& owner,
                         const std::string& advice) {
  std::string reason = "another run holds it";
  if (owner)
    reason = "it is held by process " + std::to_string(owner->pid) + " on " + owner->host +
             " since " + owner->started;
  throw FileError("lock", file, EWOULDBLOCK, reason + "; " + advice);
}

void refuse_unless_dead(const Path& file, const std::optional<LockOwner>& owner) {
  if (!owner) return;
  if (owner->host != this_process().host)
    refuse(file, owner,
           "this file system has no locks, so if that run is over, remove the file by hand");
  if (is_alive(owner->pid)) refuse(file, owner, "stop that run or choose another folder");
}

void write_owner(const FileDescriptor& descriptor, const Path& file, const std::string& text) {
  const bool written =
      ::ftruncate(descriptor.get(), 0) == 0 &&
      ::pwrite(descriptor.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
  // The lock is the kernel's, and who holds it may be about to free space.
  if (!written && errno != ENOSPC && errno != EDQUOT) throw FileError("write", file, errno);
}

// Whoever only looks whether a lock is held (is_locked) has it for a moment.
constexpr int kMomentsToWait = 20;  // milliseconds

// Else errno says why.
bool take_lock(int descriptor) {
  for (int i = 0;; ++i) {
    if (retry([&] { return ::flock(descriptor, LOCK_EX | LOCK_NB); }) == 0) return true;
    if (errno != EWOULDBLOCK || i == kMomentsToWait) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

// An owner may remove the file before it lets go (data/pending_folder.h). Whoever opened it before
// then holds a lock that keeps nobody out: the next one makes another file of that name.
bool has_name(const FileDescriptor& descriptor, const Path& file) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor.get(), &opened) == 0 && ::stat(file.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

struct TakenLock {
  FileDescriptor descriptor;
  std::optional<LockOwner> dead;
};

TakenLock take(const Path& file) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    // A link would let a folder of a stranger have any file of ours overwritten.
    FileDescriptor descriptor(retry(
        [&] { return ::open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666); }));
    if (!descriptor) fail_to_open("lock", file, errno);
    const bool locked = take_lock(descriptor.get());
    const int number = errno;
    std::optional<LockOwner> owner = read_owner(descriptor.get());
    if (!locked && number == EWOULDBLOCK)
      refuse(file, owner, "stop that run or choose another folder");
    if (!has_name(descriptor, file)) continue;
    if (!locked) refuse_unless_dead(file, owner);
    write_owner(descriptor, file, to_text(this_process()));
    return {.descriptor = std::move(descriptor), .dead = std::move(owner)};
  }
  refuse(file, std::nullopt, "the file is removed whenever it is opened; choose another folder");
}

class RealFileLock final : public FileLock {
 public:
  explicit RealFileLock(Path file) : file_(std::move(file)), taken_(take(file_)) {}
  // The file stays, empty. A failure leaves the text of a dead owner, which costs the next run a
  // notice.
  ~RealFileLock() override {
    if (::ftruncate(taken_.descriptor.get(), 0) != 0) return;
  }
  const std::optional<LockOwner>& taken_over_from() const override { return taken_.dead; }
  void retake_if_lost() override {
    if (!has_name(taken_.descriptor, file_)) taken_.descriptor = take(file_).descriptor;
  }

 private:
  Path file_;
  TakenLock taken_;
};

}  // namespace

std::unique_ptr<FileLock> lock_file(const Path& file) {
  return std::make_unique<RealFileLock>(file);
}

// A shared lock can be had where nobody holds the exclusive one, and is given back at once.
bool is_locked(const Path& file) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    // A pipe of this name would have us wait for its writer.
    const FileDescriptor descriptor(retry(
        [&] { return ::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC); }));
    if (!descriptor) return false;
    const bool shared = retry([&] { return ::flock(descriptor.get(), LOCK_SH | LOCK_NB); }) == 0;
    if (!shared && errno == EWOULDBLOCK) return true;
    if (!has_name(descriptor, file)) continue;
    if (shared) return false;
    const std::optional<LockOwner> owner = read_owner(descriptor.get());
    return owner && owner->host == this_process().host && is_alive(owner->pid);
  }
  return false;
}

}  // namespace weft
