// Weights of other programs: subsets, renaming, number formats, and a report of what was left.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/checkpoint.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/hosts/resnet.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "checkpoint/life.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::weights_test {
namespace {

using checkpoint::file::ElementType;

template <class B>
hosts::Cnn<B> make_host(typename B::Context& context, std::uint64_t seed) {
    hosts::Cnn<B> host(context, {.classes = 3, .base = 4, .height = 8, .width = 8});
    Generator generator(seed);
    host.initialise(context, generator);
    return host;
}

template <class B>
std::map<std::string, std::vector<double>> values_of(typename B::Context& context,
                                                     hosts::Cnn<B>& host) {
    std::map<std::string, std::vector<double>> values;
    const nn::Contents<B> all = nn::contents<B>(host);
    for (const auto& [name, parameter] : all.parameters) {
        const auto read = parameter->value().to_host(context);
        values[name].assign(read.begin(), read.end());
    }
    for (const auto& [name, state] : all.states) {
        state.visit([&, &its = name](const auto& tensor) {
            const auto read = tensor.to_host(context);
            values[its].assign(read.begin(), read.end());
        });
    }
    return values;
}

TEMPLATE_TEST_CASE("a module's values go through a file by PyTorch's names", "[C-1][K]",
                   test::Eigen32, test::Oracle, test::Device32) {
    using B = TestType;
    typename B::Context context;
    const test::TemporaryFolder folder;
    auto host = make_host<B>(context, 1);
    weights::save(folder / "file", context, host);
    const auto reader = checkpoint::file::Reader::open(folder / "file");
    CHECK(reader.find("blocks.0.conv.weight") != nullptr);
    CHECK(reader.find("blocks.0.norm.running_mean") != nullptr);
    auto other = make_host<B>(context, 2);
    const weights::LoadReport report = weights::load(folder / "file", context, other);
    CHECK(values_of<B>(context, other) == values_of<B>(context, host));
    CHECK(report.loaded.size() == reader.tensors().size());
    CHECK(report.missing.empty());
    CHECK(report.unused.empty());
}

TEST_CASE("what lacks stays as it is, what is too much is left, and both are told", "[C-1]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    const std::vector<float> bias{1.0F, 2.0F, 3.0F};
    checkpoint::file::Plan plan;
    plan.metadata["format"] = "pt";
    plan.add("model.fc.bias", ElementType::f32, {3}, std::as_bytes(std::span(bias)));
    plan.add("model.fc.more", ElementType::f32, {3}, std::as_bytes(std::span(bias)));
    checkpoint::file::write(folder / "file", plan);
    auto host = make_host<B>(context, 1);
    const auto before = values_of<B>(context, host);
    const auto report = weights::load(folder / "file", context, host, [](std::string_view name) {
        return name == "classifier.bias" ? "model.fc.bias" : "model." + std::string(name);
    });
    CHECK(report.loaded == std::vector<std::string>{"classifier.bias"});
    CHECK(report.unused == std::vector<std::string>{"model.fc.more"});
    CHECK(report.missing.size() == before.size() - 1);
    CHECK(test::mentions(report.in_words(), "loaded 1; missing: blocks.0.conv.weight"));
    auto after = values_of<B>(context, host);
    CHECK(after["classifier.bias"] == std::vector<double>{1.0, 2.0, 3.0});
    after["classifier.bias"] = before.at("classifier.bias");
    CHECK(after == before);
}

/// A bias of three values in that format.
void write_bias(const std::filesystem::path& path, ElementType type,
                const std::vector<std::uint64_t>& bits, std::vector<std::uint64_t> shape = {3}) {
    std::vector<std::byte> bytes;
    for (const std::uint64_t each : bits) {
        const auto* raw = reinterpret_cast<const std::byte*>(&each);
        bytes.insert(bytes.end(), raw, raw + bytes_of(type));
    }
    checkpoint::file::Plan plan;
    plan.add("classifier.bias", type, std::move(shape), bytes);
    checkpoint::file::write(path, plan);
}

template <class B>
std::vector<double> loaded_bias(const std::filesystem::path& path) {
    typename B::Context context;
    auto host = make_host<B>(context, 1);
    CHECK(weights::load(path, context, host).loaded.size() == 1);
    return values_of<B>(context, host)["classifier.bias"];
}

TEST_CASE("halves, bfloat16, floats and doubles become the backend's numbers", "[C-1]") {
    const test::TemporaryFolder folder;
    const auto path = folder / "file";
    write_bias(path, ElementType::f16, {0x3c00, 0xc100, 0x0001});  // 1, -2.5, 2^-24
    CHECK(loaded_bias<test::Eigen32>(path) == std::vector<double>{1.0, -2.5, 0x1p-24});
    CHECK(loaded_bias<test::Eigen64>(path) == std::vector<double>{1.0, -2.5, 0x1p-24});
    write_bias(path, ElementType::f16, {0x7bff, 0x83ff, 0x7c00});  // 65504, subnormal, infinity
    CHECK(loaded_bias<test::Eigen32>(path) ==
          std::vector<double>{65504.0, -1023.0 * 0x1p-24, std::numeric_limits<double>::infinity()});
    write_bias(path, ElementType::bf16, {0x3f80, 0xc020, 0x7f7f});
    CHECK(loaded_bias<test::Eigen32>(path)[1] == -2.5);
    write_bias(path, ElementType::f32, {std::bit_cast<std::uint32_t>(0.1F), 0, 0x80000000});
    CHECK(loaded_bias<test::Eigen64>(path)[0] == static_cast<double>(0.1F));
    write_bias(path, ElementType::f64, {std::bit_cast<std::uint64_t>(0.1), 0, 0});
    CHECK(loaded_bias<test::Eigen64>(path)[0] == 0.1);
    CHECK(loaded_bias<test::Eigen32>(path)[0] == static_cast<double>(0.1F));
}

TEST_CASE("every half is the float that it stands for", "[C-1]") {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const auto half = static_cast<std::uint16_t>(bits);
        const int exponent = static_cast<int>((bits >> 10U) & 0x1fU);
        const double fraction = static_cast<double>(bits & 0x3ffU);
        double expected = exponent == 0 ? std::ldexp(fraction, -24)
                                        : std::ldexp(1024.0 + fraction, exponent - 25);
        if (exponent == 31) {
            expected = fraction == 0.0 ? std::numeric_limits<double>::infinity() : std::nan("");
        }
        if ((bits & 0x8000U) != 0) expected = -expected;
        const double value = checkpoint::from_half(half);
        const bool same = std::isnan(expected) ? std::isnan(value) : value == expected;
        if (!same || std::signbit(value) != std::signbit(expected)) {
            FAIL("the half " << bits << " is " << value << ", and not " << expected);
        }
    }
}

