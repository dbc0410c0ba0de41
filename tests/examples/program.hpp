// A program as a user runs it, and small data sets for it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <sys/wait.h>

#include "byte_files.hpp"
#include "support/catch.hpp"

#ifndef KASMINA_PROGRAM
#error "define KASMINA_PROGRAM as the path of the built program"
#endif

namespace kasmina::tests {

inline std::string text_of(const std::filesystem::path& file) {
    const Bytes bytes = read_bytes(file);
    return {bytes.begin(), bytes.end()};
}

struct Outcome {
    int code;
    std::string out;
    std::string err;
};

/// The program with these arguments, which hold no quotes, as a shell takes it.
inline std::string command_of(const std::vector<std::string>& arguments) {
    std::string command = "'" KASMINA_PROGRAM "'";
    for (const std::string& argument : arguments) command += " '" + argument + "'";
    return command;
}

/// What a shell makes of `command`, after which `redirections` stand.
inline Outcome run_shell(const std::string& command, const std::string& redirections = "") {
    const TemporaryFolder folder;
    const std::string out = (folder / "out").string();
    const std::string err = (folder / "err").string();
    const std::string line =
        "{ " + command + " " + redirections + "; } >'" + out + "' 2>'" + err + "' </dev/null";
    const int status = std::system(line.c_str());
    REQUIRE(WIFEXITED(status));
    return {WEXITSTATUS(status), text_of(out), text_of(err)};
}

inline Outcome run(const std::vector<std::string>& arguments,
                   const std::string& redirections = "") {
    return run_shell(command_of(arguments), redirections);
}

/// Ends it by a signal when there is a file whose name begins so; the exit code is the program's.
inline Outcome run_until_there(const std::vector<std::string>& arguments, const std::string& signal,
                               const std::filesystem::path& beginning) {
    return run_shell(command_of(arguments) +
                     " & program=$!; while kill -0 $program 2>/dev/null && ! ls '" +
                     beginning.string() + "'* >/dev/null 2>&1; do sleep 0.02; done; kill -" +
                     signal + " $program 2>/dev/null; wait $program");
}

inline std::vector<std::string> with(std::vector<std::string> arguments,
                                     const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

/// That it was refused with code 2, nothing but one line on standard error, and in it each of
/// `parts`.
inline void check_one_clear_error(const Outcome& outcome, const std::vector<std::string>& parts) {
    INFO(outcome.err);
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    const std::string name = std::filesystem::path(KASMINA_PROGRAM).filename().string();
    CHECK(outcome.err.starts_with(name + ": "));
    CHECK(std::ranges::count(outcome.err, '\n') == 1);
    CHECK(outcome.err.ends_with('\n'));
    for (const std::string& part : parts) {
        CAPTURE(part);
        CHECK(outcome.err.find(part) != std::string::npos);
    }
}

/// CIFAR-10 records, labels in turn, all pixels grey.
inline Bytes cifar_records(std::size_t count) {
    Bytes bytes;
    for (std::size_t record = 0; record < count; ++record) {
        bytes.push_back(static_cast<std::uint8_t>(record % 10));
        bytes.insert(bytes.end(), 3072, std::uint8_t{127});
    }
    return bytes;
}

inline void write_cifar(const std::filesystem::path& folder) {
    for (const char* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                             "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"}) {
        write_bytes(folder / name, cifar_records(20));
    }
}

/// An IDX file: its magic number, its extents, then `contents`.
inline Bytes idx(const std::vector<std::uint32_t>& header, const Bytes& contents) {
    Bytes bytes;
    for (const std::uint32_t word : header) {
        for (const unsigned shift : {24U, 16U, 8U, 0U}) {
            bytes.push_back(static_cast<std::uint8_t>((word >> shift) & 0xFFU));
        }
    }
    bytes.insert(bytes.end(), contents.begin(), contents.end());
    return bytes;
}

/// `count` grey images.
inline Bytes digits(std::uint32_t count = 40, std::uint32_t height = 28, std::uint32_t width = 28) {
    return idx({0x803, count, height, width}, Bytes(std::size_t{count} * height * width, 9));
}

inline Bytes digit_labels(std::uint32_t count = 40) {
    Bytes labels;
    for (std::uint32_t i = 0; i < count; ++i) labels.push_back(static_cast<std::uint8_t>(i % 10));
    return idx({0x801, count}, labels);
}

}  // namespace kasmina::tests
