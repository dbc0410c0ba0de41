// HostLoader: shuffled, augmented batches in the host's memory, the next one made ahead on a
// thread.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <kasmina/code_size.hpp>
#include <kasmina/data/augment.hpp>
#include <kasmina/data/background.hpp>
#include <kasmina/data/sampler.hpp>
#include <kasmina/data/samples.hpp>
#include <kasmina/moved_from.hpp>

namespace kasmina::data {

/// A batch in the host's memory; vectors keep their memory and are as long as the largest batch.
template <class Value>
struct HostBatch {
    std::size_t count = 0;
    std::vector<Value> values{};         ///< (count, sample shape)
    std::vector<std::int32_t> labels{};  ///< of a labelled set
    std::vector<Value> targets{};        ///< (count, target shape) of a set with targets
    LoaderState behind{};                ///< where the loader stands behind it
};

/// Makes one batch after the other, on whatever thread it is asked by.
template <SampleSet Set, class Augment>
class BatchMaker {
public:
    using Value = typename Set::Value;

    /// Errors: those of `Sampler` and of the augmentation's check; ResourceError for memory.
    BatchMaker(const Set& set, const LoaderOptions& options, Generator generator, Augment augment)
        : set_(&set),
          augment_(std::move(augment)),
          sample_(set.sample_shape()),
          sampler_(set.count(), options, generator),
          scratch_(detail::room_for<Value>(1, sample_)) {
        if constexpr (requires { augment_.check(sample_); }) augment_.check(sample_);
    }

    [[nodiscard]] Sampler& sampler() noexcept { return sampler_; }
    [[nodiscard]] const Sampler& sampler() const noexcept { return sampler_; }

    /// One like it that goes on from `state`, of which this one's random part need not be sound.
    [[nodiscard]] BatchMaker restored(const LoaderState& state) const {
        BatchMaker twin(*set_, sampler_.options(), Generator(), augment_);
        twin.sampler_.restore(state);
        return twin;
    }

    /// Room for the largest batch. Errors: ResourceError.
    [[nodiscard]] HostBatch<Value> room() const {
        const std::size_t most = std::min(sampler_.options().batch_size, set_->count());
        HostBatch<Value> batch;
        batch.values = detail::room_for<Value>(most, sample_);
        if constexpr (LabelledSet<Set>)
            batch.labels = detail::room_for<std::int32_t>(most, Shape{});
        if constexpr (TargetSet<Set>) {
            batch.targets = detail::room_for<Value>(most, Shape(set_->target_shape()));
        }
        batch.behind = sampler_.state();
        return batch;
    }

    /// The next batch; empty when the epoch is over. Errors: what the set and the augmentation
    /// throw; the next call tries the same batch again then.
    void make(HostBatch<Value>& batch) {
        const LoaderState before = sampler_.state();
        try {
            fill(batch);
        } catch (...) {
            sampler_.rewind(before);
            throw;
        }
        sampler_.advance();
        batch.behind = sampler_.state();
    }

private:
    void fill(HostBatch<Value>& batch) {
        const std::span<const std::size_t> places = sampler_.next_places();
        batch.count = places.size();
        for (std::size_t i = 0; i < places.size(); ++i) {
            const auto to = std::span(batch.values).subspan(i * scratch_.size(), scratch_.size());
            if constexpr (std::same_as<Augment, Unaugmented>) {
                set_->read(places[i], to);
            } else {
                set_->read(places[i], std::span(scratch_));
                augment_(sample_, std::span<const Value>(scratch_), to, sampler_.random());
            }
            if constexpr (LabelledSet<Set>) batch.labels[i] = set_->label(places[i]);
            if constexpr (TargetSet<Set>) {
                const std::size_t size = target_size();
                set_->read_target(places[i], std::span(batch.targets).subspan(i * size, size));
            }
        }
    }

    [[nodiscard]] std::size_t target_size() const {
        return static_cast<std::size_t>(Shape(set_->target_shape()).elements());
    }

