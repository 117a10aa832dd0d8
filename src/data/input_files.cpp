// Walks folders and finds duplicates.
#include "data/input_files.h"

#include <algorithm>
#include <map>
#include <set>

#include "io/hash.h"

namespace weft::data {
namespace {

// Kinds of data that would be nonsense as plain text.
const std::set<std::string>& refused_extensions() {
  static const std::set<std::string> kRefused = {".json", ".csv",     ".tsv",   ".gz",  ".zst",
                                                 ".bz2",  ".xz",      ".zip",   ".pdf", ".html",
                                                 ".htm",  ".parquet", ".arrow", ".weft"};
  return kRefused;
}

std::string lower_extension(const Path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return extension;
}

// "LICENSE", "GPL-3" and "Apache-2.0" have no extension: what follows the dot is a version.
bool has_no_extension(const std::string& extension) {
  return std::all_of(extension.begin() + (extension.empty() ? 0 : 1), extension.end(),
                     [](char c) { return c >= '0' && c <= '9'; });
}

class Collector {
 public:
  explicit Collector(const FileSystem& files) : files_(files) {}

  void add_input(const std::string& input) {
    const Path path(input);
    const FileStatus status = files_.status(path);
    switch (status.kind) {
      case FileKind::kMissing: throw Error("input '" + input + "': " + missing_reason(status));
      case FileKind::kOther:
        throw Error("input '" + input +
                    "' is neither a file nor a folder (a device or a pipe); "
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

  void add_named_file(const std::string& input, int64_t size) {
    const std::string extension = lower_extension(input);
    if (refused_extensions().count(extension) > 0)
      throw Error("input '" + input + "': files of kind " + extension +
                  " are not read; allowed are .txt, .jsonl and folders of them; convert it (one "
                  "JSON object with a text field per line makes a .jsonl)");
    if (size == 0) throw Error("input '" + input + "' is empty; give a file with text in it");
    result_.files.push_back({input, kind_of(extension), size});
  }

  void add_named_folder(const std::string& input) {
    if (is_tokens_folder(input))
      throw Error("folder '" + input + "' holds a " + std::string(kManifestName) +
                  ": it is the outcome of `weft prepare`, not text; give the folder with the text");
    const size_t before = result_.files.size();
    LeftOutCounts left_out;
    walk(input, left_out);
    if (result_.files.size() == before)
      throw Error("folder '" + input +
                  "' holds no text: no file of it is a .txt, a .jsonl or has a "
                  "name without extension" +
                  what_it_holds(left_out));
    result_.left_out.add(left_out);
  }

  static std::string what_it_holds(const LeftOutCounts& left_out) {
    std::string text;
    for (const LeftOut& item : left_out.items())
      text += (text.empty() ? "; it holds " : ", ") + std::to_string(item.count) + " x " +
              item.reason + " ('" + item.example + "')";
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
    const std::string extension = lower_extension(path);
    const auto example = [&] { return path.string(); };
    const bool readable =
        extension == ".txt" || extension == ".jsonl" || has_no_extension(extension);
    if (!readable) left_out.add("file with another extension", example);
    else if (size == 0) left_out.add("empty file", example);
    else result_.files.push_back({path, kind_of(extension), size});
  }

  static InputKind kind_of(const std::string& extension) {
    return extension == ".jsonl" ? InputKind::kJsonLines : InputKind::kText;
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
  InputFiles result_;
};

}  // namespace

InputFiles collect_inputs(const FileSystem& files, const std::vector<std::string>& inputs) {
  if (inputs.empty())
    throw Error("no input is given; name .txt or .jsonl files, or folders that hold them");
  Collector collector(files);
  for (const std::string& input : inputs) collector.add_input(input);
  return collector.take();
}

}  // namespace weft::data
