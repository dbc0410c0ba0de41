// Batch norm, ReLU and pool in one pass against the same as operations of their own: a slot between
// ReLU and pool parts them, and the host must not notice [I-1].
#include <cstddef>
#include <cstdint>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/random/generator.hpp>

#include "support/catch.hpp"

namespace kasmina::fused_pool_test {
namespace {

template <class T>
using Values = std::vector<T>;

template <class T>
Values<T> room(Index count) {
    return Values<T>(static_cast<std::size_t>(count));
}

/// `rounded` to halves, many are equal and many are 0.
template <class T>
Values<T> normal(Index count, std::uint64_t seed, bool rounded = false) {
    Generator generator(seed);
    Values<T> values = room<T>(count);
    for (T& value : values) {
        const double number = generator.normal();
        value = static_cast<T>(rounded ? static_cast<double>(static_cast<int>(2 * number)) / 2
                                       : number);
    }
    return values;
}

template <class T>
struct Results {
    Values<T> y;
    Values<T> grad_x;
    Values<T> grad_scale;
    Values<T> grad_shift;
    bool operator==(const Results&) const = default;
};

template <class T>
struct Case {
    MapShape shape;
    bool rounded;  ///< windows of equals, values at the edge of the ReLU
    Index elements = shape.batch * shape.height * shape.width * shape.channels;
    Index pooled = shape.batch * (shape.height / 2) * (shape.width / 2) * shape.channels;
    Values<T> x = normal<T>(elements, 1, rounded);
    Values<T> mean = rounded ? room<T>(shape.channels) : normal<T>(shape.channels, 2);
    Values<T> inverse = Values<T>(static_cast<std::size_t>(shape.channels), T{1.25});
    Values<T> scale = rounded ? inverse : normal<T>(shape.channels, 3);
    Values<T> shift = rounded ? mean : normal<T>(shape.channels, 4);
    Values<T> upstream = normal<T>(pooled, 5);
};

/// `batch`: as if the statistics were the batch's.
template <class T>
Results<T> results_of(const Case<T>& of, bool relu, bool batch, int threads, bool fused) {
    using B = backends::Eigen<T>;
    const MapShape& shape = of.shape;
    typename B::Context context(threads);
    Results<T> out{room<T>(of.pooled), room<T>(of.elements), room<T>(shape.channels),
                   room<T>(shape.channels)};
    const auto norm = [&](bool max_pool, T* y) {
        B::batch_norm(context, {.shape = shape,
                                .epilogue = {relu, max_pool},
                                .x = of.x.data(),
                                .mean = of.mean.data(),
                                .inverse_deviation = of.inverse.data(),
                                .scale = of.scale.data(),
                                .shift = of.shift.data(),
                                .y = y});
    };
    const auto pullback = [&](bool max_pool, const T* grad_y) {
        B::batch_norm_pullback(context, {.shape = shape,
                                         .epilogue = {relu, max_pool},
                                         .batch_statistics = batch,
                                         .x = of.x.data(),
                                         .mean = of.mean.data(),
                                         .inverse_deviation = of.inverse.data(),
                                         .scale = of.scale.data(),
                                         .shift = of.shift.data(),
                                         .grad_y = grad_y,
                                         .grad_x = {out.grad_x.data(), false},
                                         .grad_scale = {out.grad_scale.data(), false},
                                         .grad_shift = {out.grad_shift.data(), false}});
    };
    if (fused) {
        norm(true, out.y.data());
        pullback(true, of.upstream.data());
    } else {
        Values<T> map = room<T>(of.elements);
        Values<T> gradient = room<T>(of.elements);
        norm(false, map.data());
        B::max_pool(context, {.shape = halving(shape), .x = map.data(), .y = out.y.data()});
        B::max_pool_pullback(context, {.shape = halving(shape),
                                       .x = map.data(),
                                       .grad_y = of.upstream.data(),
                                       .grad_x = {gradient.data(), false}});
        pullback(false, gradient.data());
    }
    return out;
}

template <class T>
void check_same_bits(const MapShape& shape, const std::vector<int>& threads) {
    for (const bool rounded : {false, true}) {
        const Case<T> of{shape, rounded};
        for (const bool relu : {false, true}) {
            for (const bool batch : {false, true}) {
                CAPTURE(shape.batch, shape.height, shape.width, shape.channels, rounded, relu,
                        batch);
                const Results<T> fused = results_of(of, relu, batch, 1, true);
                for (const int count : threads) {
                    CAPTURE(count);
                    const Results<T> apart = results_of(of, relu, batch, count, false);
                    CHECK((apart.y == fused.y));
                    CHECK((apart.grad_x == fused.grad_x));
                    CHECK((apart.grad_scale == fused.grad_scale));
                    CHECK((apart.grad_shift == fused.grad_shift));
                    CHECK((count == 1 || results_of(of, relu, batch, count, true) == fused));
                }
            }
        }
    }
}

struct Map {
    Index height;
    Index width;
};

TEMPLATE_TEST_CASE("a pool fused with its norm has the bits of one that follows it",
                   "[eigen][I-1][H-4]", float, double) {
    for (const Map map : {Map{1, 1}, Map{1, 4}, Map{4, 1}, Map{3, 5}, Map{7, 7}, Map{4, 6}}) {
        for (const Index channels : {1, 3, 13, 48, 70}) {
            for (const Index batch : {1, 5}) {
                check_same_bits<TestType>({batch, map.height, map.width, channels}, {1});
            }
        }
    }
}

TEMPLATE_TEST_CASE("they have the same bits in many chunks on 1, 2 and 4 threads",
                   "[eigen][I-1][E-1]", float, double) {
    for (const MapShape& shape : {MapShape{5, 33, 31, 13}, MapShape{3, 16, 16, 70},
                                  MapShape{1, 48, 48, 32}, MapShape{1, 3, 301, 70}}) {
        check_same_bits<TestType>(shape, {1, 2, 4});
    }
}

}  // namespace
}  // namespace kasmina::fused_pool_test