    const Set* set_;
    Augment augment_;
    Shape sample_;
    Sampler sampler_;
    std::vector<Value> scratch_;
};

/// Hands out every sample of a set once per epoch, in an order of that epoch's own, in memory that
/// is used again. With prefetching a thread makes the next batch while the last one is used; what
/// is handed out is bit for bit the same. What goes wrong on the thread is thrown by the `next`
/// that asks for that batch, and the one after it tries again. In a child process that is forked
/// off it starts a thread of its own. The set must outlive it. Errors of all of it: LifetimeError
/// when it was moved from.
template <SampleSet Set, Augmentation<typename Set::Value> Augment = Unaugmented>
class HostLoader {
public:
    using Value = typename Set::Value;

    /// Errors: those of `Sampler` and of the augmentation's check; ResourceError for memory.
    HostLoader(const Set& set, const LoaderOptions& options, Generator generator,
               Augment augment = {})
        : work_(std::make_unique<Work>(
              BatchMaker<Set, Augment>(set, options, generator, std::move(augment)))) {}
    HostLoader(const Set&&, const LoaderOptions&, Generator, Augment = {}) = delete;

    void start_epoch() {
        settle();
        sampler().start_epoch();
        work_->current.behind = sampler().state();
    }

    /// Null when the epoch is over. Valid until the next call. Errors: what the set and the
    /// augmentation throw, and ResourceError without a thread; the same batch comes with the next
    /// call then.
    [[nodiscard]] const HostBatch<Value>* next() {
        moved_.check("a loader");
        mend_after_fork();
        if (ahead_) {
            ahead_ = false;
            work_->thread->wait();
        } else {
            if (sampler().next_count() == 0) return nullptr;
            if (sampler().options().prefetch) work_->start();
            work_->maker.make(work_->made);
        }
        std::swap(work_->current, work_->made);
        if (work_->thread && sampler().next_count() != 0) {
            work_->thread->begin();
            ahead_ = true;
        }
        return &work_->current;
    }

    [[nodiscard]] std::size_t batches_per_epoch() const {
        moved_.check("a loader");
        return work_->maker.sampler().batches_per_epoch();
    }

    /// Samples that an epoch hands out.
    [[nodiscard]] Index samples_per_epoch() const {
        moved_.check("a loader");
        return work_->maker.sampler().samples_per_epoch();
    }

    /// Behind the batch that was handed out last, whatever has been made ahead.
    [[nodiscard]] LoaderState state() const {
        moved_.check("a loader");
        return work_->current.behind;
    }

    /// Errors: as `Sampler::restore`; nothing is changed then.
    void restore(const LoaderState& state) {
        settle();
        sampler().restore(state);
        work_->current.behind = sampler().state();
    }

private:
    /// What the thread works on; it stays where it is when the loader moves.
    struct Work {
        explicit Work(BatchMaker<Set, Augment> its_maker)
            : maker(std::move(its_maker)), made(maker.room()), current(maker.room()) {}

        void start() {
            if (!thread) thread.emplace([this] { maker.make(made); });
        }

        BatchMaker<Set, Augment> maker;
        HostBatch<Value> made;
        HostBatch<Value> current;            ///< that was handed out last
        std::optional<Background> thread{};  ///< last: it ends before what it works on
    };

    [[nodiscard]] Sampler& sampler() noexcept { return work_->maker.sampler(); }

    /// Takes back what was made ahead.
    void settle() {
        moved_.check("a loader");
        mend_after_fork();
        if (!ahead_) return;
        ahead_ = false;
        try {
            work_->thread->wait();
        } catch (...) {  // of a batch that nobody wants any more
        }
        sampler().rewind(work_->current.behind);
    }

    /// In a child the thread may have been anywhere in its work, and is not here to end it: what it
    /// worked on is left where it is.
    void mend_after_fork() {
        if (!work_->thread || work_->thread->is_here()) return;
        auto own = std::make_unique<Work>(work_->maker.restored(work_->current.behind));
        static_cast<void>(work_.release());
        work_ = std::move(own);
        ahead_ = false;
    }

    std::unique_ptr<Work> work_;
    bool ahead_ = false;
    MovedFrom moved_{};
};

}  // namespace kasmina::data
