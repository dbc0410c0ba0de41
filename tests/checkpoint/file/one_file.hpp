// OneFile: file operations by which one file in memory can be read and nothing be written.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/file/operations.hpp>

namespace kasmina::test {

class OneFile final : public checkpoint::file::FileOperations {
public:
    /// The bytes must outlive this. The status may tell another length than the file has.
    explicit OneFile(std::span<const std::byte> content) : OneFile(content, content.size()) {}
    OneFile(std::span<const std::byte> content, std::uint64_t told)
        : content_(content), told_(told) {}

    Outcome open_for_reading(const std::filesystem::path&) override { return 3; }
    Outcome status(Handle, checkpoint::file::FileStatus& status) override {
        status = {.regular = true, .bytes = told_, .names = 1};
        return 0;
    }
    Outcome read(Handle, std::uint64_t offset, std::span<std::byte> bytes) override {
        if (offset >= content_.size()) return 0;
        const std::size_t count = std::min<std::size_t>(bytes.size(), content_.size() - offset);
        if (count > 0) std::memcpy(bytes.data(), content_.data() + offset, count);
        return static_cast<Outcome>(count);
    }
    Outcome close(Handle) override { return 0; }

    Outcome open_folder(const std::filesystem::path&) override { return -EROFS; }
    Outcome list(Handle, std::vector<std::string>&) override { return -EROFS; }
    Outcome read_link(Handle, const std::string&, std::string&) override { return -EROFS; }
    Outcome status_of(Handle, const std::string&, checkpoint::file::FileStatus&) override {
        return -EROFS;
    }
    Outcome open_for_reading(Handle, const std::string&) override { return -EROFS; }
    Outcome create(Handle, const std::string&, unsigned) override { return -EROFS; }
    Outcome write(Handle, std::span<const std::byte>) override { return -EROFS; }
    Outcome begin_synchronising(Handle, std::uint64_t, std::uint64_t) override { return -EROFS; }
    Outcome set_owner(Handle, unsigned, unsigned) override { return -EROFS; }
    Outcome set_group(Handle, unsigned) override { return -EROFS; }
    Outcome set_mode(Handle, unsigned) override { return -EROFS; }
    Outcome lock(Handle) override { return -EROFS; }
    Outcome synchronise(Handle) override { return -EROFS; }
    Outcome rename(Handle, const std::string&, const std::string&) override { return -EROFS; }
    Outcome remove(Handle, const std::string&) override { return -EROFS; }
    std::uint64_t unlikely_number() override { return 0; }

private:
    std::span<const std::byte> content_;
    std::uint64_t told_;
};

}  // namespace kasmina::test
