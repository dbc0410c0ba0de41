// A user of the file layer alone: writes a safetensors file and reads it back.
#include <array>
#include <filesystem>
#include <span>

#include <kasmina/checkpoint/file/reader.hpp>
#include <kasmina/checkpoint/file/writer.hpp>

int main() {
    namespace file = kasmina::checkpoint::file;
    const std::array<float, 3> weights{1, 2, 3};
    file::Plan plan;
    plan.metadata["made_by"] = "a consumer";
    plan.add("weights", file::ElementType::f32, {3}, std::as_bytes(std::span(weights)));
    const std::filesystem::path path = "consumer.safetensors";
    file::write(path, plan);

    const file::Reader reader = file::Reader::open(path);
    std::array<float, 3> loaded{};
    reader.read(*reader.find("weights"), std::as_writable_bytes(std::span(loaded)));
    std::filesystem::remove(path);
    return loaded == weights ? 0 : 1;
}
