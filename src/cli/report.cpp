// `weft report`: the page of a run, while it goes on or later.
#include <iostream>
#include <memory>

#include "cli/verb.h"
#include "core/quote.h"
#include "train/run_page.h"

namespace weft::cli {

void add_report(Verb& app) {
  auto run = std::make_shared<std::string>();
  Verb verb = app.add_verb("report", "Write report.html of a run, even while it runs");
  verb.footer("Example:\n  weft report runs/demo");
  verb.add_option("run", *run, "the output_dir of `weft pretrain`").required();
  verb.callback([run] {
    const Path page = train::write_page_of_folder(real_file_system(), *run);
    std::cout << "written to " << quote_path(page) << "\n";
  });
}

}  // namespace weft::cli