TEST_CASE("weights that do not fit are refused by name, and nothing is changed", "[C-2][C-3]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    auto host = make_host<B>(context, 1);
    const auto before = values_of<B>(context, host);
    const auto refused = [&](const std::string& mentioned) {
        const std::string text = test::error_text<CheckpointError>(
            [&] { weights::load(folder / "file", context, host); });
        INFO(text);
        CHECK(test::mentions(text, "tensor \"classifier.bias\""));
        CHECK(test::mentions(text, mentioned));
        CHECK(values_of<B>(context, host) == before);
    };
    write_bias(folder / "file", ElementType::f32, {0, 0, 0, 0}, {4});
    refused("expected (3), for classifier.bias; got (4)");
    write_bias(folder / "file", ElementType::i32, {0, 0, 0});
    refused("expected F16, BF16, F32 or F64; got I32");
    write_bias(folder / "file", ElementType::f64, {std::bit_cast<std::uint64_t>(1e300), 0, 0});
    refused("a value that does not fit");
}

TEST_CASE("a rule that makes one name of two is refused, and nothing is changed", "[C-2][E-5]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    auto host = make_host<B>(context, 1);
    weights::save(folder / "file", context, host);
    auto other = make_host<B>(context, 2);
    const auto before = values_of<B>(context, other);
    const std::string text = test::error_text<DuplicateNameError>([&] {
        weights::load(folder / "file", context, other, [](std::string_view name) {
            return std::string(name == "blocks.0.norm.weight" ? "blocks.0.norm.bias" : name);
        });
    });
    INFO(text);
    CHECK(test::mentions(text, "blocks.0.norm.weight and blocks.0.norm.bias"));
    CHECK(values_of<B>(context, other) == before);
}

/// The tensors of a file of torchvision's ResNet, here of two stages of two blocks: (out, in,
/// height, width), and for each norm a count of batches.
std::map<std::string, std::vector<std::uint64_t>> shapes_of_torchvision(
    std::uint64_t first_kernel) {
    std::map<std::string, std::vector<std::uint64_t>> shapes{
        {"conv1.weight", {4, 3, first_kernel, first_kernel}},
        {"layer1.0.conv1.weight", {4, 4, 3, 3}},
        {"layer1.0.conv2.weight", {4, 4, 3, 3}},
        {"layer1.1.conv1.weight", {4, 4, 3, 3}},
        {"layer1.1.conv2.weight", {4, 4, 3, 3}},
        {"layer2.0.conv1.weight", {8, 4, 3, 3}},
        {"layer2.0.conv2.weight", {8, 8, 3, 3}},
        {"layer2.0.downsample.0.weight", {8, 4, 1, 1}},
        {"layer2.1.conv1.weight", {8, 8, 3, 3}},
        {"layer2.1.conv2.weight", {8, 8, 3, 3}},
        {"fc.weight", {3, 8}},
        {"fc.bias", {3}}};
    for (const auto& [norm, channels] :
         std::map<std::string, std::uint64_t>{{"bn1", 4},
                                              {"layer1.0.bn1", 4},
                                              {"layer1.0.bn2", 4},
                                              {"layer1.1.bn1", 4},
                                              {"layer1.1.bn2", 4},
                                              {"layer2.0.bn1", 8},
                                              {"layer2.0.bn2", 8},
                                              {"layer2.0.downsample.1", 8},
                                              {"layer2.1.bn1", 8},
                                              {"layer2.1.bn2", 8}}) {
        for (const char* value : {"weight", "bias", "running_mean", "running_var"}) {
            shapes[norm + "." + value] = {channels};
        }
        shapes[norm + ".num_batches_tracked"] = {};
    }
    return shapes;
}

