// Gradients of whole networks in single precision: as near to double as PyTorch's, or nearer.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/hosts/cnn.hpp>

#include "support/catch.hpp"
#include "support/golden.hpp"

namespace kasmina::precision_test {
namespace {

/// The formula of tests/golden/recorder/precision.py.
std::uint32_t mixed(std::uint32_t salt, std::size_t i) {
    std::uint32_t h = salt * 0x9e3779b9U + static_cast<std::uint32_t>(i);
    h = (h ^ (h >> 16U)) * 0x85ebca6bU;
    h = (h ^ (h >> 13U)) * 0xc2b2ae35U;
    return h ^ (h >> 16U);
}

template <class Scalar>
std::vector<Scalar> units(std::uint32_t salt, Index count) {
    std::vector<Scalar> values(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<Scalar>(mixed(salt, i) >> 8U) / Scalar{16777216};
    }
    return values;
}

template <class B>
void fill(typename B::Context& context, hosts::Cnn<B>& host, std::uint32_t salt) {
    using Scalar = typename B::Scalar;
    Index fan = 1;
    for (auto& [name, parameter] : nn::parameters<B>(host)) {
        ++salt;
        if (name.find("norm") != std::string::npos) continue;  // the identity, as they begin
        if (parameter->shape().rank() > 1) fan = nn::fan_in(parameter->shape());
        const double power = std::floor(-0.5 * std::log2(static_cast<double>(fan))) + 1.0;
        std::vector<Scalar> values = units<Scalar>(salt, parameter->size());
        for (Scalar& value : values) {
            value = (value - Scalar(0.5)) * static_cast<Scalar>(std::exp2(power));
        }
        parameter->value().assign(context, values);
    }
}

using Gradients = std::map<std::string, std::vector<double>>;

template <class B>
Gradients gradients(const test::GoldenCase& golden, std::uint32_t draw) {
    using Scalar = typename B::Scalar;
    const std::uint32_t salt = 1000 * draw;
    const Index size = golden.count("size");
    const Index batch = golden.count("batch");
    const hosts::CnnOptions options{.classes = golden.count("classes"),
                                    .in_channels = golden.count("in_channels"),
                                    .base = golden.count("base"),
                                    .blocks = golden.count("blocks"),
                                    .height = size,
                                    .width = size};
    typename B::Context context;
    hosts::Cnn<B> host(context, options);
    fill(context, host, salt + 1);
    const Shape shape{batch, size, size, options.in_channels};
    const auto images =
        Tensor<B>::from_host(context, shape, units<Scalar>(salt + 1, shape.elements()));
    std::vector<std::int32_t> labels(static_cast<std::size_t>(batch));
    for (std::size_t i = 0; i < labels.size(); ++i) {
        labels[i] = static_cast<std::int32_t>(mixed(salt, i) % 10);
    }
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    tape.backward(ops::cross_entropy(hosts::forward(host, pass, images),
                                     std::span<const std::int32_t>(labels)));
    Gradients found;
    for (const auto& [name, parameter] : nn::parameters<B>(host)) {
        const auto values = parameter->gradient().to_host(context);
        found[name].assign(values.begin(), values.end());
    }
    return found;
}

double relative_distance(const std::vector<double>& single, const std::vector<double>& exact) {
    double distance = 0.0;
    double length = 0.0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
        distance += (single[i] - exact[i]) * (single[i] - exact[i]);
        length += exact[i] * exact[i];
    }
    return std::sqrt(distance / length);
}

TEST_CASE("gradients of whole networks are as exact as PyTorch's", "[eigen][B-7]") {
    // Where nothing but the rounding of the terms is left, whose luck is better changes.
    constexpr double luck = 1.5;
    for (const std::string& name : test::golden_cases("precision/")) {
        const test::GoldenCase golden = test::read_golden(name);
        std::map<std::string, std::vector<double>> errors;
        for (std::uint32_t draw = 0; draw < static_cast<std::uint32_t>(golden.count("draws"));
             ++draw) {
            const Gradients exact = gradients<backends::Eigen<double>>(golden, draw);
            for (const auto& [parameter, single] :
                 gradients<backends::Eigen<float>>(golden, draw)) {
                errors[parameter].push_back(relative_distance(single, exact.at(parameter)));
            }
        }
        for (auto& [parameter, all] : errors) {
            const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
            std::nth_element(all.begin(), middle, all.end());
            const double bound = golden.at("error." + parameter).values[0];
            CAPTURE(name, parameter, *middle, bound);
            CHECK(*middle <= luck * bound);
        }
    }
}

}  // namespace
}  // namespace kasmina::precision_test
