// The page report.html of a tokens folder: what each stage of cleaning did, with examples. No
// scripts, nothing loaded from elsewhere.
#pragma once

#include <string>

#include "data/dataset_manifest.h"

namespace weft::data {

// Equal manifests and reports give equal bytes.
std::string report_page(const DatasetManifest& manifest, const std::vector<StageReport>& stages);

}  // namespace weft::data
