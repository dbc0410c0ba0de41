// Windows of tokens: what comes next is the label; the same again when restored; all in order.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/text/token_windows.hpp>
#include <kasmina/train/source.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::token_windows_test {
namespace {

using B = backends::Eigen<float>;
using Windows = text::TokenWindows<B>;

static_assert(train::BatchStream<Windows, TokenIds<B>>);
static_assert(train::RestorableSource<Windows>);

/// Each token says where it stands.
std::vector<std::int32_t> counted(std::int32_t tokens) {
    std::vector<std::int32_t> all;
    for (std::int32_t i = 0; i < tokens; ++i) all.push_back(i);
    return all;
}

constexpr Index vocabulary = 100;
constexpr text::TokenWindowsOptions options{.time = 4, .batch = 3, .batches_per_epoch = 5};

struct Read {
    std::vector<std::int32_t> ids;
    std::vector<std::int32_t> labels;
    friend bool operator==(const Read&, const Read&) = default;
};

Read read(B::Context& context, const text::TokenBatch<B>& batch) {
    return {batch.input.tensor().to_host(context), batch.labels.tensor().to_host(context)};
}

std::vector<Read> epoch(B::Context& context, Windows& windows) {
    std::vector<Read> all;
    while (auto* batch = windows.next()) all.push_back(read(context, *batch));
    return all;
}

// Windows look into the tokens that they are given: a temporary would be gone.
static_assert(std::constructible_from<Windows, B::Context&, std::vector<std::int32_t>&, Index,
                                      const text::TokenWindowsOptions&, Generator>);
static_assert(!std::constructible_from<Windows, B::Context&, std::vector<std::int32_t>, Index,
                                       const text::TokenWindowsOptions&, Generator>);

TEST_CASE("each position of a window is labelled with the token behind it", "[N-9]") {
    B::Context context;
    const auto tokens = counted(30);
    Windows windows(context, tokens, vocabulary, options, Generator(1));
    CHECK(windows.next() == nullptr);
    windows.start_epoch();
    int batches = 0;
    std::int32_t least = 99;
    std::int32_t most = 0;
    for (int i = 0; i < 40; ++i) {
        windows.start_epoch();
        for (const Read& each : epoch(context, windows)) {
            ++batches;
            REQUIRE(each.ids.size() == 12);
            for (std::size_t k = 0; k < each.ids.size(); ++k) {
                CHECK(each.labels[k] == each.ids[k] + 1);
                if (k % 4 != 0) CHECK(each.ids[k] == each.ids[k - 1] + 1);
                least = std::min(least, each.ids[k]);
                most = std::max(most, each.labels[k]);
            }
        }
    }
    CHECK(batches == 200);
    CHECK(least == 0);  // every window is drawn, the last token is a label and no more
    CHECK(most == 29);
}

TEST_CASE("equal streams draw equal windows, and restored ones go on", "[N-9][E-3]") {
    B::Context context;
    const auto tokens = counted(60);
    Windows first(context, tokens, vocabulary, options, Generator(1));
    Windows second(context, tokens, vocabulary, options, Generator(1));
    first.start_epoch();
    second.start_epoch();
    CHECK(epoch(context, first) == epoch(context, second));
    first.start_epoch();
    static_cast<void>(first.next());
    static_cast<void>(first.next());
    const auto state = first.state();
    const auto rest = epoch(context, first);
    CHECK(rest.size() == 3);
    Windows other(context, tokens, vocabulary, options, Generator(9));
    other.restore(state);
    CHECK(epoch(context, other) == rest);
    CHECK_THROWS_AS(other.restore({.random = {}, .done = 6}), StateError);
    CHECK_THROWS_AS(other.restore({.random = {.word = 7}, .done = 0}), OptionError);
}

TEST_CASE("an epoch does not go on with windows of another size or text", "[N-9][E-5]") {
    B::Context context;
    const auto tokens = counted(60);
    Windows first(context, tokens, vocabulary, options, Generator(1));
    first.start_epoch();
    static_cast<void>(first.next());
    const auto amid = first.state();
    static_cast<void>(epoch(context, first));
    const auto over = first.state();
    for (const auto& [time, batch, batches] :
         {std::array<Index, 3>{3, 3, 5}, {4, 2, 5}, {4, 3, 9}}) {
        const text::TokenWindowsOptions others{
            .time = time, .batch = batch, .batches_per_epoch = batches};
        Windows other(context, tokens, vocabulary, others, Generator(9));
        const auto before = other.state();
        CHECK_THROWS_AS(other.restore(amid), StateError);
        CHECK(other.state() == before);
        other.restore(over);  // between epochs sizes are the program's
        CHECK(other.next() == nullptr);
    }
    const auto longer = counted(61);
    Windows of_another(context, longer, vocabulary, options, Generator(9));
    const std::string text = test::error_text<StateError>([&] { of_another.restore(over); });
    INFO(text);
    CHECK(test::mentions(text, "expected 61 tokens"));
    CHECK(test::mentions(text, "got 60 tokens"));
    auto changed = tokens;
    std::swap(changed[20], changed[21]);
    Windows as_long(context, changed, vocabulary, options, Generator(9));
    const auto before = as_long.state();
    CHECK(test::mentions(test::error_text<StateError>([&] { as_long.restore(over); }),
                         "the windows are of another text"));
    CHECK(as_long.state() == before);
    auto old = amid;  // of a file that did not say
    old.tokens.reset();
    old.checksum.reset();
    old.time.reset();
    old.batch.reset();
    old.batches_per_epoch.reset();
    CHECK_NOTHROW(of_another.restore(old));
}

TEST_CASE("windows in order hold each token once", "[N-9]") {
    B::Context context;
    for (const std::int32_t count : {5, 8, 9, 29, 33}) {
        CAPTURE(count);
        const auto tokens = counted(count);
        std::vector<std::int32_t> ids;
        for (const auto& batch : text::windows_in_order<B>(context, tokens, vocabulary, 4, 2)) {
            const Read each = read(context, batch);
            CHECK(each.ids.size() <= 8);
            for (std::size_t k = 0; k < each.ids.size(); ++k) {
                CHECK(each.labels[k] == each.ids[k] + 1);
            }
            ids.insert(ids.end(), each.ids.begin(), each.ids.end());
        }
        CHECK(ids == counted((count - 1) / 4 * 4));
    }
}

TEST_CASE("texts that are too short, and tokens outside the vocabulary, are refused",
          "[N-9][E-2]") {
    B::Context context;
    const auto short_text = counted(4);
    CHECK_THROWS_AS(Windows(context, short_text, vocabulary, options, Generator(1)), DataError);
    CHECK_THROWS_AS(Windows(context, {}, vocabulary, options, Generator(1)), DataError);
    CHECK_THROWS_AS(text::windows_in_order<B>(context, short_text, vocabulary, 4, 2), DataError);
    const auto tokens = counted(50);
    CHECK_THROWS_AS(Windows(context, tokens, 0, options, Generator(1)), OptionError);
    CHECK_THROWS_AS(Windows(context, tokens, vocabulary, {.time = 0}, Generator(1)), OptionError);
    CHECK_THROWS_AS(Windows(context, tokens, vocabulary, {.batch = 0}, Generator(1)), OptionError);
    CHECK_THROWS_AS(Windows(context, tokens, vocabulary, {.batches_per_epoch = 0}, Generator(1)),
                    OptionError);
    Windows windows(context, tokens, 10, options, Generator(1));
    windows.start_epoch();
    CHECK_THROWS_AS(
        [&] {
            while (windows.next() != nullptr) continue;
        }(),
        NumericError);
}

}  // namespace
}  // namespace kasmina::token_windows_test
