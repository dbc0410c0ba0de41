// TokenWindows: pieces of a long row of tokens to learn from, each with what comes next.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/autodiff/class_labels.hpp>
#include <kasmina/autodiff/token_ids.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/data/samples.hpp>
#include <kasmina/error.hpp>
#include <kasmina/model/mean_scores.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/tensor/shape.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::text {

/// Windows (batch, time), and for each position the token behind it.
template <class B>
using TokenBatch = LabelledBatch<B, TokenIds<B>>;

namespace detail {

/// Errors: DataError unless there are more than `time` tokens, OptionError below 1 each, ShapeError
/// where the tokens of a batch cannot be counted.
KASMINA_RARE inline void check_windows(const char* where, std::size_t tokens, Index time,
                                       Index batch) {
    static_cast<void>(checked_size(where, "time", time));
    static_cast<void>(checked_size(where, "batch", batch));
    static_cast<void>(Shape{batch, time});
    if (tokens > static_cast<std::size_t>(time)) return;
    throw DataError("the text is too short", where,
                    "more than " + std::to_string(time) + " tokens, the length of a window",
                    std::to_string(tokens), "use a longer text, or shorter windows");
}

/// Of all tokens, or of a million evenly spread over a longer text (FNV-1a, token by token).
[[nodiscard]] KASMINA_RARE inline std::uint64_t checksum(std::span<const std::int32_t> tokens) {
    constexpr std::size_t most = std::size_t{1} << 20;
    const std::size_t step = 1 + tokens.size() / (most + 1);
    std::uint64_t sum = 14695981039346656037U;
    for (std::size_t i = 0; i < tokens.size(); i += step) {
        sum = (sum ^ static_cast<std::uint32_t>(tokens[i])) * 1099511628211U;
    }
    return sum;
}

/// Windows that begin at `starts`, on the backend.
template <class B>
[[nodiscard]] TokenBatch<B> windows_at(typename B::Context& context,
                                       std::span<const std::int32_t> tokens,
                                       std::span<const std::size_t> starts, Index time,
                                       Index vocabulary) {
    const auto each = static_cast<std::size_t>(time);
    auto ids = data::detail::room_for<std::int32_t>(starts.size(), Shape{time});
    auto next = data::detail::room_for<std::int32_t>(starts.size(), Shape{time});
    for (std::size_t i = 0; i < starts.size(); ++i) {
        const auto window = tokens.subspan(starts[i], each + 1);
        std::ranges::copy(window.first(each), std::span(ids).subspan(i * each).begin());
        std::ranges::copy(window.last(each), std::span(next).subspan(i * each).begin());
    }
    const Shape shape{static_cast<Index>(starts.size()), time};
    return {TokenIds<B>(context, shape, ids, vocabulary),
            ClassLabels<B>(context, next, vocabulary)};
}

}  // namespace detail

struct TokenWindowsOptions {
    Index time = 64;
    Index batch = 12;
    Index batches_per_epoch = 100;

    friend bool operator==(const TokenWindowsOptions&, const TokenWindowsOptions&) = default;
};

/// As it was in schema 1.
struct TokenWindowsStateBefore2 {
    Generator::State random{};
    std::uint64_t done = 0;

    using Fields =
        reflect::List<&TokenWindowsStateBefore2::random, &TokenWindowsStateBefore2::done>;
    static constexpr int schema = 1;
};

/// As it was in schema 2.
struct TokenWindowsStateBefore3 {
    Generator::State random{};
    std::uint64_t done = 0;
    std::optional<std::uint64_t> tokens{};
    std::optional<Index> time{};
    std::optional<Index> batch{};
    std::optional<Index> batches_per_epoch{};

    using Fields = reflect::List<&TokenWindowsStateBefore3::random, &TokenWindowsStateBefore3::done,
                                 &TokenWindowsStateBefore3::tokens, &TokenWindowsStateBefore3::time,
                                 &TokenWindowsStateBefore3::batch,
                                 &TokenWindowsStateBefore3::batches_per_epoch>;
    static constexpr int schema = 2;
    using Before = TokenWindowsStateBefore2;
    [[nodiscard]] static TokenWindowsStateBefore3 migrated(Before&& before) {
        return {before.random, before.done, {}, {}, {}, {}};
    }
};

