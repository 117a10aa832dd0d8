#include "cli/patient_output.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace weft::cli {
namespace {

constexpr int kLastWords = 500;  // milliseconds

bool has_room(int descriptor, int milliseconds) {
  pollfd output{.fd = descriptor, .events = POLLOUT, .revents = 0};
  const int ready = ::poll(&output, 1, milliseconds);
  return ready == 1 || (ready < 0 && errno != EINTR);  // an error is told by the write
}

// How much may be written at once where has_room() says yes: PIPE_BUF of a pipe; a terminal has
// room for a line.
size_t piece_of(int descriptor) {
  return ::isatty(descriptor) == 1 ? 256 : 4096;
}

// Bytes that found room. All of them where the reader is gone: nobody misses them.
size_t write_as_there_is_room(int descriptor, std::string_view text, int milliseconds) {
  size_t done = 0;
  while (done < text.size() && has_room(descriptor, milliseconds)) {
    const size_t piece = std::min(piece_of(descriptor), text.size() - done);
    const ssize_t written = ::write(descriptor, text.data() + done, piece);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) break;
    if (written < 0) return text.size();
    done += static_cast<size_t>(written);
  }
  return done;
}

}  // namespace

PatientBuffer::int_type PatientBuffer::overflow(int_type c) {
  if (!traits_type::eq_int_type(c, traits_type::eof())) pending_ += traits_type::to_char_type(c);
  return traits_type::not_eof(c);
}

std::streamsize PatientBuffer::xsputn(const char* text, std::streamsize size) {
  pending_.append(text, static_cast<size_t>(size));
  return size;
}

bool PatientBuffer::put(std::string_view text) {
  const size_t done = write_as_there_is_room(descriptor_, text, milliseconds_);
  if (done < text.size()) milliseconds_ = 0;
  if (done > 0) torn_ = done < text.size() || text.back() != '\n';
  return done == text.size();
}

int PatientBuffer::sync() {
  std::string text;
  text.swap(pending_);
  if (text.empty()) return 0;
  const int64_t lines = std::count(text.begin(), text.end(), '\n');
  if (lines_lost_ > 0) {
    const std::string notice = std::string(torn_ ? "\n" : "") +
                               "weft: " + std::to_string(lines_lost_) +
                               " lines were not printed, for nobody read them; log.jsonl has all\n";
    if (put(notice)) lines_lost_ = 0;
  }
  if (lines_lost_ > 0 || !put(text)) lines_lost_ += std::max<int64_t>(1, lines);
  return 0;
}

void print_last_words(const std::string& text) {
  write_as_there_is_room(STDERR_FILENO, text, kLastWords);
}

}  // namespace weft::cli
