// What a training run prints on: a stream that never waits for its reader. Where nobody reads a
// full pipe, or a terminal is stopped with Ctrl-S, training goes on, lines are left out, and how
// many is told as soon as there is room again; log.jsonl has them all. A reader that is gone is no
// error.
#pragma once

#include <cstdint>
#include <streambuf>
#include <string>

namespace weft::cli {

class PatientBuffer final : public std::streambuf {
 public:
  explicit PatientBuffer(int file_descriptor) : descriptor_(file_descriptor) {}
  // Until now no write waited; from now on they wait for room, until it has not come for so long:
  // for a run's last words.
  void wait_at_most(int milliseconds) { milliseconds_ = milliseconds; }

 protected:
  int_type overflow(int_type c) override;
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int sync() override;

 private:
  bool put(std::string_view text);

  int descriptor_;
  int milliseconds_ = 0;
  std::string pending_;     // since the last flush
  int64_t lines_lost_ = 0;  // that are not told yet
  bool torn_ = false;       // the last line that was written is not whole
};

// Writes to standard error as far as there is room within half a second: for the last message of a
// process, which must end even if nobody reads.
void print_last_words(const std::string& text);

}  // namespace weft::cli
