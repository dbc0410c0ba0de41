// A loader's batches on a backend: for a trainer, in a checkpoint, of labels, targets and tokens.
#include <array>
#include <filesystem>
#include <span>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/checkpoint.hpp>
#include <kasmina/data/data_loader.hpp>
#include <kasmina/data/in_order.hpp>
#include <kasmina/train/source.hpp>

#include "data/numbered.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::data_loader_test {
namespace {

using B = test::Eigen32;
using Samples = data::LabelledSamples<float>;
using Loader = data::DataLoader<B, Samples, data::RandomFlipCrop>;

static_assert(train::BatchStream<Loader, Tensor<B>>);
static_assert(train::RestorableSource<Loader>);
static_assert(BatchRange<data::InOrder<B, Samples>, Tensor<B>>);

// A set that ends with the statement is not loaded from.
template <class Set>
concept Loads = requires(B::Context& context, Set&& set) {
    data::load_data<B>(context, std::forward<Set>(set), data::LoaderOptions{}, Generator(1));
};
template <class Set>
concept GivesInOrder = requires(B::Context& context, Set&& set) {
    data::in_order<B>(context, std::forward<Set>(set));
};
static_assert(Loads<Samples&> && Loads<const Samples&> && !Loads<Samples>);
static_assert(GivesInOrder<Samples&> && GivesInOrder<const Samples&> && !GivesInOrder<Samples>);

template <class Stream>
[[nodiscard]] std::vector<float> rest_of(B::Context& context, Stream& loader) {
    std::vector<float> all;
    while (auto* batch = loader.next()) {
        const auto values = batch->input.to_host(context);
        all.insert(all.end(), values.begin(), values.end());
        for (const auto label : batch->labels.tensor().to_host(context)) {
            all.push_back(static_cast<float>(label));
        }
    }
    return all;
}

TEST_CASE("a batch on a backend is what the host's is, in memory that is used again",
          "[data][N-6]") {
    B::Context context;
    const Samples set = test::numbered(10);
    auto loader = data::load_data<B>(context, set, {.batch_size = 4}, Generator(3));
    data::HostLoader<Samples> host(set, {.batch_size = 4}, Generator(3));
    loader.start_epoch();
    host.start_epoch();
    const float* memory = nullptr;
    for (const Index count : {4, 4, 2}) {
        auto* batch = loader.next();
        const auto* made = host.next();
        REQUIRE(batch != nullptr);
        REQUIRE(batch->input.shape() == Shape{count, 4, 5, 2});
        CHECK(batch->labels.classes() == 10);
        const auto values = batch->input.to_host(context);
        CHECK(std::equal(values.begin(), values.end(), made->values.begin()));
        const auto labels = batch->labels.tensor().to_host(context);
        CHECK(std::equal(labels.begin(), labels.end(), made->labels.begin()));
        if (memory != nullptr && count == 4) CHECK(batch->input.data() == memory);
        memory = batch->input.data();
    }
    CHECK(loader.next() == nullptr);
}

TEST_CASE("a loader is a part of a checkpoint and goes on in mid-epoch", "[data][N-6][C-6]") {
    const test::TemporaryFolder folder;
    const std::filesystem::path file = folder.path() / "loader.safetensors";
    B::Context context;
    const Samples set = test::numbered(30);
    const data::RandomFlipCrop augment{.flip = true, .padding = 2};
    Loader first(context, set, {.batch_size = 8}, Generator(5), augment);
    first.start_epoch();
    REQUIRE(first.next() != nullptr);
    checkpoint::save(file, first);
    Loader second(context, set, {.batch_size = 8}, Generator(99), augment);
    checkpoint::load(file, second);
    CHECK(second.state() == first.state());
    const auto expected = rest_of(context, first);
    CHECK(rest_of(context, second) == expected);
    Loader other(context, set, {.batch_size = 7}, Generator(99), augment);
    CHECK_THROWS_AS(checkpoint::load(file, other), CheckpointError);
}

TEST_CASE("a source that is stopped stands before the batch that is left", "[data][N-6][C-6]") {
    B::Context context;
    const Samples set = test::numbered(30);
    Loader whole(context, set, {.batch_size = 8}, Generator(5));
    Loader stopped(context, set, {.batch_size = 8}, Generator(5));
    const auto note = [&](std::vector<float>& into) {
        return [&](auto& batch) { into.push_back(batch.input.to_host(context)[0]); };
    };
    std::vector<float> all;
    train::for_each_batch<Tensor<B>>(whole, note(all));
    std::vector<float> parts;
    int asked = 0;
    CHECK_FALSE(train::for_each_batch<Tensor<B>>(
        stopped, std::nullopt, [&] { return ++asked > 2; }, note(parts)));
    CHECK(parts.size() == 2);
    CHECK(train::for_each_batch<Tensor<B>>(stopped, 2, train::NeverStop{}, note(parts)));
    CHECK(parts == all);
}

TEST_CASE("a set of targets makes batches of targets", "[data][N-6]") {
    B::Context context;
    const data::TargetSamples<float> set({2}, {1, 2, 3, 4, 5, 6}, {1}, {10, 20, 30});
    auto loader =
        data::load_data<B>(context, set, {.batch_size = 2, .shuffle = false}, Generator(1));
    loader.start_epoch();
    auto* batch = loader.next();
    REQUIRE(batch != nullptr);
    CHECK(batch->input.to_host(context) == std::vector<float>{1, 2, 3, 4});
    CHECK(batch->targets.to_host(context) == std::vector<float>{10, 20});
    batch = loader.next();
    REQUIRE(batch != nullptr);
    CHECK(batch->targets.shape() == Shape{1, 1});
    CHECK(batch->targets.to_host(context) == std::vector<float>{30});
    std::vector<float> in_order;
    for (const auto& part : data::in_order<B>(context, set, 2)) {
        const auto values = part.targets.to_host(context);
        in_order.insert(in_order.end(), values.begin(), values.end());
    }
    CHECK(in_order == std::vector<float>{10, 20, 30});
    CHECK_THROWS_AS((data::TargetSamples<float>({2}, {1, 2, 3}, {1}, {10})), ShapeError);
    CHECK_THROWS_AS((data::TargetSamples<float>({2}, {1, 2}, {1}, {10, 20})), ShapeError);
}

/// Sentences of three tokens.
struct Sentences {
    using Value = std::int32_t;
    std::vector<std::int32_t> tokens{};

