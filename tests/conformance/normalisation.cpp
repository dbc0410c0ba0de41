// Conformance of group norm and batch norm with all that they are fused with.
#include "conformance/support.hpp"

namespace kasmina::conformance::normalisation_test {
namespace {

using conformance::describe;

constexpr double epsilon = 1e-5;

/// Far enough from 0 that ReLU cuts some channels and not others.
struct Parameters {
    Values scale;
    Values shift;

    explicit Parameters(Index channels)
        : scale(normal(channels, 21)), shift(normal(channels, 22)) {}
};

// The last ones are what a block of the CUDA backend holds: groups of a sample side by side, up to
// eight and up to sixteen positions in a thread's registers; and what it does not hold.
constexpr std::array<NormGeometry, 21> geometries{
    {{1, 1, 1, 1},     {70, 1, 37, 1},  // layer norms
     {300, 1, 130, 1}, {0, 1, 5, 1},    {3, 1, 13, 1},   {1, 6, 3, 1},    {3, 20, 13, 1},
     {3, 20, 48, 2},   {1, 20, 70, 10}, {3, 6, 70, 70},  {3, 256, 1, 1},  {1, 256, 3, 3},
     {3, 256, 48, 3},  {3, 5, 8, 4},    {264, 2, 16, 2}, {1, 1500, 8, 2}, {1, 2100, 4, 1},
     {1, 4200, 4, 1},  {2, 9, 130, 1},  {2, 5, 136, 2},  {1, 2, 301, 43}}};

std::string describe(const NormGeometry& geometry) {
    return std::to_string(geometry.samples) + "x" + std::to_string(geometry.positions) + "x" +
           std::to_string(geometry.channels) + " in " + std::to_string(geometry.groups) + " groups";
}

Index size_of(const NormGeometry& geometry) {
    return geometry.samples * geometry.positions * geometry.channels;
}

constexpr std::array<NormEpilogue, 4> epilogues{
    {{false, false}, {true, false}, {false, true}, {true, true}}};

Index pooled_size(const MapShape& shape, const NormEpilogue& epilogue) {
    if (!epilogue.max_pool) return conformance::size_of(shape);
    return shape.batch * (shape.height / 2) * (shape.width / 2) * shape.channels;
}

}  // namespace

TEST_CASE("group norm agrees with the oracle", "[B-7][E-1]") {
    for (const NormGeometry& geometry : geometries) {
        const Index size = size_of(geometry);
        const Index statistics = geometry.samples * geometry.groups;
        const Values x = normal(size, 1);
        const Values grad_y = normal(size, 2);
        const Values residual = normal(size, 3);
        const Parameters parameters(geometry.channels);
        for (const bool relu : {false, true}) {
            INFO(describe(geometry) << (relu ? " with ReLU" : ""));
            check_against_oracle([&]<class B>(Run<B>& run) {
                const auto* in = run.in(x);
                const auto* scale = run.in(parameters.scale);
                const auto* shift = run.in(parameters.shift);
                auto* mean = run.out(statistics);
                auto* deviation = run.out(statistics);
                for (const bool adds : {true, false}) {
                    const auto* added = adds ? run.in(residual) : nullptr;
                    B::group_norm(run.context, {.geometry = geometry,
                                                .epsilon = epsilon,
                                                .relu = relu,
                                                .x = in,
                                                .scale = scale,
                                                .shift = shift,
                                                .residual = added,
                                                .y = run.out(size),
                                                .mean = mean,
                                                .inverse_deviation = deviation});
                }
                const auto pullback = [&](auto grad_x, auto grad_scale, auto grad_shift) {
                    B::group_norm_pullback(run.context, {.geometry = geometry,
                                                         .relu = relu,
                                                         .x = in,
                                                         .scale = scale,
                                                         .shift = shift,
                                                         .mean = mean,
                                                         .inverse_deviation = deviation,
                                                         .grad_y = run.in(grad_y),
                                                         .grad_x = grad_x,
                                                         .grad_scale = grad_scale,
                                                         .grad_shift = grad_shift});
                };
                for (const bool accumulate : {false, true}) {
                    pullback(run.target(size, accumulate),
                             run.target(geometry.channels, accumulate),
                             run.target(geometry.channels, accumulate));
                }
                pullback(run.target(size, false), run.unwanted(), run.unwanted());
                pullback(run.unwanted(), run.target(geometry.channels, false),
                         run.target(geometry.channels, true));
                pullback(run.unwanted(), run.unwanted(), run.unwanted());
            });
        }
    }
}

TEST_CASE("batch norm's statistics agree with the oracle", "[B-7][E-1]") {
    for (const MapShape& shape : map_shapes) {
        INFO(describe(shape));
        const Values x = normal(conformance::size_of(shape), 1);
        check_against_oracle([&]<class B>(Run<B>& run) {
            const Index channels = shape.channels;
            B::batch_norm_statistics(
                run.context,
                {.shape = shape,
                 .epsilon = epsilon,
                 .momentum = 0.1,
                 .x = run.in(x),
                 .mean = run.out(channels),
                 .inverse_deviation = run.out(channels),
                 .running_mean = run.inout(Values(x.begin(), x.begin() + channels)),
                 .running_variance = run.inout(Values(static_cast<std::size_t>(channels), 1.0))});
            B::batch_norm_statistics(run.context, {.shape = shape,
                                                   .epsilon = epsilon,
                                                   .x = run.in(x),
                                                   .mean = run.out(channels),
                                                   .inverse_deviation = run.out(channels)});
            const Values variance(static_cast<std::size_t>(channels), 0.25);
            B::inverse_deviation(run.context, {.channels = channels,
                                               .epsilon = epsilon,
                                               .variance = run.in(variance),
                                               .inverse_deviation = run.out(channels)});
        });
    }
}

TEST_CASE("batch norm, ReLU and pooling agree with the oracle", "[B-7][E-1]") {
    for (const MapShape& shape : map_shapes) {
        const Index channels = shape.channels;
        const Index size = conformance::size_of(shape);
        const Values x = normal(size, 1);
        const Parameters parameters(channels);
        for (const NormEpilogue& epilogue : epilogues) {
            const Index pooled = pooled_size(shape, epilogue);
            const Values grad_y = normal(pooled, 2);
            for (const bool batch : {false, true}) {
                INFO(describe(shape)
                     << (epilogue.relu ? ", ReLU" : "") << (epilogue.max_pool ? ", pooled" : "")
                     << (batch ? ", own statistics" : ", running statistics"));
                check_against_oracle([&]<class B>(Run<B>& run) {
                    const auto* in = run.in(x);
                    const auto* scale = run.in(parameters.scale);
                    const auto* shift = run.in(parameters.shift);
                    auto* mean = run.out(channels);
                    auto* deviation = run.out(channels);
                    if (batch) {
                        B::batch_norm_statistics(run.context, {.shape = shape,
                                                               .epsilon = epsilon,
                                                               .x = in,
                                                               .mean = mean,
                                                               .inverse_deviation = deviation});
                    } else {
                        B::copy(run.context, shift, mean, channels);
                        B::fill(run.context, deviation, channels, typename B::Scalar(0.75));
                    }
                    B::batch_norm(run.context, {.shape = shape,
                                                .epilogue = epilogue,
                                                .x = in,
                                                .mean = mean,
                                                .inverse_deviation = deviation,
                                                .scale = scale,
                                                .shift = shift,
                                                .y = run.out(pooled)});
                    const auto pullback = [&](auto grad_x, auto grad_scale, auto grad_shift) {
                        B::batch_norm_pullback(run.context, {.shape = shape,
                                                             .epilogue = epilogue,
                                                             .batch_statistics = batch,
                                                             .x = in,
                                                             .mean = mean,
                                                             .inverse_deviation = deviation,
                                                             .scale = scale,
                                                             .shift = shift,
                                                             .grad_y = run.in(grad_y),
                                                             .grad_x = grad_x,
                                                             .grad_scale = grad_scale,
                                                             .grad_shift = grad_shift});
                    };
                    for (const bool accumulate : {false, true}) {
                        pullback(run.target(size, accumulate), run.target(channels, accumulate),
                                 run.target(channels, accumulate));
                    }
                    pullback(run.target(size, false), run.unwanted(), run.unwanted());
                    pullback(run.unwanted(), run.target(channels, false),
                             run.target(channels, true));
                    pullback(run.unwanted(), run.unwanted(), run.unwanted());
                });
            }
        }
    }
}

TEST_CASE("a value that is no number comes out of a norm with ReLU as one", "[B-7]") {
    const MapShape shape{1, 2, 2, 3};
    Values x = normal(conformance::size_of(shape), 1);
    x[4] = std::numeric_limits<double>::quiet_NaN();
    const Values ones(3, 1.0);
    for (const NormEpilogue& epilogue : epilogues) {
        INFO("ReLU " << epilogue.relu << ", pooled " << epilogue.max_pool);
        check_against_oracle([&]<class B>(Run<B>& run) {
            B::batch_norm(run.context, {.shape = shape,
                                        .epilogue = epilogue,
                                        .x = run.in(x),
                                        .mean = run.in(ones),
                                        .inverse_deviation = run.in(ones),
                                        .scale = run.in(ones),
                                        .shift = run.in(ones),
                                        .y = run.out(pooled_size(shape, epilogue))});
            B::group_norm(run.context, {.geometry = {1, 4, 3, 3},
                                        .epsilon = epsilon,
                                        .relu = epilogue.relu,
                                        .x = run.in(x),
                                        .scale = run.in(ones),
                                        .shift = run.in(ones),
                                        .y = run.out(12),
                                        .mean = run.out(3),
                                        .inverse_deviation = run.out(3)});
        });
    }
}

TEST_CASE("the oracle's norms by hand", "[B-7]") {
    Oracle::Context context;
    const auto results = results_of<Oracle>(context, [&](Run<Oracle>& run) {
        // Two groups of two channels over two positions: values 1, 3 and 10, 30.
        Oracle::group_norm(run.context, {.geometry = {1, 2, 4, 2},
                                         .epsilon = 0.0,
                                         .relu = true,
                                         .x = run.in({1, 3, 10, 30, 3, 1, 30, 10}),
                                         .scale = run.in({1, 1, 2, 2}),
                                         .shift = run.in({0, 0, 0.5, 0.5}),
                                         .residual = run.in(Values(8, 5.0)),
                                         .y = run.out(8),
                                         .mean = run.out(2),
                                         .inverse_deviation = run.out(2)});
        // Channels with values 1, 3, 5, 7 and all 2.
        Oracle::batch_norm_statistics(run.context, {.shape = {2, 1, 2, 2},
                                                    .epsilon = 0.0625,
                                                    .momentum = 0.5,
                                                    .x = run.in({1, 2, 3, 2, 5, 2, 7, 2}),
                                                    .mean = run.out(2),
                                                    .inverse_deviation = run.out(2),
                                                    .running_mean = run.inout({0, 0}),
                                                    .running_variance = run.inout({1, 1})});
    });
    CHECK(results[0] == Values{5, 6, 5, 7.5, 6, 5, 7.5, 5});
    CHECK(results[1] == Values{2, 20});
    CHECK(results[2] == Values{1, 0.1});
    CHECK(results[3] == Values{4, 2});
    CHECK(results[4][0] == Approx(1.0 / std::sqrt(5.0625)));
    CHECK(results[4][1] == Approx(4.0));
    CHECK(results[5] == Values{2, 1});
    CHECK(results[6][0] == Approx(0.5 + 0.5 * 20.0 / 3.0));
    CHECK(results[6][1] == Approx(0.5));
}

TEST_CASE("the oracle's group norm gradients are slopes", "[B-7]") {
    const NormGeometry geometry{3, 6, 12, 4};
    const Index size = size_of(geometry);
    for (const bool relu : {false, true}) {
        INFO("ReLU " << relu);
        Values mean(12);
        Values deviation(12);
        const auto forward = [&](auto& run, const auto& in, double* y) {
            Oracle::group_norm(run.context, {.geometry = geometry,
                                             .epsilon = epsilon,
                                             .relu = relu,
                                             .x = run.in(in[0]),
                                             .scale = run.in(in[1]),
                                             .shift = run.in(in[2]),
                                             .y = y,
                                             .mean = mean.data(),
                                             .inverse_deviation = deviation.data()});
        };
        CHECK(slope_error(
                  {normal(size, 1), normal(12, 2), normal(12, 3)},
                  [&](auto& run, const auto& in) { forward(run, in, run.out(size)); },
                  [&](auto& run, const auto& in, const double* grad_y) {
                      Values y(static_cast<std::size_t>(size));
                      forward(run, in, y.data());
                      Oracle::group_norm_pullback(run.context,
                                                  {.geometry = geometry,
                                                   .relu = relu,
                                                   .x = run.in(in[0]),
                                                   .scale = run.in(in[1]),
                                                   .shift = run.in(in[2]),
                                                   .mean = mean.data(),
                                                   .inverse_deviation = deviation.data(),
                                                   .grad_y = grad_y,
                                                   .grad_x = run.target(size, false),
                                                   .grad_scale = run.target(12, false),
                                                   .grad_shift = run.target(12, false)});
                  }) < slope_tolerance);
    }
}

TEST_CASE("the oracle's batch norm gradients are slopes", "[B-7]") {
    const MapShape shape{3, 5, 4, 7};
    const Index size = conformance::size_of(shape);
    for (const NormEpilogue& epilogue : epilogues) {
        for (const bool batch : {false, true}) {
            INFO("ReLU " << epilogue.relu << ", pooled " << epilogue.max_pool << ", batch "
                         << batch);
            const auto statistics = [&](auto& run, const double* x, Values& mean,
                                        Values& deviation) {
                mean.assign(7, 0.25);
                deviation.assign(7, 0.75);
                if (!batch) return;
                Oracle::batch_norm_statistics(run.context, {.shape = shape,
                                                            .epsilon = epsilon,
                                                            .x = x,
                                                            .mean = mean.data(),
                                                            .inverse_deviation = deviation.data()});
            };
            CHECK(slope_error(
                      {normal(size, 1), normal(7, 2), normal(7, 3)},
                      [&](auto& run, const auto& in) {
                          Values mean;
                          Values deviation;
                          const double* x = run.in(in[0]);
                          statistics(run, x, mean, deviation);
                          Oracle::batch_norm(run.context,
                                             {.shape = shape,
                                              .epilogue = epilogue,
                                              .x = x,
                                              .mean = mean.data(),
                                              .inverse_deviation = deviation.data(),
                                              .scale = run.in(in[1]),
                                              .shift = run.in(in[2]),
                                              .y = run.out(pooled_size(shape, epilogue))});
                      },
                      [&](auto& run, const auto& in, const double* grad_y) {
                          Values mean;
                          Values deviation;
                          const double* x = run.in(in[0]);
                          statistics(run, x, mean, deviation);
                          Oracle::batch_norm_pullback(run.context,
                                                      {.shape = shape,
                                                       .epilogue = epilogue,
                                                       .batch_statistics = batch,
                                                       .x = x,
                                                       .mean = mean.data(),
                                                       .inverse_deviation = deviation.data(),
                                                       .scale = run.in(in[1]),
                                                       .shift = run.in(in[2]),
                                                       .grad_y = grad_y,
                                                       .grad_x = run.target(size, false),
                                                       .grad_scale = run.target(7, false),
                                                       .grad_shift = run.target(7, false)});
                      }) < slope_tolerance);
        }
    }
}

}  // namespace kasmina::conformance::normalisation_test
