// Ends a stream of text at the first of several stop strings. It sees text, not tokens, so a stop
// string may lie across any number of tokens. Not here: decoding tokens to text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weft::generate {

// What may be shown is handed out as soon as it can no longer be part of a stop string. The result
// does not depend on how the text is cut into pieces: the stop string that is complete first ends
// the text (of several that end together the longest), and nothing of it is shown.
class StopMatcher {
 public:
  // `stops` may be empty: then all text passes at once. Throws Error if a stop string is empty.
  explicit StopMatcher(std::vector<std::string> stops);

  // Takes the next piece and returns the text that may be shown now. After a stop string nothing
  // more is returned.
  std::string push(std::string_view piece);
  // At the end of the stream: the text held back until now, which was no stop string after all.
  std::string finish();

  bool stopped() const { return !matched_.empty(); }
  // The stop string that ended the text; empty while there was none.
  const std::string& matched() const { return matched_; }

 private:
  bool complete_stop();
  size_t possible_prefix() const;

  std::vector<std::string> stops_;
  std::string held_;  // not handed out yet
  std::string matched_;
};

}  // namespace weft::generate
