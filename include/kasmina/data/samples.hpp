// Sets of samples: what a loader draws batches from, and two kinds that lie in memory.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/index.hpp>
#include <kasmina/tensor/shape.hpp>

namespace kasmina::data {

/// Samples of one shape, found by their place: `Value` is what they are made of, `count()` how many
/// there are, `sample_shape()` the shape of one, and `read(place, to)` writes one in row-major
/// order. Where a loader prefetches, its thread reads while the caller's thread may do so too, so
/// both must be able to at once. What `read` throws reaches whoever asks the loader for the batch.
template <class S>
concept SampleSet = requires(const S& set, std::size_t place, std::span<typename S::Value> to) {
    { set.count() } -> std::convertible_to<std::size_t>;
    { set.sample_shape() } -> std::convertible_to<Shape>;
    set.read(place, to);
};

/// One class a sample, in 0 ... class_count() - 1 (or ClassLabels' ignore index).
template <class S>
concept LabelledSet = SampleSet<S> && requires(const S& set, std::size_t place) {
    { set.label(place) } -> std::convertible_to<std::int32_t>;
    { set.class_count() } -> std::convertible_to<Index>;
};

/// Target values of one shape a sample.
template <class S>
concept TargetSet =
    SampleSet<S> && requires(const S& set, std::size_t place, std::span<typename S::Value> to) {
        { set.target_shape() } -> std::convertible_to<Shape>;
        set.read_target(place, to);
    };

/// The shape of `count` samples together.
[[nodiscard]] inline Shape batch_shape(std::size_t count, const Shape& sample) {
    std::array<Index, static_cast<std::size_t>(Shape::max_rank) + 1> extents{
        static_cast<Index>(count)};
    const auto rank = static_cast<std::size_t>(sample.rank());
    for (std::size_t axis = 0; axis < rank; ++axis) {
        extents[axis + 1] = sample[static_cast<Index>(axis)];
    }
    return Shape(std::span<const Index>(extents).first(rank + 1));
}

namespace detail {

/// Errors: ShapeError unless there is one value per element of each sample.
KASMINA_RARE inline void check_filled(const char* what, const Shape& sample, std::size_t values,
                                      std::size_t samples) {
    const auto each = static_cast<std::size_t>(sample.elements());
    if (values == each * samples) return;
    throw ShapeError(std::string(what) + " do not fill the samples", "data::Samples",
                     std::to_string(samples) + " times " + std::to_string(each) +
                         " values for the shape " + to_string(sample),
                     std::to_string(values), "pass one value per element, sample after sample");
}

KASMINA_COLD [[noreturn]] inline void refuse_room(std::size_t samples, const Shape& sample,
                                                  std::size_t bytes, std::string_view cause) {
    throw ResourceError("there is not enough memory for a batch", "kasmina::data",
                        std::to_string(samples) + " samples of shape " + to_string(sample) +
                            " and " + std::to_string(bytes) + " bytes each value",
                        cause, "use smaller batches or samples");
}

/// Room for the values of `samples` samples. Errors: ResourceError where there is no such memory.
template <class Value>
[[nodiscard]] std::vector<Value> room_for(std::size_t samples, const Shape& sample) {
    std::vector<Value> values;
    const auto each = static_cast<std::size_t>(sample.elements());
    if (each != 0 && samples > values.max_size() / each) {
        refuse_room(samples, sample, sizeof(Value), "more than there are addresses for");
    }
    try {
        values.resize(samples * each);
    } catch (const std::bad_alloc& cause) {
        refuse_room(samples, sample, sizeof(Value), cause.what());
    }
    return values;
}

/// The values at `place`, written to `to`.
template <class Value>
void copy_sample(const std::vector<Value>& values, std::size_t place, std::span<Value> to) {
    std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(place * to.size()), to.size(),
                to.begin());
}

}  // namespace detail

/// Samples with a class each, in memory.
template <class T>
class LabelledSamples {
public:
    using Value = T;

    /// `values` holds sample after sample, each of shape `sample` in row-major order. Errors:
    /// ShapeError when the counts differ. (That labels are classes is checked batch by batch.)
    LabelledSamples(const Shape& sample, std::vector<T> values, std::vector<std::int32_t> labels,
                    Index classes)
        : sample_(sample),
          values_(std::move(values)),
          labels_(std::move(labels)),
          classes_(classes) {
        detail::check_filled("values", sample_, values_.size(), labels_.size());
    }

    [[nodiscard]] std::size_t count() const noexcept { return labels_.size(); }
    [[nodiscard]] const Shape& sample_shape() const noexcept { return sample_; }
    void read(std::size_t place, std::span<T> to) const { detail::copy_sample(values_, place, to); }
    [[nodiscard]] std::int32_t label(std::size_t place) const { return labels_[place]; }
    [[nodiscard]] Index class_count() const noexcept { return classes_; }

private:
    Shape sample_;
    std::vector<T> values_;
    std::vector<std::int32_t> labels_;
    Index classes_;
};

/// Samples with target values each, in memory.
template <class T>
class TargetSamples {
public:
    using Value = T;

    /// `values` and `targets` hold sample after sample in row-major order. Errors: ShapeError when
    /// the counts differ.
    TargetSamples(const Shape& sample, std::vector<T> values, const Shape& target,
                  std::vector<T> targets)
        : sample_(sample),
          target_(target),
          values_(std::move(values)),
          targets_(std::move(targets)),
          count_(values_.size() / std::max<std::size_t>(1, elements(sample))) {
        detail::check_filled("values", sample_, values_.size(), count_);
        detail::check_filled("targets", target_, targets_.size(), count_);
    }

    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] const Shape& sample_shape() const noexcept { return sample_; }
    void read(std::size_t place, std::span<T> to) const { detail::copy_sample(values_, place, to); }
    [[nodiscard]] const Shape& target_shape() const noexcept { return target_; }
    void read_target(std::size_t place, std::span<T> to) const {
        detail::copy_sample(targets_, place, to);
    }

private:
    [[nodiscard]] static std::size_t elements(const Shape& shape) {
        return static_cast<std::size_t>(shape.elements());
    }

    Shape sample_;
    Shape target_;
    std::vector<T> values_;
    std::vector<T> targets_;
    std::size_t count_;
};

}  // namespace kasmina::data