TEST_CASE("a file of torchvision's ResNet loads by a rule, and what differs is told by name",
          "[C-1][N-5]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    std::map<std::string, std::vector<float>> values;
    const auto write = [&](std::uint64_t first_kernel) {
        static constexpr std::int64_t batches = 7;
        checkpoint::file::Plan plan;
        std::vector<std::string> counts;
        for (const auto& [name, shape] : shapes_of_torchvision(first_kernel)) {
            const std::string there = "module." + name;  // as a DataParallel has them
            if (shape.empty()) {
                plan.add(there, ElementType::i64, shape, std::as_bytes(std::span(&batches, 1)));
                counts.push_back(there);
                continue;
            }
            Index elements = 1;
            for (const std::uint64_t extent : shape) elements *= static_cast<Index>(extent);
            values[name] = testing::normal_values<float>(elements, values.size() + 1);
            plan.add(there, ElementType::f32, shape, std::as_bytes(std::span(values[name])));
        }
        checkpoint::file::write(folder / "resnet", plan);
        return counts;
    };
    const auto rule = [](std::string_view name) { return "module." + std::string(name); };
    const auto make = [&] {
        return hosts::ResNet<B>(context, {.classes = 3, .base = 4, .stages = 2, .blocks = 2});
    };
    const auto check_loaded = [&](hosts::ResNet<B>& host) {
        const nn::Contents<B> contents = nn::contents<B>(host);
        for (const auto& [name, parameter] : contents.parameters) {
            INFO(name);
            const auto read = parameter->value().to_host(context);
            const bool left_out = name == "conv1.weight" && values.at(name).size() != read.size();
            CHECK(read == (left_out ? std::vector<float>(read.size()) : values.at(name)));
        }
        for (const auto& named : contents.states) {
            INFO(named.name);
            named.state.visit([&]<class T>(const Tensor<B, T>& value) {
                const auto read = value.to_host(context);
                const auto& theirs = values.at(named.name);
                CHECK(std::ranges::equal(read, theirs));
            });
        }
    };

    const auto counts = write(3);
    hosts::ResNet<B> host = make();
    const auto report = weights::load(folder / "resnet", context, host, rule);
    CHECK(report.missing.empty());
    CHECK(report.unused == counts);
    check_loaded(host);

    // The one for large images begins with a kernel of 7x7.
    static_cast<void>(write(7));
    hosts::ResNet<B> other = make();
    const std::string text = test::error_text<CheckpointError>(
        [&] { weights::load(folder / "resnet", context, other, rule); });
    INFO(text);
    CHECK(test::mentions(text, "tensor \"module.conv1.weight\""));
    CHECK(test::mentions(text, "expected (4, 3, 3, 3), for conv1.weight; got (4, 3, 7, 7)"));
    const auto rest = weights::load(folder / "resnet", context, other, [](std::string_view name) {
        return name == "conv1.weight" ? "none" : "module." + std::string(name);
    });
    CHECK(rest.missing == std::vector<std::string>{"conv1.weight"});
    CHECK(rest.unused.size() == counts.size() + 1);
    check_loaded(other);
}

TEST_CASE("a grown model's values are saved with those of its seeds", "[C-1]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    test::Life<B, optim::SgdRule> life(context);
    life.grow(10);
    weights::save(folder / "file", life.model);
    const auto reader = checkpoint::file::Reader::open(folder / "file");
    CHECK(reader.find("slots/late/seed/conv.weight") != nullptr);
    CHECK(reader.find("slots/early/gate/score.weight") != nullptr);
    CHECK(reader.find("host/head.bias") != nullptr);
    const auto before = test::values_of(life.model);
    life.epoch();
    CHECK(test::values_of(life.model) != before);
    const auto report = weights::load(folder / "file", life.model);
    CHECK(report.missing.empty());
    CHECK(test::values_of(life.model) == before);
}

}  // namespace
}  // namespace kasmina::weights_test
