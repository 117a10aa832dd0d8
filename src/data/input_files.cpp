// Walks folders and finds duplicates.
#include "data/input_files.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "core/quote.h"
#include "data/glob.h"
#include "io/hash.h"

namespace weft::data {
namespace {

class Collector {
 public:
  Collector(const FileSystem& files, const InputOptions& options)
      : files_(files), options_(options) {}

  void add_input(const std::string& input) {
    if (input == "-") return add_standard_input();
    const Path path(input);
    const FileStatus status = files_.status(path);
    if (status.kind == FileKind::kMissing && !status.is_link && has_wildcard(input))
      return add_pattern(input);
    switch (status.kind) {
      case FileKind::kMissing:
        throw Error("input " + quote_path(input) + ": " + missing_reason(status));
      case FileKind::kOther:
        throw Error("input " + quote_path(input) +
                    " is neither a file nor a folder (a device or a pipe); "
                    "save its text to a .txt file first");
      case FileKind::kFile: return add_named_file(input, status.size);
      case FileKind::kFolder: return add_named_folder(input);
    }
  }

  InputFiles take() {
    leave_out_duplicates();
    for (const InputFile& file : result_.files) result_.bytes += file.size;
    return std::move(result_);
  }

 private:
  static std::string missing_reason(const FileStatus& status) {
    return status.is_link ? "the link's target does not exist; check where it points"
                          : "there is no such file or folder; check the path";
  }

  void add_standard_input() {
    if (options_.standard_input.empty())
      throw Error("input '-' (standard input) is not read here; name a file");
    const Path& file = options_.standard_input;
    add_file(file, files_.status(file).size);
    result_.files.back().compression = compression_inside(file);
    result_.files.back().shown = "standard input";
  }

  // By its first bytes: standard input has no name.
  Compression compression_inside(const Path& path) const {
    std::array<std::byte, 4> head{};
    const auto file = files_.open_for_reading(path, ReadFrom::kCache);
    for (size_t at = 0, got = 1; at < head.size() && got > 0; at += got)
      got = file->read(std::span(head).subspan(at));
    constexpr std::array kGzip = {std::byte{0x1F}, std::byte{0x8B}};
    constexpr std::array kZstd = {std::byte{0x28}, std::byte{0xB5}, std::byte{0x2F},
                                  std::byte{0xFD}};
    if (std::equal(kGzip.begin(), kGzip.end(), head.begin())) return Compression::kGzip;
    return head == kZstd ? Compression::kZstd : Compression::kNone;
  }

  void add_pattern(const std::string& pattern) {
    const std::vector<Path> paths = expand_glob(files_, pattern);
    const size_t before = result_.files.size();
    for (const Path& path : paths) {
      const FileStatus status = files_.status(path);
      if (status.kind == FileKind::kFile) add_found_file(path, status.size, result_.left_out);
      else if (status.kind == FileKind::kFolder) add_found_folder(path, result_.left_out);
    }
    if (result_.files.size() == before)
      throw Error("input " + quote_path(pattern) + " matches no file with text; check the pattern");
  }

  void add_named_file(const std::string& input, int64_t size) {
    const auto refusal = refusal_of(input);
    if (refusal && !options_.format)
      throw Error("input " + quote_path(input) + ": files of kind " +
                  printable(Path(input).extension().native()) + " are not read; " + *refusal);
    if (size == 0)
      throw Error("input " + quote_path(input) + " is empty; give a file with text in it");
    add_file(input, size);
  }

  void add_file(const Path& path, int64_t size) {
    const InputFormat format = format_of(path);
    const InputKind kind = options_.format.value_or(format.kind.value_or(InputKind::kText));
    result_.files.push_back({path, kind, format.compression, size});
  }

  void add_named_folder(const std::string& input) {
    if (is_tokens_folder(input))
      throw Error("folder " + quote_path(input) + " holds a " + std::string(kManifestName) +
                  ": it is the outcome of `weft prepare`, not text; give the folder with the text");
    const size_t before = result_.files.size();
    LeftOutCounts left_out;
    walk(input, left_out);
    if (result_.files.size() == before)
      throw Error("folder " + quote_path(input) +
                  " holds no text: no file of it is a .txt, .jsonl, .json, .csv or .tsv (or that "
                  "with .gz or .zst) or has a name without extension" +
                  what_it_holds(left_out));
    result_.left_out.add(left_out);
  }

  static std::string what_it_holds(const LeftOutCounts& left_out) {
    std::string text;
    for (const LeftOut& item : left_out.items())
      text += (text.empty() ? "; it holds " : ", ") + std::to_string(item.count) + " x " +
              item.reason + " ('" + printable(item.example) + "')";
    return text.empty() ? "; it is empty" : text;
  }

  // An earlier outcome, often kept inside the corpus: the files of its tokenizer are no text.
  bool is_tokens_folder(const Path& path) const {
    return files_.status(path / kManifestName).kind == FileKind::kFile;
  }

  void walk(const Path& folder, LeftOutCounts& left_out) {
    for (const std::string& name : files_.list(folder)) {
      const Path path = folder / name;
      const FileStatus status = files_.status(path);
      const auto example = [&] { return path.string(); };
      if (status.is_link) left_out.add("symbolic link", example);
      else if (name.front() == '.') left_out.add("hidden file or folder", example);
      else if (status.kind == FileKind::kFolder) add_found_folder(path, left_out);
      else if (status.kind != FileKind::kFile) left_out.add("not a regular file", example);
      else add_found_file(path, status.size, left_out);
    }
  }

  void add_found_folder(const Path& path, LeftOutCounts& left_out) {
    if (is_tokens_folder(path)) left_out.add("tokens folder", [&] { return path.string(); });
    else walk(path, left_out);
  }

  void add_found_file(const Path& path, int64_t size, LeftOutCounts& left_out) {
    const auto example = [&] { return path.string(); };
    const InputFormat format = format_of(path);
    const bool readable = format.kind || (format.compression == Compression::kNone &&
                                          (has_no_extension(path) || options_.format));
    if (const auto refusal = refusal_of(path); refusal && refusal->starts_with("convert"))
      left_out.add("Parquet or Arrow file", [&] { return path.string() + ": " + *refusal; });
    else if (!readable) left_out.add("file with another extension", example);
    else if (size == 0) left_out.add("empty file", example);
    else add_file(path, size);
  }

  // Only files that share their size with another are read.
  void leave_out_duplicates() {
    std::map<int64_t, int64_t> files_of_size;
    for (const InputFile& file : result_.files) ++files_of_size[file.size];
    std::set<std::pair<int64_t, std::string>> seen;
    std::vector<InputFile> kept;
    for (InputFile& file : result_.files) {
      if (files_of_size[file.size] > 1 && !seen.insert({file.size, hash_of(file.path)}).second)
        result_.left_out.add("duplicate of an earlier file", [&] { return file.path.string(); });
      else kept.push_back(std::move(file));
    }
    result_.files = std::move(kept);
  }

  std::string hash_of(const Path& path) const {
    return io::hash_file(files_, path, ReadFrom::kCache).hex;
  }

  const FileSystem& files_;
  const InputOptions& options_;
  InputFiles result_;
};

}  // namespace

InputFiles collect_inputs(const FileSystem& files, const std::vector<std::string>& inputs,
                          const InputOptions& options) {
  if (inputs.empty())
    throw Error("no input is given; name .txt or .jsonl files, or folders that hold them");
  Collector collector(files, options);
  for (const std::string& input : inputs) collector.add_input(input);
  return collector.take();
}

}  // namespace weft::data