    [[nodiscard]] std::size_t count() const { return tokens.size() / 3; }
    [[nodiscard]] Shape sample_shape() const { return {3}; }
    void read(std::size_t place, std::span<std::int32_t> to) const {
        std::copy_n(tokens.begin() + static_cast<std::ptrdiff_t>(3 * place), 3, to.begin());
    }
    [[nodiscard]] std::int32_t label(std::size_t place) const {
        return static_cast<std::int32_t>(place % 2);
    }
    [[nodiscard]] Index class_count() const { return 2; }
    [[nodiscard]] Index vocabulary() const { return 9; }
};

TEST_CASE("a set of tokens makes batches of token ids, and a bad one is an error",
          "[data][N-6][E-2]") {
    B::Context context;
    Sentences set{{1, 2, 3, 4, 5, 6, 7, 8, 0}};
    auto loader =
        data::load_data<B>(context, set, {.batch_size = 2, .shuffle = false}, Generator(1));
    loader.start_epoch();
    const auto* batch = loader.next();
    REQUIRE(batch != nullptr);
    CHECK(batch->input.shape() == Shape{2, 3});
    CHECK(batch->input.tensor().to_host(context) == std::vector<std::int32_t>{1, 2, 3, 4, 5, 6});
    CHECK(batch->labels.classes() == 2);
    Sentences wrong{{1, 2, 9}};
    auto refused = data::load_data<B>(context, wrong, {.batch_size = 2}, Generator(1));
    refused.start_epoch();
    CHECK_THROWS_AS(static_cast<void>(refused.next()), NumericError);
    CHECK(refused.state().next == 0);
    CHECK_THROWS_AS(static_cast<void>(refused.next()), NumericError);
}

TEST_CASE("a batch that is refused is not lost: it comes again", "[data][N-6][E-2]") {
    B::Context context;
    for (const bool prefetch : {true, false}) {
        CAPTURE(prefetch);
        Sentences set{{1, 2, 3, 4, 5, 9, 7, 8, 0, 1, 1, 1}};
        auto loader = data::load_data<B>(
            context, set, {.batch_size = 1, .shuffle = false, .prefetch = prefetch}, Generator(1));
        loader.start_epoch();
        REQUIRE(loader.next() != nullptr);
        CHECK_THROWS_AS(static_cast<void>(loader.next()), NumericError);
        CHECK(loader.state().next == 1);
        set.tokens[5] = 6;
        for (const std::int32_t first : {4, 7, 1}) {
            const auto* batch = loader.next();
            REQUIRE(batch != nullptr);
            CHECK(batch->input.tensor().to_host(context)[0] == first);
        }
        CHECK(loader.next() == nullptr);
    }
}

TEST_CASE("all of a set in order comes as often as it is walked", "[data][N-6]") {
    B::Context context;
    const Samples set = test::numbered(5);
    const auto range = data::in_order<B>(context, set, 2);
    for (int walk = 0; walk < 2; ++walk) {
        std::vector<Index> counts;
        std::vector<std::int32_t> labels;
        for (const auto& batch : range) {
            counts.push_back(batch.input.shape()[0]);
            for (const auto label : batch.labels.tensor().to_host(context)) labels.push_back(label);
        }
        CHECK(counts == std::vector<Index>{2, 2, 1});
        CHECK(labels == std::vector<std::int32_t>{0, 1, 2, 3, 4});
    }
    CHECK_THROWS_AS(data::in_order<B>(context, set, 0), OptionError);
}

}  // namespace
}  // namespace kasmina::data_loader_test
