// Splits, normalisation, batches and the drawn task.
#include <algorithm>
#include <cmath>
#include <vector>

#include "batches.hpp"
#include "dataset.hpp"
#include "procedural.hpp"
#include "support/catch.hpp"

using kasmina::Generator;
using namespace kasmina::examples;

namespace {

/// `count` images of 4 x 5 x 2 that are told apart by their first pixel; classes in turn.
RawImages numbered(std::size_t count, std::int32_t classes) {
    RawImages images{4, 5, 2, classes, {}, {}};
    for (std::size_t i = 0; i < count; ++i) {
        images.labels.push_back(static_cast<std::int32_t>(i) % classes);
        for (std::size_t p = 0; p < images.image_size(); ++p) {
            images.pixels.push_back(static_cast<std::uint8_t>(p == 0 ? i : 3 * p));
        }
    }
    return images;
}

ImageSet as_they_are(const RawImages& raw) {
    ImageSet set{raw.height, raw.width, raw.channels, raw.classes, {}, raw.labels};
    set.pixels.assign(raw.pixels.begin(), raw.pixels.end());
    return set;
}

}  // namespace

TEST_CASE("training pixels have mean 0 and deviation 1 in each channel", "[examples]") {
    const RawImages raw = procedural::generate(50, {}, Generator(3));
    const ImageSet set = normalise(raw, measure_normalisation(raw));
    for (std::size_t c = 0; c < 3; ++c) {
        double sum = 0;
        double squares = 0;
        for (std::size_t i = c; i < set.pixels.size(); i += 3) {
            sum += static_cast<double>(set.pixels[i]);
            squares += static_cast<double>(set.pixels[i]) * static_cast<double>(set.pixels[i]);
        }
        const double count = static_cast<double>(set.pixels.size() / 3);
        CHECK(std::abs(sum / count) < 1e-4);
        CHECK(std::abs(squares / count - 1.0) < 1e-3);
    }
}

TEST_CASE("a channel that never varies stays finite", "[examples]") {
    const RawImages flat{2, 2, 1, 2, std::vector<std::uint8_t>(8, 77), {0, 1}};
    for (const float pixel : normalise(flat, measure_normalisation(flat)).pixels) {
        CHECK(std::abs(pixel) < 1e-3F);
    }
}

TEST_CASE("validation and test are normalised by the training part's constants", "[examples]") {
    const RawImages all = numbered(100, 10);
    const auto [training, validation] = split_off_validation(all, 0.2, Generator(7));
    const Normalisation constants = measure_normalisation(training);
    const Splits splits = make_splits("", all, all, {}, 0.2, 7);
    CHECK(splits.training.pixels == normalise(training, constants).pixels);
    CHECK(splits.validation.pixels == normalise(validation, constants).pixels);
    CHECK(splits.open_test().pixels == normalise(all, constants).pixels);
    CHECK(splits.validation.pixels !=
          normalise(validation, measure_normalisation(validation)).pixels);
}

TEST_CASE("the validation part is stratified, disjoint, and a function of the seed", "[examples]") {
    const RawImages all = numbered(100, 5);
    const auto [training, validation] = split_off_validation(all, 0.25, Generator(1));
    for (std::int32_t label = 0; label < 5; ++label) {
        CHECK(std::ranges::count(training.labels, label) == 15);
        CHECK(std::ranges::count(validation.labels, label) == 5);
    }
    std::vector<int> seen(100, 0);
    for (const RawImages* part : {&training, &validation}) {
        for (std::size_t i = 0; i < part->count(); ++i) {
            const std::size_t id = part->pixels[i * part->image_size()];
            ++seen[id];
            CHECK(part->labels[i] == all.labels[id]);
        }
    }
    CHECK(seen == std::vector<int>(100, 1));
    CHECK(split_off_validation(all, 0.25, Generator(1)).second.pixels == validation.pixels);
    CHECK(split_off_validation(all, 0.25, Generator(2)).second.pixels != validation.pixels);
}

TEST_CASE("a split that leaves a part empty is an error", "[examples][E-2]") {
    const RawImages all = numbered(4, 4);
    CHECK_THROWS_AS(split_off_validation(all, 0.1, Generator(1)), kasmina::DataError);
    CHECK_THROWS_AS(split_off_validation(all, 0.0, Generator(1)), kasmina::OptionError);
    CHECK_THROWS_AS(split_off_validation(all, 1.0, Generator(1)), kasmina::OptionError);
    CHECK_THROWS_AS(split_off_validation(all, std::nan(""), Generator(1)), kasmina::OptionError);
}

TEST_CASE("a test part that does not go with the training part is an error", "[examples][E-2]") {
    const RawImages all = numbered(100, 10);
    RawImages other = all;
    other.height = 2;  // as many pixels, in another shape
    other.width = 10;
    CHECK_THROWS_AS(make_splits("", all, other, {}, 0.2, 7), kasmina::DataError);
    CHECK_THROWS_AS(make_splits("", all, numbered(0, 10), {}, 0.2, 7), kasmina::DataError);
}

