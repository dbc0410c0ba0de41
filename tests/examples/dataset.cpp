// Splits, normalisation and the drawn task.
#include <algorithm>
#include <cmath>
#include <vector>

#include "dataset.hpp"
#include "procedural.hpp"
#include "support/catch.hpp"

namespace kasmina::examples::dataset_test {

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

}  // namespace kasmina::examples::dataset_test
