// Sampler: in which order the samples of a set are taken, epoch after epoch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <kasmina/code_size.hpp>
#include <kasmina/data/samples.hpp>
#include <kasmina/error.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/tensor/index.hpp>
#include <kasmina/tensor/shape.hpp>

namespace kasmina::data {

/// As it was in schema 1.
struct LoaderStateBefore2 {
    Generator::State epoch_start{};
    Generator::State random{};
    std::size_t next = 0;
    std::size_t samples = 0;

    using Fields = reflect::List<&LoaderStateBefore2::epoch_start, &LoaderStateBefore2::random,
                                 &LoaderStateBefore2::next, &LoaderStateBefore2::samples>;
    static constexpr int schema = 1;
};

/// Where batches stand: in which order, and how far in it.
struct LoaderState {
    Generator::State epoch_start{};           ///< that the epoch's order was drawn from
    Generator::State random{};                ///< that augmentation goes on from
    std::size_t next = 0;                     ///< samples of the epoch that have been handed out
    std::size_t samples = 0;                  ///< in the set
    std::optional<std::size_t> batch_size{};  ///< absent where schema 1 did not say
    std::optional<bool> shuffle{};            ///< absent where schema 1 did not say
    std::optional<bool> drop_last{};          ///< absent where schema 1 did not say

    using Fields =
        reflect::List<&LoaderState::epoch_start, &LoaderState::random, &LoaderState::next,
                      &LoaderState::samples, &LoaderState::batch_size, &LoaderState::shuffle,
                      &LoaderState::drop_last>;
    friend bool operator==(const LoaderState&, const LoaderState&) = default;

    /// Of its form in a checkpoint. 1: the first. 2: how batches are taken.
    static constexpr int schema = 2;
    using Before = LoaderStateBefore2;
    [[nodiscard]] static LoaderState migrated(Before&& before) {
        return {before.epoch_start, before.random, before.next, before.samples, {}, {}, {}};
    }
};

/// How batches are taken; the names are those of PyTorch's DataLoader.
struct LoaderOptions {
    std::size_t batch_size = 0;
    bool shuffle = true;     ///< an order of its own for each epoch, else that of the set
    bool drop_last = false;  ///< leave out a last batch that is not full
    bool prefetch = true;    ///< make the next batch on a thread while the last one is used
};

/// Hands out the places of all samples once per epoch, a batch at a time. All randomness, that of
/// augmentation too, comes from one counter-based generator, so two samplers with equal generators
/// hand out the same, and one that is restored goes on the same, in mid-epoch too.
class Sampler {
public:
    /// Errors: OptionError when `batch_size` is 0, a set has more samples than there are 32-bit
    /// numbers, or no batch is left of it; ResourceError for memory.
    KASMINA_RARE Sampler(std::size_t samples, const LoaderOptions& options, Generator generator)
        : options_(options),
          generator_(generator),
          epoch_start_(generator.state()),
          order_(detail::room_for<std::size_t>(checked(samples), Shape{})),
          next_(samples) {
        if (options.batch_size == 0) {
            throw OptionError("a batch needs samples", where(), "a batch size of at least 1", "0",
                              "use for example 64");
        }
        if (options.drop_last && samples > 0 && samples < options.batch_size) {
            throw OptionError(
                "no batch is full, and one that is not is to be left out", where(),
                "a batch size of at most " + std::to_string(samples) + ", or drop_last = false",
                std::to_string(options.batch_size), "use smaller batches");
        }
    }

    /// Starts an epoch. Its order depends on the generator alone, not on epochs before.
    void start_epoch() {
        epoch_start_ = generator_.state();
        draw_order();
        next_ = 0;
    }

    /// How many samples the next batch holds; 0 when the epoch is over.
    [[nodiscard]] std::size_t next_count() const noexcept {
        const std::size_t left = order_.size() - next_;
        if (options_.drop_last && left < options_.batch_size) return 0;
        return std::min(options_.batch_size, left);
    }

    /// The places of the next batch, valid until the next epoch.
    [[nodiscard]] std::span<const std::size_t> next_places() const noexcept {
        return std::span(order_).subspan(next_, next_count());
    }

