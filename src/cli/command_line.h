// What is wrong with a command line, said with the nearest thing that would be right. Not here: the
// options themselves, which each verb adds.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace weft::cli {

// Throws Error if a verb is asked for and missing or unknown; names the nearest known one.
void check_verbs(const CLI::App& app, const std::vector<std::string>& arguments);

// The message for what CLI11 refused: which verb, what, the nearest known option, where the help
// is.
std::string command_line_message(const CLI::App& app, const std::vector<std::string>& arguments,
                                 const CLI::ParseError& error);

}  // namespace weft::cli