/// Where windows are drawn: what the next batch is drawn from, and how many of the epoch are done;
/// of which windows and tokens, absent where an older schema did not say.
struct TokenWindowsState {
    Generator::State random{};
    std::uint64_t done = 0;
    std::optional<std::uint64_t> tokens{};
    std::optional<std::uint64_t> checksum{};
    std::optional<Index> time{};
    std::optional<Index> batch{};
    std::optional<Index> batches_per_epoch{};

    using Fields = reflect::List<&TokenWindowsState::random, &TokenWindowsState::done,
                                 &TokenWindowsState::tokens, &TokenWindowsState::checksum,
                                 &TokenWindowsState::time, &TokenWindowsState::batch,
                                 &TokenWindowsState::batches_per_epoch>;
    friend bool operator==(const TokenWindowsState&, const TokenWindowsState&) = default;

    /// Of its form in a checkpoint. 1: the first. 2: number of tokens, and sizes of windows. 3: a
    /// checksum of the tokens.
    static constexpr int schema = 3;
    using Before = TokenWindowsStateBefore3;
    [[nodiscard]] static TokenWindowsState migrated(Before&& before) {
        return {before.random, before.done,  before.tokens,           {},
                before.time,   before.batch, before.batches_per_epoch};
    }
};

/// Batches of windows at random places of a row of tokens (a `train::BatchStream` and
/// `train::RestorableSource`). All randomness comes from the generator: equal ones give the same
/// windows, and one that is restored goes on with the same, in mid-epoch too. Tokens and context
/// must outlive it.
template <class B>
class TokenWindows {
public:
    using Batch = TokenBatch<B>;
    using State = TokenWindowsState;

    /// What it is called in a checkpoint.
    static constexpr std::string_view part_name = "loader";

    /// Errors: DataError for a text that is not longer than a window; OptionError for sizes below
    /// 1; ShapeError and ResourceError for more windows than can be counted or held. (That tokens
    /// are in the vocabulary is checked batch by batch.)
    TokenWindows(typename B::Context& context, std::span<const std::int32_t> tokens,
                 Index vocabulary, const TokenWindowsOptions& options, Generator generator)
        : context_(&context),
          tokens_(tokens),
          vocabulary_(checked_size(where, "vocabulary", vocabulary)),
          options_(options),
          generator_(generator),
          done_(static_cast<std::uint64_t>(
              checked_size(where, "batches_per_epoch", options.batches_per_epoch))) {
        detail::check_windows(where, tokens.size(), options.time, options.batch);
        checksum_ = detail::checksum(tokens);
        static_cast<void>(Shape{options.batches_per_epoch, options.batch});
        starts_ = data::detail::room_for<std::size_t>(static_cast<std::size_t>(options.batch), {});
    }

    /// Tokens that nobody else keeps would be gone.
    template <std::same_as<std::vector<std::int32_t>> Tokens>
    TokenWindows(typename B::Context&, Tokens&&, Index, const TokenWindowsOptions&,
                 Generator) = delete;

    void start_epoch() noexcept { done_ = 0; }

    /// Null when the epoch is over. Valid until the next call. Errors: NumericError for a token
    /// outside the vocabulary.
    [[nodiscard]] Batch* next() {
        if (done_ >= batches_per_epoch()) return nullptr;
        Generator drawn = generator_;
        starts_.clear();
        const auto places =
            static_cast<std::uint32_t>(std::min<std::size_t>(tokens_.size() - time(), 0xFFFFFFFFU));
        for (Index i = 0; i < options_.batch; ++i) starts_.push_back(drawn.below(places));
        batch_.emplace(
            detail::windows_at<B>(*context_, tokens_, starts_, options_.time, vocabulary_));
        generator_ = drawn;
        ++done_;
        return &*batch_;
    }

