// Samples that are told apart by their values, and what a loader makes of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <kasmina/data/host_loader.hpp>

namespace kasmina::test {

/// `count` images of 4 x 5 x 2 whose values are all different; classes in turn.
[[nodiscard]] inline data::LabelledSamples<float> numbered(std::size_t count, Index classes = 10) {
    const Shape shape{4, 5, 2};
    std::vector<float> values;
    std::vector<std::int32_t> labels;
    for (std::size_t i = 0; i < count; ++i) {
        labels.push_back(static_cast<std::int32_t>(i) % static_cast<std::int32_t>(classes));
        for (std::size_t k = 0; k < 40; ++k) values.push_back(static_cast<float>(100 * i + k));
    }
    return {shape, std::move(values), std::move(labels), classes};
}

/// The values and labels of what is left of an epoch, one batch after the other.
struct Made {
    std::vector<float> values{};
    std::vector<std::int32_t> labels{};
    std::vector<std::size_t> counts{};

    friend bool operator==(const Made&, const Made&) = default;
};

template <class Loader>
void collect(Loader& loader, Made& made) {
    while (const auto* batch = loader.next()) {
        made.counts.push_back(batch->count);
        made.labels.insert(made.labels.end(), batch->labels.begin(),
                           batch->labels.begin() + static_cast<std::ptrdiff_t>(batch->count));
        made.values.insert(made.values.end(), batch->values.begin(),
                           batch->values.begin() + static_cast<std::ptrdiff_t>(batch->count * 40));
    }
}

template <class Loader>
[[nodiscard]] Made epoch(Loader& loader) {
    Made made;
    loader.start_epoch();
    collect(loader, made);
    return made;
}

}  // namespace kasmina::test
