// The arguments of a small example, read by its usage; whatever that does not name is refused.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace kasmina::examples {

/// What an example was asked for. Its usage is a line like "FILE [--json]": a word in capitals is a
/// value that has to be given, in this order, and a flag in brackets may be given, anywhere.
class Arguments {
public:
    /// As `main` has them. Where they do not fit, this prints the usage line and ends the program
    /// with 2; after --help it does so with 0.
    Arguments(int count, const char* const* arguments, std::string_view usage = {}) {
        std::vector<std::string> known;
        std::size_t expected = 0;
        for (std::size_t at = 0; at < usage.size();) {
            const std::size_t end = std::min(usage.find(' ', at), usage.size());
            const std::string_view word = usage.substr(at, end - at);
            if (word.starts_with('[')) {
                known.emplace_back(word.substr(1, word.size() - 2));
            } else {
                ++expected;
            }
            at = end + 1;
        }
        bool fits = true;
        for (int i = 1; i < count; ++i) {
            const std::string argument = arguments[i];
            if (argument == "--help" || argument == "-h") refuse(stdout, arguments[0], usage, 0);
            if (!argument.starts_with('-')) {
                values_.push_back(argument);
            } else {
                fits = fits && std::ranges::count(known, argument) == 1;
                flags_.push_back(argument);
            }
        }
        if (!fits || values_.size() != expected) refuse(stderr, arguments[0], usage, 2);
    }

    [[nodiscard]] bool has(std::string_view flag) const {
        return std::ranges::count(flags_, flag) > 0;
    }

    /// The values in the order of the usage.
    [[nodiscard]] const std::string& value(std::size_t place = 0) const {
        return values_.at(place);
    }

private:
    [[noreturn]] static void refuse(std::FILE* out, std::string_view program,
                                    std::string_view usage, int code) {
        const std::string name(program.substr(program.find_last_of("/\\") + 1));
        const std::string line = name + (usage.empty() ? "" : " ") + std::string(usage);
        std::fprintf(out, "usage: %s\n", line.c_str());
        std::exit(code);
    }

    std::vector<std::string> values_;
    std::vector<std::string> flags_;
};

}  // namespace kasmina::examples
