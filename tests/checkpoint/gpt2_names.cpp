// GPT-2's files, by names and layout: a transformer host takes their weights (N-9).
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/checkpoint/checkpoint.hpp>
#include <kasmina/checkpoint/gpt2_names.hpp>
#include <kasmina/hosts/transformer.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::gpt2_names_test {
namespace {

using B = test::Eigen32;
using checkpoint::file::ElementType;

constexpr hosts::TransformerOptions sizes{.vocabulary = 5,
                                          .width = 4,
                                          .heads = 2,
                                          .layers = 2,
                                          .segments = 1,
                                          .block = 3,
                                          .gelu = hosts::Gelu::tanh};

/// The tensors of a file, as its makers have them: (in, out).
std::map<std::string, std::vector<std::uint64_t>> tensors_of_file() {
    std::map<std::string, std::vector<std::uint64_t>> shapes{
        {"wte.weight", {5, 4}}, {"wpe.weight", {3, 4}}, {"ln_f.weight", {4}}, {"ln_f.bias", {4}}};
    for (const std::string block : {"h.0.", "h.1."}) {
        shapes[block + "attn.bias"] = {1, 1, 3, 3};  // a mask, which nobody wants
        shapes[block + "ln_1.weight"] = shapes[block + "ln_1.bias"] = {4};
        shapes[block + "ln_2.weight"] = shapes[block + "ln_2.bias"] = {4};
        shapes[block + "attn.c_attn.weight"] = {4, 12};
        shapes[block + "attn.c_attn.bias"] = {12};
        shapes[block + "attn.c_proj.weight"] = {4, 4};
        shapes[block + "attn.c_proj.bias"] = {4};
        shapes[block + "mlp.c_fc.weight"] = {4, 16};
        shapes[block + "mlp.c_fc.bias"] = {16};
        shapes[block + "mlp.c_proj.weight"] = {16, 4};
        shapes[block + "mlp.c_proj.bias"] = {4};
    }
    return shapes;
}

/// Where a host's value is in such a file, and whether it is a matrix that lies as (in, out).
/// Written down once more, by hand.
struct Place {
    std::string name;
    bool transposed = false;
};
std::map<std::string, Place> places_of_host() {
    std::map<std::string, Place> places{{"tokens.weight", {"wte.weight"}},
                                        {"positions.weight", {"wpe.weight"}},
                                        {"norm.weight", {"ln_f.weight"}},
                                        {"norm.bias", {"ln_f.bias"}}};
    for (const std::string block : {"0.", "1."}) {
        const std::string ours = "blocks." + block;
        const std::string theirs = "h." + block;
        places[ours + "norm1.weight"] = {theirs + "ln_1.weight"};
        places[ours + "norm1.bias"] = {theirs + "ln_1.bias"};
        places[ours + "attention.qkv.weight"] = {theirs + "attn.c_attn.weight", true};
        places[ours + "attention.qkv.bias"] = {theirs + "attn.c_attn.bias"};
        places[ours + "attention.proj.weight"] = {theirs + "attn.c_proj.weight", true};
        places[ours + "attention.proj.bias"] = {theirs + "attn.c_proj.bias"};
        places[ours + "norm2.weight"] = {theirs + "ln_2.weight"};
        places[ours + "norm2.bias"] = {theirs + "ln_2.bias"};
        places[ours + "mlp.fc1.weight"] = {theirs + "mlp.c_fc.weight", true};
        places[ours + "mlp.fc1.bias"] = {theirs + "mlp.c_fc.bias"};
        places[ours + "mlp.fc2.weight"] = {theirs + "mlp.c_proj.weight", true};
        places[ours + "mlp.fc2.bias"] = {theirs + "mlp.c_proj.bias"};
    }
    return places;
}

struct File {
    std::map<std::string, std::vector<float>> values{};

    File(const std::filesystem::path& path, const std::string& prefix) {
        checkpoint::file::Plan plan;
        std::uint64_t seed = 0;
        for (const auto& [name, shape] : tensors_of_file()) {
            Index elements = 1;
            for (const std::uint64_t extent : shape) elements *= static_cast<Index>(extent);
            values[name] = testing::normal_values<float>(elements, ++seed);
            plan.add(prefix + name, ElementType::f32, shape,
                     std::as_bytes(std::span<const float>(values[name])));
        }
        checkpoint::file::write(path, plan);
    }
};

TEST_CASE("GPT-2's names and layout load into a transformer host", "[N-9][H-2]") {
    const test::TemporaryFolder folder;
    for (const std::string prefix : {"", "transformer."}) {
        const File file(folder / "gpt2", prefix);
        B::Context context;
        hosts::Transformer<B> host(context, sizes);
        const auto report =
            weights::load(folder / "gpt2", context, host, weights::Gpt2Names{prefix});
        CHECK(report.missing.empty());
        CHECK(report.unused ==
              std::vector<std::string>{prefix + "h.0.attn.bias", prefix + "h.1.attn.bias"});
        CHECK(report.loaded.size() == tensors_of_file().size() - 2);
        const auto places = places_of_host();
        CHECK(places.size() == nn::contents<B>(host).parameters.size());
        for (const auto& [name, parameter] : nn::contents<B>(host).parameters) {
            INFO(name);
            const Place& place = places.at(name);
            const auto read = parameter->value().to_host(context);
            const auto& theirs = file.values.at(place.name);
            REQUIRE(read.size() == theirs.size());
            const auto outputs = static_cast<std::size_t>(parameter->shape()[0]);
            const std::size_t inputs = read.size() / outputs;
            for (std::size_t i = 0; i < read.size(); ++i) {
                const std::size_t there = place.transposed ? i % inputs * outputs + i / inputs : i;
                CHECK(read[i] == theirs[there]);
            }
        }
    }
}

TEST_CASE("a file of another size, and a rule that transposes what is no matrix, are refused",
          "[N-9][C-1]") {
    const test::TemporaryFolder folder;
    const File file(folder / "gpt2", "");
    B::Context context;
    hosts::TransformerOptions wider = sizes;
    wider.width = 6;
    hosts::Transformer<B> host(context, wider);
    CHECK_THROWS_AS(weights::load(folder / "gpt2", context, host, weights::Gpt2Names{}),
                    CheckpointError);
    hosts::Transformer<B> same(context, sizes);
    try {
        weights::load(folder / "gpt2", context, same, [](std::string_view name) {
            weights::InFile place = weights::Gpt2Names{}(name);
            place.transposed = place.transposed || name == "norm.bias";
            return place;
        });
        FAIL("a bias cannot be transposed");
    } catch (const CheckpointError& error) {
        CHECK(test::mentions(error.what(), "only matrices are transposed"));
        CHECK(test::mentions(error.what(), "norm.bias"));
    }
    for (const auto& [name, parameter] : nn::contents<B>(same).parameters) {
        const bool norm = name.find("norm") != std::string::npos && name.ends_with("weight");
        for (const float value : parameter->value().to_host(context)) {
            CHECK(value == (norm ? 1.0F : 0.0F));
        }
    }
}

}  // namespace
}  // namespace kasmina::gpt2_names_test
