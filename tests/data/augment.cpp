// Augmentation: whole images, mirrored and shifted, with their labels; and callables of users.
#include <algorithm>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

#include <kasmina/data/host_loader.hpp>

#include "data/numbered.hpp"
#include "support/catch.hpp"

namespace kasmina::augment_test {
namespace {

TEST_CASE("augmentation mirrors and shifts whole images and keeps their labels", "[data][N-6]") {
    // One channel; pixel values 1.. tell every place apart, the label tells the image.
    std::vector<float> pixels;
    for (int i = 0; i < 32; ++i) pixels.push_back(static_cast<float>(i + 1));
    const data::LabelledSamples<float> set({4, 4, 1}, pixels, {0, 1}, 2);
    data::HostLoader loader(set, {.batch_size = 1, .prefetch = false}, Generator(2),
                            data::RandomFlipCrop{.flip = true, .padding = 1});
    std::vector<bool> variants(18, false);
    for (int epoch = 0; epoch < 200; ++epoch) {
        loader.start_epoch();
        while (const auto* batch = loader.next()) {
            const auto label = static_cast<std::size_t>(batch->labels[0]);
            int matches = 0;
            for (int variant = 0; variant < 18; ++variant) {
                const int down = variant % 3 - 1;
                const int across = variant / 3 % 3 - 1;
                bool same = true;
                for (int y = 0; y < 4; ++y) {
                    for (int x = 0; x < 4; ++x) {
                        const int from_y = y + down;
                        const int from_x = (variant / 9 == 1 ? 3 - x : x) + across;
                        const bool inside = from_y >= 0 && from_y < 4 && from_x >= 0 && from_x < 4;
                        const float expected =
                            inside
                                ? pixels[label * 16 + static_cast<std::size_t>(from_y * 4 + from_x)]
                                : 0.0F;
                        same =
                            same && batch->values[static_cast<std::size_t>(y * 4 + x)] == expected;
                    }
                }
                if (same) {
                    ++matches;
                    variants[static_cast<std::size_t>(variant)] = true;
                }
            }
            REQUIRE(matches == 1);
        }
    }
    CHECK(std::ranges::count(variants, true) == 18);
}

TEST_CASE("any callable augments, and draws from the loader's generator", "[data][N-6][E-3]") {
    const auto set = test::numbered(20);
    const auto noise = [](const Shape& shape, std::span<const float> from, std::span<float> to,
                          Generator& random) {
        if (shape != Shape{4, 5, 2}) throw std::runtime_error("another shape");
        std::ranges::transform(from, to.begin(), [&](float value) {
            return value + 0.25F * static_cast<float>(random.below(2));
        });
    };
    data::HostLoader first(set, {.batch_size = 6}, Generator(3), noise);
    data::HostLoader second(set, {.batch_size = 6, .prefetch = false}, Generator(3), noise);
    const test::Made made = test::epoch(first);
    CHECK(made == test::epoch(second));
    std::size_t changed = 0;
    for (const float value : made.values) {
        const float fraction = value - static_cast<float>(static_cast<int>(value));
        CHECK((fraction == 0.0F || fraction == 0.25F));
        changed += fraction != 0.0F ? 1 : 0;
    }
    CHECK(changed > made.values.size() / 3);
    CHECK(changed < 2 * made.values.size() / 3);
}

struct TooFewArguments {
    void operator()(std::span<const float>, std::span<float>) const {}
};
static_assert(!data::Augmentation<TooFewArguments, float>);
static_assert(data::Augmentation<data::RandomFlipCrop, float>);
static_assert(data::Augmentation<data::Unaugmented, double>);

struct NoReading {
    using Value = float;
    [[nodiscard]] std::size_t count() const;
    [[nodiscard]] Shape sample_shape() const;
};
static_assert(!data::SampleSet<NoReading>);
static_assert(data::LabelledSet<data::LabelledSamples<float>>);
static_assert(!data::TargetSet<data::LabelledSamples<float>>);
static_assert(data::TargetSet<data::TargetSamples<double>>);

}  // namespace
}  // namespace kasmina::augment_test
