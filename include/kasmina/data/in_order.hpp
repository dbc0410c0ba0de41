// InOrder: all of a set, in order and in batches that are made on the way: to score a network on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <kasmina/data/batch.hpp>
#include <kasmina/data/samples.hpp>
#include <kasmina/error.hpp>

namespace kasmina::data {

/// A range (a `BatchRange`), unaugmented, that may be walked as often as one likes. Set and context
/// must outlive it. (A view that transforms would do, but nvcc compiles none of move-only values.)
template <class B, SampleSet Set>
class InOrder {
    KASMINA_REQUIRE_SET(Set, B)

public:
    using Batch = BatchOf<B, Set>;

    class Iterator {
    public:
        using value_type = Batch;
        using difference_type = std::ptrdiff_t;

        Iterator() = default;
        Iterator(const InOrder& range, std::size_t first) : range_(&range), first_(first) {}

        [[nodiscard]] Batch operator*() const { return range_->batch_from(first_); }
        Iterator& operator++() {
            first_ += range_->count_from(first_);
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const Iterator& a, const Iterator& b) {
            return a.first_ == b.first_;
        }

    private:
        const InOrder* range_ = nullptr;
        std::size_t first_ = 0;
    };

    /// Errors: OptionError for a batch size of 0.
    InOrder(typename B::Context& context, const Set& set, std::size_t batch_size = 256)
        : context_(&context), set_(&set), batch_size_(batch_size) {
        if (batch_size > 0) return;
        throw OptionError("a batch needs samples", "data::InOrder", "a batch size of at least 1",
                          "0", "use for example 256");
    }
    InOrder(typename B::Context&, const Set&&, std::size_t = 256) = delete;

    [[nodiscard]] Iterator begin() const { return {*this, 0}; }
    [[nodiscard]] Iterator end() const { return {*this, set_->count()}; }

private:
    [[nodiscard]] std::size_t count_from(std::size_t first) const {
        return std::min(batch_size_, set_->count() - first);
    }

    [[nodiscard]] Batch batch_from(std::size_t first) const {
        using Value = typename Set::Value;
        const std::size_t count = count_from(first);
        const auto read = [&](const Shape& shape, auto&& into) {
            const auto size = static_cast<std::size_t>(shape.elements());
            std::vector<Value> values = detail::room_for<Value>(count, shape);
            for (std::size_t i = 0; i < count; ++i) {
                into(first + i, std::span(values).subspan(i * size, size));
            }
            return values;
        };
        const std::vector<Value> values =
            read(set_->sample_shape(),
                 [this](std::size_t place, std::span<Value> to) { set_->read(place, to); });
        std::vector<std::int32_t> labels;
        std::vector<Value> targets;
        if constexpr (LabelledSet<Set>) {
            for (std::size_t i = 0; i < count; ++i) labels.push_back(set_->label(first + i));
        } else {
            targets = read(set_->target_shape(), [this](std::size_t place, std::span<Value> to) {
                set_->read_target(place, to);
            });
        }
        BatchOnBackend<B, Set> batch;
        batch.fill(*context_, *set_, count, values, labels, targets);
        return batch.take();
    }

    typename B::Context* context_;
    const Set* set_;
    std::size_t batch_size_;
};

/// `InOrder<B>` of what it is given; the set must outlive it.
template <class B, SampleSet Set>
[[nodiscard]] InOrder<B, Set> in_order(typename B::Context& context, const Set& set,
                                       std::size_t batch_size = 256) {
    return {context, set, batch_size};
}
template <class B, SampleSet Set>
void in_order(typename B::Context&, const Set&&, std::size_t = 256) = delete;

}  // namespace kasmina::data
