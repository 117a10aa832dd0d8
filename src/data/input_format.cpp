#include "data/input_format.h"

#include <algorithm>
#include <array>
#include <set>

namespace weft::data {
namespace {

constexpr std::array kKinds = {InputKind::kText, InputKind::kJsonLines, InputKind::kJson,
                               InputKind::kCsv, InputKind::kTsv};

std::string lower_extension(const Path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return extension;
}

std::optional<InputKind> kind_of(const std::string& extension) {
  if (extension == ".ndjson") return InputKind::kJsonLines;
  for (const InputKind kind : kKinds)
    if (extension == "." + std::string(name_of(kind))) return kind;
  return std::nullopt;
}

Compression compression_of(const std::string& extension) {
  if (extension == ".gz") return Compression::kGzip;
  if (extension == ".zst") return Compression::kZstd;
  return Compression::kNone;
}

// In single quotes for a shell.
std::string in_quotes(const Path& path) {
  std::string text = "'";
  for (const char c : path.string()) text += c == '\'' ? "'\\''" : std::string(1, c);
  return text + "'";
}

std::string python_read(const std::string& extension) {
  if (extension == ".parquet") return "pandas.read_parquet(sys.argv[1])";
  if (extension == ".feather") return "pandas.read_feather(sys.argv[1])";
  return "pyarrow.ipc.open_file(sys.argv[1]).read_pandas()";
}

std::string conversion(const Path& path, const std::string& extension) {
  // Never the file itself, whatever its name says.
  const bool has_own = lower_extension(path) == extension;
  const std::string in = in_quotes(path);
  const std::string out =
      in_quotes(Path(path).replace_extension(has_own ? ".jsonl" : ".converted.jsonl"));
  const std::string modules = extension == ".arrow" ? "pyarrow.ipc" : "pandas";
  std::string advice = "convert it to JSON lines first, with `python3 -c 'import sys, " + modules +
                       "; " + python_read(extension) +
                       R"(.to_json(sys.argv[2], orient="records", lines=True)' )" + in + " " + out +
                       "`";
  if (extension == ".parquet")
    advice += " or `duckdb -c \"COPY (FROM " + in + ") TO " + out + "\"`";
  return advice;
}

}  // namespace

std::string_view name_of(InputKind kind) {
  switch (kind) {
    case InputKind::kText: return "txt";
    case InputKind::kJsonLines: return "jsonl";
    case InputKind::kJson: return "json";
    case InputKind::kCsv: return "csv";
    case InputKind::kTsv: return "tsv";
  }
  return "?";
}

InputKind input_kind(std::string_view word) {
  std::string allowed;
  for (const InputKind kind : kKinds) {
    if (word == name_of(kind)) return kind;
    allowed += (allowed.empty() ? "" : ", ") + std::string(name_of(kind));
  }
  throw Error("--input-format: '" + std::string(word) + "' is not known; allowed: " + allowed);
}

InputFormat format_of(const Path& path) {
  const Compression compression = compression_of(lower_extension(path));
  const Path inner = compression == Compression::kNone ? path : path.stem();
  return {.kind = kind_of(lower_extension(inner)), .compression = compression};
}

bool has_no_extension(const Path& path) {
  const std::string extension = path.extension().string();
  return std::all_of(extension.begin() + (extension.empty() ? 0 : 1), extension.end(),
                     [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::string> refusal_of(const Path& path) {
  const std::string extension = lower_extension(path);
  if (extension == ".parquet" || extension == ".arrow" || extension == ".feather")
    return conversion(path, extension);
  static const std::set<std::string> kRefused = {".bz2", ".xz",   ".zip", ".tar",
                                                 ".pdf", ".weft", ".7z"};
  if (kRefused.count(extension) == 0) return std::nullopt;
  return "allowed are .txt, .jsonl, .json, .csv, .tsv, each also .gz or .zst, and folders of them; "
         "convert it (one JSON object with a text field per line makes a .jsonl)";
}

std::optional<std::string> refusal_of_content(const Path& path, std::string_view head) {
  // After the first four bytes of a Parquet file comes the header of a page, which is no text.
  const auto is_control = [](char c) { return c >= 0 && c < ' ' && c != '\n' && c != '\r'; };
  if (head.size() > 4 && head.starts_with("PAR1") && is_control(head[4]))
    return "is a Parquet file, whatever its name; " + conversion(path, ".parquet");
  if (head.starts_with(std::string_view("ARROW1\0\0", 8)))
    return "is an Arrow file, whatever its name; " + conversion(path, ".arrow");
  if (head.starts_with("FEA1") && head.find('\0') != head.npos)
    return "is a Feather file, whatever its name; " + conversion(path, ".feather");
  return std::nullopt;
}

}  // namespace weft::data