    [[nodiscard]] std::size_t batches_per_epoch() const noexcept {
        return static_cast<std::size_t>(options_.batches_per_epoch);
    }

    /// Windows of an epoch.
    [[nodiscard]] Index samples_per_epoch() const noexcept {
        return options_.batches_per_epoch * options_.batch;
    }

    [[nodiscard]] State state() const noexcept {
        return {generator_.state(),
                done_,
                tokens_.size(),
                checksum_,
                options_.time,
                options_.batch,
                options_.batches_per_epoch};
    }

    /// Errors: StateError for more batches than an epoch has, for another text, and in
    /// mid-epoch for windows of other sizes; OptionError for a random state that cannot be; nothing
    /// is changed then.
    void restore(const State& state) {
        if (state.tokens.value_or(tokens_.size()) != tokens_.size()) {
            throw StateError("the windows are of another text", where,
                             std::to_string(tokens_.size()) + " tokens",
                             std::to_string(*state.tokens) + " tokens",
                             "restore a state of the same text");
        }
        if (state.checksum.value_or(checksum_) != checksum_) {
            throw StateError("the windows are of another text", where,
                             "tokens of checksum " + std::to_string(checksum_),
                             "as many, of checksum " + std::to_string(*state.checksum),
                             "restore a state of the same text");
        }
        const TokenWindowsOptions its{
            .time = state.time.value_or(options_.time),
            .batch = state.batch.value_or(options_.batch),
            .batches_per_epoch = state.batches_per_epoch.value_or(options_.batches_per_epoch)};
        const bool over = std::cmp_equal(state.done, its.batches_per_epoch);
        if (!over && state.done != 0 && its != options_) {
            throw StateError("the epoch was begun with other windows", where, in_words(options_),
                             in_words(its),
                             "end the epoch with the options that it was begun with");
        }
        if (!over && state.done > batches_per_epoch()) {
            throw StateError("the windows stand where these cannot", where,
                             "at most " + std::to_string(batches_per_epoch()) + " batches",
                             std::to_string(state.done),
                             "restore a state of windows with as many batches an epoch");
        }
        generator_ = Generator::from_state(state.random);
        done_ = over ? batches_per_epoch() : state.done;
    }

private:
    static constexpr const char* where = "text::TokenWindows";

    /// "100 batches of 12 windows of 64".
    [[nodiscard]] static std::string in_words(const TokenWindowsOptions& options) {
        return std::to_string(options.batches_per_epoch) + " batches of " +
               std::to_string(options.batch) + " windows of " + std::to_string(options.time);
    }

    [[nodiscard]] std::size_t time() const noexcept {
        return static_cast<std::size_t>(options_.time);
    }

    typename B::Context* context_;
    std::span<const std::int32_t> tokens_;
    Index vocabulary_;
    TokenWindowsOptions options_;
    Generator generator_;
    std::uint64_t done_;
    std::uint64_t checksum_ = 0;
    std::vector<std::size_t> starts_{};
    std::optional<Batch> batch_{};
};

/// All whole windows of a row of tokens, side by side and in order, to score a network on. Each
/// batch but the last has `batch` of them. Errors: as TokenWindows.
template <class B>
[[nodiscard]] std::vector<TokenBatch<B>> windows_in_order(typename B::Context& context,
                                                          std::span<const std::int32_t> tokens,
                                                          Index vocabulary, Index time,
                                                          Index batch) {
    detail::check_windows("text::windows_in_order", tokens.size(), time, batch);
    const auto each = static_cast<std::size_t>(time);
    std::vector<TokenBatch<B>> batches;
    std::vector<std::size_t> starts;
    for (std::size_t start = 0; start + each < tokens.size(); start += each) {
        starts.push_back(start);
        const bool last = start + 2 * each >= tokens.size();
        if (!last && starts.size() < static_cast<std::size_t>(batch)) continue;
        batches.push_back(detail::windows_at<B>(context, tokens, starts, time, vocabulary));
        starts.clear();
    }
    return batches;
}

}  // namespace kasmina::text
