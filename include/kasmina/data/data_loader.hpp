// DataLoader: the batches of a set on a backend, shuffled, augmented and made ahead on a thread.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include <kasmina/data/batch.hpp>
#include <kasmina/data/host_loader.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::data {

/// Batches to train on (it is a `train::BatchStream` and a `train::RestorableSource`, and a part of
/// a checkpoint): LabelledBatch of a labelled set, else TargetBatch. All randomness comes from the
/// generator that it is given: two loaders with equal ones hand out the same bits, with prefetching
/// or without, and one that is restored goes on with the same, in mid-epoch too. Set and context
/// must outlive it. Errors of all of it: LifetimeError when it was moved from.
template <class B, SampleSet Set, Augmentation<typename Set::Value> Augment = Unaugmented>
class DataLoader {
    KASMINA_REQUIRE_SET(Set, B)

public:
    using Batch = BatchOf<B, Set>;

    /// What it is called in a checkpoint.
    static constexpr std::string_view part_name = "loader";
    /// What it remembers, as it stands in a checkpoint.
    using State = LoaderState;

    /// Errors: OptionError for a batch size of 0, for one above the number of samples with
    /// `drop_last`, and from the augmentation's check.
    DataLoader(typename B::Context& context, const Set& set, const LoaderOptions& options,
               Generator generator, Augment augment = {})
        : context_(&context), set_(&set), host_(set, options, generator, std::move(augment)) {}
    DataLoader(typename B::Context&, const Set&&, const LoaderOptions&, Generator,
               Augment = {}) = delete;

    void start_epoch() { host_.start_epoch(); }

    /// Null when the epoch is over. Valid until the next call. Errors: what the set and the
    /// augmentation throw, on the thread too; ResourceError without a thread or memory;
    /// NumericError for a label that is no class, or a token outside the vocabulary: the same batch
    /// comes with the next call then.
    [[nodiscard]] Batch* next() {
        const State before = host_.state();
        const auto* made = host_.next();
        if (made == nullptr) return nullptr;
        try {
            return &batch_.fill(*context_, *set_, made->count, made->values, made->labels,
                                made->targets);
        } catch (...) {
            host_.restore(before);
            throw;
        }
    }

    [[nodiscard]] std::size_t batches_per_epoch() const { return host_.batches_per_epoch(); }

    /// Samples that an epoch hands out.
    [[nodiscard]] Index samples_per_epoch() const { return host_.samples_per_epoch(); }

    [[nodiscard]] State state() const { return host_.state(); }

    /// Errors: StateError for a state of another set, or in mid-epoch of batches that are taken
    /// otherwise, OptionError for a random state that cannot be; nothing is changed then.
    void restore(const State& state) { host_.restore(state); }

private:
    typename B::Context* context_;
    const Set* set_;
    HostLoader<Set, Augment> host_;
    BatchOnBackend<B, Set> batch_{};
};

/// `DataLoader<B>` of what it is given; the set must outlive it.
template <class B, SampleSet Set, Augmentation<typename Set::Value> Augment = Unaugmented>
[[nodiscard]] DataLoader<B, Set, Augment> load_data(typename B::Context& context, const Set& set,
                                                    const LoaderOptions& options,
                                                    Generator generator, Augment augment = {}) {
    return {context, set, options, generator, std::move(augment)};
}
template <class B, SampleSet Set, class Augment = Unaugmented>
void load_data(typename B::Context&, const Set&&, const LoaderOptions&, Generator,
               Augment = {}) = delete;

}  // namespace kasmina::data
