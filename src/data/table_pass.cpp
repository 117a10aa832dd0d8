#include "data/table_pass.h"

#include "core/quote.h"

namespace weft::data {

void check_inputs(const InputFiles& inputs) {
  for (const InputFile& file : inputs.files)
    if (file.kind == InputKind::kText)
      throw Error(quote_path(file.name()) +
                  " is plain text, and has no columns for missing, normalize and one_hot; give "
                  ".csv, .tsv, .jsonl or .json, or leave these stages out");
}

std::vector<ColumnStatistics> table_statistics(FileSystem& files, const Path& folder,
                                               const PassOptions& pass) {
  const PrepareOptions& options = pass.options;
  const TablePlan& plan = pass.stages.tables();
  if (!options.column_statistics.empty()) {
    const DatasetManifest recorded = read_manifest(options.column_statistics);
    check_statistics(recorded.columns, plan, options.stages, quote_path(options.column_statistics));
    return recorded.columns;
  }
  TextReader reader(files, pass.inputs, text_options_of(pass));
  Splitter splitter(reader, pass.plan, options.split.seed);
  TableFit fit(plan, options.stages, files, folder);
  const bool saved = has_state(files, folder);
  TextPiece piece;
  int64_t unreported = 0;
  for (Split split = Split::kTrain; splitter.next(piece, split);) {
    if (piece.begins_document && split == Split::kTrain) fit.add(piece.cells, piece.origin());
    unreported += piece.input_end - piece.input_begin;
    if (unreported < 1 << 20 || !options.progress) continue;
    unreported = 0;
    options.progress({.bytes_done = piece.input_end,
                      .bytes_total = pass.inputs.bytes,
                      .saved = saved,
                      .measuring = true});
  }
  return fit.finish();
}

}  // namespace weft::data
