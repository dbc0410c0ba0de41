// Seconds to save and load a safetensors file of many tensors, and to write as many bytes plainly.
// usage: checkpoint_bench FOLDER MEBIBYTES TENSORS, and then names of rows on standard input
// Prints wall and CPU seconds of each. bench/peers/checkpoint.py does the same with the Python
// package, and runs both in turn.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <new>
#include <span>
#include <string>
#include <vector>

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <kasmina/checkpoint/file/reader.hpp>
#include <kasmina/checkpoint/file/writer.hpp>

namespace {

namespace file = kasmina::checkpoint::file;

double cpu_seconds() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <class Work>
void measure(Work&& work) {
    const double cpu = cpu_seconds();
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
    std::printf("%.6f %.6f\n", wall.count(), cpu_seconds() - cpu);
    std::fflush(stdout);
}

/// Has the file's pages read from the disk the next time.
void forget(const std::filesystem::path& path) {
    const int handle = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    ::fsync(handle);
    ::posix_fadvise(handle, 0, 0, POSIX_FADV_DONTNEED);
    ::close(handle);
}

void write_plainly(const std::filesystem::path& path, const std::vector<std::span<float>>& all) {
    const int handle = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    for (const std::span<float> values : all) {
        std::span<const std::byte> bytes = std::as_bytes(values);
        while (!bytes.empty()) {
            const auto done = ::write(handle, bytes.data(), bytes.size());
            if (done <= 0) std::abort();
            bytes = bytes.subspan(static_cast<std::size_t>(done));
        }
    }
    ::fsync(handle);
    ::close(handle);
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 4) {
        std::fprintf(stderr, "usage: checkpoint_bench FOLDER MEBIBYTES TENSORS\n");
        return 2;
    }
    const std::filesystem::path folder = arguments[1];
    const std::size_t tensors = std::stoul(arguments[3]);
    const std::size_t each = std::stoul(arguments[2]) * (std::size_t{1} << 20) / 4 / tensors;
    const std::filesystem::path path = folder / "kasmina.safetensors";

    // Aligned as tensors are, here and in PyTorch.
    std::vector<std::span<float>> all;
    for (std::size_t i = 0; i < tensors; ++i) {
        void* const memory = ::operator new(each * sizeof(float), std::align_val_t{64});
        all.emplace_back(static_cast<float*>(memory), each);
        std::ranges::fill(all.back(), static_cast<float>(i));
    }
    const auto name = [](std::size_t i) { return "block." + std::to_string(i) + ".weight"; };
    const auto save = [&](file::Durability durability) {
        file::Plan plan;
        for (std::size_t i = 0; i < tensors; ++i) {
            plan.add(name(i), file::ElementType::f32, {each}, std::as_bytes(all[i]));
        }
        file::write(path, plan, durability);
    };
    const auto load = [&] {
        const file::Reader reader = file::Reader::open(path);
        for (std::size_t i = 0; i < tensors; ++i) {
            reader.read(*reader.find(name(i)), std::as_writable_bytes(all[i]));
        }
    };

    for (std::string row; std::getline(std::cin, row);) {
        if (row == "save") {
            measure([&] { save(file::Durability::power_loss); });
        } else if (row == "save without fsync") {
            measure([&] { save(file::Durability::process_death); });
        } else if (row == "plain write") {
            measure([&] { write_plainly(folder / "plain", all); });
        } else if (row == "load") {
            measure(load);
        } else if (row == "load from disk") {
            forget(path);
            measure(load);
        } else {
            std::fprintf(stderr, "no row is named %s\n", row.c_str());
            return 2;
        }
    }
    return 0;
}
