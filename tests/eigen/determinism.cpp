// The same bits from 1, 2 and 4 threads, for every kernel that cuts its work into chunks.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/random/generator.hpp>

#include "support/catch.hpp"

namespace kasmina::determinism_test {
namespace {

using B = backends::Eigen<float>;
using Target = GradientTarget<float>;
using Values = std::vector<float>;

Values normal(Index count, std::uint64_t seed) {
    Generator generator(seed);
    Values values(static_cast<std::size_t>(count));
    for (float& value : values) value = static_cast<float>(generator.normal());
    return values;
}

Values room(Index count) {
    return Values(static_cast<std::size_t>(count));
}

Target into(Values& values) {
    return {values.data(), false};
}

struct Scaled {
    template <class V>
    V operator()(const V& x, const V& by_channel, const V& by_sample, const V& by_both,
                 const V& one) const {
        return x * by_channel + math::tanh(by_sample) * by_both * one;
    }
};

constexpr Index samples = 5;
constexpr Index side = 33;
constexpr Index channels = 13;
constexpr Index elements = samples * side * side * channels;

std::vector<Values> maps(B::Context& context) {
    const Values x = normal(elements, 1);
    const Values per_channel = normal(channels, 2);
    const Values per_sample = normal(samples, 3);
    const Values per_both = normal(samples * channels, 4);
    const Values one = normal(1, 5);
    const Values upstream = normal(elements, 6);
    std::vector<Values> results{room(elements), room(elements),           room(channels),
                                room(samples),  room(samples * channels), room(1)};
    const auto run = [&](Broadcast sample, Broadcast both) {
        const std::array<Operand<float>, 5> operands{{{x.data(), Broadcast::full},
                                                      {per_channel.data(), Broadcast::channel},
                                                      {per_sample.data(), sample},
                                                      {per_both.data(), both},
                                                      {one.data(), Broadcast::scalar}}};
        const std::array<Target, 5> targets{into(results[1]), into(results[2]), into(results[3]),
                                            into(results[4]), into(results[5])};
        const MapGeometry geometry{samples, side * side, channels};
        B::map(context, Scaled{},
               Map<float, 5>{.geometry = geometry, .operands = operands, .out = results[0].data()});
        B::map_pullback(context, Scaled{},
                        MapPullback<float, 5>{.geometry = geometry,
                                              .operands = operands,
                                              .upstream = upstream.data(),
                                              .targets = targets});
    };
    run(Broadcast::scalar, Broadcast::channel);  // cut without regard to samples
    const std::vector<Values> first = results;
    run(Broadcast::sample, Broadcast::sample_channel);
    results.insert(results.end(), first.begin(), first.end());
    return results;
}

std::vector<Values> norms(B::Context& context) {
    const Values x = normal(elements, 1);
    const Values scale = normal(channels, 2);
    const Values shift = normal(channels, 3);
    const Values upstream = normal(elements, 4);
    std::vector<Values> results;
    const auto add = [&](Index count) -> Values& { return results.emplace_back(room(count)); };
    results.reserve(32);
    for (const bool pool : {false, true}) {
        const MapShape shape{samples, side, side, channels};
        Values& mean = add(channels);
        Values& inverse = add(channels);
        B::batch_norm_statistics(context, {.shape = shape,
                                           .x = x.data(),
                                           .mean = mean.data(),
                                           .inverse_deviation = inverse.data(),
                                           .running_mean = add(channels).data(),
                                           .running_variance = add(channels).data()});
        B::batch_norm(context, {.shape = shape,
                                .epilogue = {true, pool},
                                .x = x.data(),
                                .mean = mean.data(),
                                .inverse_deviation = inverse.data(),
                                .scale = scale.data(),
                                .shift = shift.data(),
                                .y = add(elements).data()});
        B::batch_norm_pullback(context, {.shape = shape,
                                         .epilogue = {true, pool},
                                         .batch_statistics = true,
                                         .x = x.data(),
                                         .mean = mean.data(),
                                         .inverse_deviation = inverse.data(),
                                         .scale = scale.data(),
                                         .shift = shift.data(),
                                         .grad_y = upstream.data(),
                                         .grad_x = into(add(elements)),
                                         .grad_scale = into(add(channels)),
                                         .grad_shift = into(add(channels))});
    }
    // Many small samples make one chunk; the last has fewer.
    for (const Index positions : {side * side, Index{7}}) {
        const NormGeometry geometry{elements / channels / positions, positions, channels, 1};
        Values& mean = add(geometry.samples);
        Values& inverse = add(geometry.samples);
        B::group_norm(context, {.geometry = geometry,
                                .relu = true,
                                .x = x.data(),
                                .scale = scale.data(),
                                .shift = shift.data(),
                                .residual = upstream.data(),
                                .y = add(elements).data(),
                                .mean = mean.data(),
                                .inverse_deviation = inverse.data()});
        B::group_norm_pullback(context, {.geometry = geometry,
                                         .relu = true,
                                         .x = x.data(),
                                         .scale = scale.data(),
                                         .shift = shift.data(),
                                         .mean = mean.data(),
                                         .inverse_deviation = inverse.data(),
                                         .grad_y = upstream.data(),
                                         .grad_x = into(add(elements)),
                                         .grad_scale = into(add(channels)),
                                         .grad_shift = into(add(channels))});
    }
    return results;
}

std::vector<Values> sums(B::Context& context) {
    Values x = normal(elements, 1);
    const Values gradient = normal(elements, 2);
    Values first = normal(elements, 3);
    Values second(static_cast<std::size_t>(elements), 0.3F);
    const std::array<OptimiserSlice<float>, 2> states{
        {{x.data(), gradient.data(), first.data(), second.data(), elements - 100},
         {x.data() + elements - 100, gradient.data(), first.data() + elements - 100,
          second.data() + elements - 100, 100}}};
    B::adamw_step(context, {.learning_rate = 0.01, .weight_decay = 0.1, .parameters = states});
    B::sgd_step(context,
                {.learning_rate = 0.01, .momentum = 0.9, .nesterov = true, .parameters = states});
    const std::array<TensorSlice<float>, 2> slices{{{x.data(), 70}, {x.data(), elements}}};
    std::array<double, 3> norms{};
    B::squared_norms(context, {.tensors = slices, .norms = norms.data()});
    Values clipped = gradient;
    const std::array<GradientSlice<float>, 2> gradients{
        {{clipped.data(), 70}, {clipped.data() + 70, elements - 70}}};
    B::clip_by_norm(context, {.gradients = gradients, .max_norm = 1.0, .norm = &norms[2]});
    std::vector<Values> results{x, first, second, clipped};
    for (const double norm : norms) results.push_back({static_cast<float>(norm)});

    const Index rows = elements / channels;
    std::vector<std::int32_t> targets(static_cast<std::size_t>(rows));
    for (std::size_t i = 0; i < targets.size(); ++i) {
        targets[i] = i % 7 == 0 ? -100 : static_cast<std::int32_t>(i % channels);
    }
    Values loss = room(1);
    Values probabilities = room(elements);
    Values grad_logits = room(elements);
    const Index counted = rows - std::count(targets.begin(), targets.end(), -100);
    B::cross_entropy(context, {.rows = rows,
                               .classes = channels,
                               .counted = counted,
                               .label_smoothing = 0.1,
                               .logits = gradient.data(),
                               .targets = targets.data(),
                               .probabilities = probabilities.data(),
                               .loss = loss.data()});
    B::cross_entropy_pullback(context, {.rows = rows,
                                        .classes = channels,
                                        .counted = counted,
                                        .label_smoothing = 0.1,
                                        .probabilities = probabilities.data(),
                                        .targets = targets.data(),
                                        .grad_loss = loss.data(),
                                        .grad_logits = into(grad_logits)});
    Values means = room(samples * channels);
    B::mean_positions(
        context,
        {.geometry = {samples, side * side, channels}, .x = gradient.data(), .y = means.data()});
    for (Values& values :
         {std::ref(loss), std::ref(probabilities), std::ref(grad_logits), std::ref(means)}) {
        results.push_back(values);
    }
    return results;
}

std::vector<Values> draws(B::Context& context) {
    const Values x = normal(elements, 1);
    std::vector<Values> results{room(elements), room(elements), room(elements),
                                room(1000 * channels), room(samples * channels)};
    const RandomRange range{3, 1, 9, 3};
    B::fill_uniform(context, range, -1.0, 1.0, results[0].data(), elements);
    B::dropout(
        context,
        {.range = range, .rate = 0.3, .count = elements, .x = x.data(), .y = results[1].data()});
    B::dropout_pullback(context, {.range = range,
                                  .rate = 0.3,
                                  .count = elements,
                                  .grad_y = x.data(),
                                  .grad_x = into(results[2])});
    std::vector<std::int32_t> ids(1000);
    for (std::size_t i = 0; i < ids.size(); ++i) {
        ids[i] = static_cast<std::int32_t>(i * i % samples);
    }
    const Index width = channels;
    B::embedding(context, {.rows = samples,
                           .width = width,
                           .count = 1000,
                           .table = x.data(),
                           .ids = ids.data(),
                           .y = results[3].data()});
    B::embedding_pullback(context, {.rows = samples,
                                    .width = width,
                                    .count = 1000,
                                    .ids = ids.data(),
                                    .grad_y = x.data(),
                                    .grad_table = into(results[4])});
    return results;
}

template <class F>
void check_same_bits(F&& kernels) {
    B::Context one(1);
    const std::vector<Values> expected = kernels(one);
    for (const int threads : {2, 4}) {
        CAPTURE(threads);
        B::Context several(threads);
        const std::vector<Values> results = kernels(several);
        REQUIRE(results.size() == expected.size());
        for (std::size_t i = 0; i < results.size(); ++i) {
            CAPTURE(i);
            CHECK((results[i] == expected[i]));
        }
    }
}

TEST_CASE("pointwise maps are the same for any number of threads", "[eigen][E-1]") {
    check_same_bits(maps);
}

TEST_CASE("norms and their pullbacks are the same for any number of threads", "[eigen][E-1]") {
    check_same_bits(norms);
}

TEST_CASE("losses, norms and steps are the same for any number of threads", "[eigen][E-1]") {
    check_same_bits(sums);
}

TEST_CASE("random draws and embeddings are the same for any number of threads", "[eigen][E-1]") {
    check_same_bits(draws);
}

TEST_CASE("in steady state kernels take nothing from the system", "[eigen]") {
    for (const int threads : {1, 2}) {
        B::Context context(threads);
        const auto all = [&] {
            maps(context);
            norms(context);
            sums(context);
            draws(context);
        };
        all();
        const std::size_t before = context.pool().statistics().allocations;
        all();
        CHECK(context.pool().statistics().allocations == before);
    }
}

}  // namespace
}  // namespace kasmina::determinism_test