    /// Behind the next batch.
    void advance() noexcept { next_ += next_count(); }

    [[nodiscard]] std::size_t batches_per_epoch() const noexcept {
        const bool part = !options_.drop_last && order_.size() % options_.batch_size != 0;
        return order_.size() / options_.batch_size + (part ? 1 : 0);
    }

    /// Samples that an epoch hands out.
    [[nodiscard]] Index samples_per_epoch() const noexcept {
        const std::size_t left_out = options_.drop_last ? order_.size() % options_.batch_size : 0;
        return static_cast<Index>(order_.size() - left_out);
    }

    [[nodiscard]] const LoaderOptions& options() const noexcept { return options_; }
    /// What augmentation draws from.
    [[nodiscard]] Generator& random() noexcept { return generator_; }

    [[nodiscard]] LoaderState state() const noexcept {
        return {epoch_start_,     generator_.state(), next_, order_.size(), options_.batch_size,
                options_.shuffle, options_.drop_last};
    }

    /// Back to where it stood earlier in the same epoch.
    void rewind(const LoaderState& state) {
        generator_ = Generator::from_state(state.random);
        next_ = state.next;
    }

    /// Restored, also in mid-epoch, what follows is the same again. Errors: StateError for a state
    /// of another set, or in mid-epoch of batches that are taken otherwise, OptionError for a
    /// random state that cannot be; nothing is changed then.
    KASMINA_RARE void restore(const LoaderState& state) {
        const LoaderOptions its{.batch_size = state.batch_size.value_or(options_.batch_size),
                                .shuffle = state.shuffle.value_or(options_.shuffle),
                                .drop_last = state.drop_last.value_or(options_.drop_last)};
        const std::size_t size = order_.size();
        if (state.samples != size || state.next > size || its.batch_size == 0 ||
            (state.next % its.batch_size != 0 && state.next != size)) {
            throw StateError("the batches stand where these cannot", where(),
                             "a multiple of " + std::to_string(its.batch_size) + " of " +
                                 std::to_string(size) + " samples, or all",
                             std::to_string(state.next) + " of " + std::to_string(state.samples),
                             "restore a state of the same set and batch size");
        }
        const bool alike = its.batch_size == options_.batch_size &&
                           its.shuffle == options_.shuffle && its.drop_last == options_.drop_last;
        const bool over =
            state.next == size || (its.drop_last && size - state.next < its.batch_size);
        if (!alike && !over && state.next != 0) {
            throw StateError("the epoch was begun with other batches", where(), in_words(options_),
                             in_words(its),
                             "end the epoch with the options that it was begun with");
        }
        const Generator random = Generator::from_state(state.random);
        generator_ = Generator::from_state(state.epoch_start);
        epoch_start_ = state.epoch_start;
        draw_order();
        generator_ = random;
        next_ = over && !alike ? size : state.next;
    }

private:
    [[nodiscard]] static std::string where() { return "data::DataLoader"; }

    /// "batches of 64, shuffled, the last one also when it is not full".
    [[nodiscard]] static std::string in_words(const LoaderOptions& options) {
        return "batches of " + std::to_string(options.batch_size) +
               (options.shuffle ? ", shuffled" : ", in the set's order") +
               (options.drop_last ? ", full ones alone"
                                  : ", the last one also when it is not full");
    }

    /// Before there is an order of as many.
    [[nodiscard]] static std::size_t checked(std::size_t samples) {
        if (samples <= std::numeric_limits<std::uint32_t>::max()) return samples;
        throw OptionError("there are too many samples to shuffle", where(),
                          "at most " + std::to_string(std::numeric_limits<std::uint32_t>::max()),
                          std::to_string(samples), "split the set, and load part after part");
    }

    void draw_order() {
        std::iota(order_.begin(), order_.end(), std::size_t{0});
        if (options_.shuffle) generator_.shuffle(std::span(order_));
    }

    LoaderOptions options_;
    Generator generator_;
    Generator::State epoch_start_;
    std::vector<std::size_t> order_;
    std::size_t next_;
};

}  // namespace kasmina::data