TEST_CASE("an epoch of batches holds every image once, in an order of its own", "[examples]") {
    const ImageSet set = as_they_are(numbered(50, 10));
    Batches batches(set, 16, {}, Generator(1));
    CHECK_FALSE(batches.next());
    CHECK(batches.batches_per_epoch() == 4);
    std::vector<std::vector<float>> orders;
    for (int epoch = 0; epoch < 2; ++epoch) {
        batches.start_epoch();
        std::vector<float> order;
        std::vector<std::size_t> sizes;
        const float* buffer = batches.pixels().data();
        while (batches.next()) {
            sizes.push_back(batches.count());
            REQUIRE(batches.pixels().data() == buffer);
            REQUIRE(batches.pixels().size() == batches.count() * set.image_size());
            for (std::size_t i = 0; i < batches.count(); ++i) {
                const float id = batches.pixels()[i * set.image_size()];
                order.push_back(id);
                CHECK(batches.labels()[i] == set.labels[static_cast<std::size_t>(id)]);
            }
        }
        CHECK(sizes == std::vector<std::size_t>{16, 16, 16, 2});
        orders.push_back(order);
    }
    CHECK(orders[0] != orders[1]);
    std::ranges::sort(orders[0]);
    std::ranges::sort(orders[1]);
    CHECK(orders[0] == orders[1]);
    for (std::size_t i = 0; i < 50; ++i) CHECK(orders[0][i] == static_cast<float>(i));
}

TEST_CASE("an epoch of batches is repeated from its random state", "[examples][E-3]") {
    const ImageSet set = as_they_are(numbered(30, 10));
    const Augmentation both{.flip = true, .padding = 2};
    const auto collect = [](Batches& batches) {
        std::vector<float> all;
        batches.start_epoch();
        while (batches.next()) {
            all.insert(all.end(), batches.pixels().begin(), batches.pixels().end());
        }
        return all;
    };
    Batches first(set, 8, both, Generator(5));
    Batches second(set, 8, both, Generator(5));
    CHECK(collect(first) == collect(second));
    const auto state = first.state();
    const auto next_epoch = collect(first);
    Batches resumed(set, 8, both, Generator(99));
    resumed.restore(state);
    CHECK(collect(resumed) == next_epoch);
}

TEST_CASE("an epoch of batches goes on from its middle: position, order and augmentation",
          "[examples][E-3][C-6]") {
    const ImageSet set = as_they_are(numbered(30, 10));
    const Augmentation both{.flip = true, .padding = 2};
    const auto rest_and_next_epoch = [](Batches& batches) {
        std::vector<float> all;
        const auto collect = [&] {
            while (batches.next()) {
                all.insert(all.end(), batches.pixels().begin(), batches.pixels().end());
            }
        };
        collect();
        batches.start_epoch();
        collect();
        return all;
    };
    for (int done = 0; done <= 4; ++done) {
        CAPTURE(done);
        Batches first(set, 8, both, Generator(5));
        first.start_epoch();
        for (int batch = 0; batch < done; ++batch) REQUIRE(first.next());
        const BatchesState state = first.state();
        Batches resumed(set, 8, both, Generator(99));
        resumed.restore(state);
        CHECK(resumed.state() == state);
        CHECK(rest_and_next_epoch(resumed) == rest_and_next_epoch(first));
    }
    Batches other(set, 7, both, Generator(5));
    Batches first(set, 8, both, Generator(5));
    first.start_epoch();
    REQUIRE(first.next());
    const BatchesState before = other.state();
    CHECK_THROWS_AS(other.restore(first.state()), kasmina::StateError);
    CHECK(other.state() == before);
}

TEST_CASE("augmentation mirrors and shifts whole images and keeps their labels", "[examples]") {
    // One channel; pixel values 1.. tell every place apart, the label tells the image.
    ImageSet set{4, 4, 1, 2, {}, {0, 1}};
    for (int i = 0; i < 32; ++i) set.pixels.push_back(static_cast<float>(i + 1));
    Batches batches(set, 1, {.flip = true, .padding = 1}, Generator(2));
    std::vector<bool> variants(18, false);
    for (int epoch = 0; epoch < 200; ++epoch) {
        batches.start_epoch();
        while (batches.next()) {
            const auto label = static_cast<std::size_t>(batches.labels()[0]);
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
                            inside ? set.pixels[label * 16 +
                                                static_cast<std::size_t>(from_y * 4 + from_x)]
                                   : 0.0F;
                        same = same &&
                               batches.pixels()[static_cast<std::size_t>(y * 4 + x)] == expected;
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

TEST_CASE("batches that cannot be are errors", "[examples][E-2]") {
    const ImageSet set = as_they_are(numbered(10, 10));
    CHECK_THROWS_AS(Batches(set, 0, {}, Generator(1)), kasmina::OptionError);
    CHECK_THROWS_AS(Batches(set, 4, {.flip = false, .padding = -1}, Generator(1)),
                    kasmina::OptionError);
    CHECK_THROWS_AS(Batches(set, 4, {.flip = false, .padding = 4}, Generator(1)),
                    kasmina::OptionError);
}

TEST_CASE("the drawn task is a function of its seed, with balanced classes", "[examples][E-3]") {
    const procedural::Options small{.training = 120, .test = 40};
    const Splits first = procedural::load(4, small);
    const Splits second = procedural::load(4, small);
    CHECK(first.training.pixels == second.training.pixels);
    CHECK(first.open_test().pixels == second.open_test().pixels);
    CHECK(procedural::load(5, small).training.pixels != first.training.pixels);
    CHECK(first.training.count() == 100);
    CHECK(first.validation.count() == 20);
    for (std::int32_t label = 0; label < 10; ++label) {
        CHECK(std::ranges::count(first.training.labels, label) == 10);
    }
}
