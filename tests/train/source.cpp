// Sources of batches: what is one, a near miss per requirement, and the order of an epoch.
#include <optional>
#include <span>
#include <vector>

#include <kasmina/train/source.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::source_test {
namespace {

using B = test::Eigen32;
using Input = int;  // a source does not mind what the host takes

struct Batch {
    int input;
};

struct Stream {
    void start_epoch() { left = 3; }
    std::optional<Batch> next() {
        if (left == 0) return std::nullopt;
        return Batch{left--};
    }
    int left = 0;
};
static_assert(train::BatchStream<Stream, Input> && train::BatchSource<Stream, Input>);
static_assert(train::BatchSource<std::vector<Batch>, Input>);
static_assert(train::BatchSource<std::span<const Batch>, Input>);

struct Pointing {
    void start_epoch() { place = 0; }
    const Batch* next() { return place < 2 ? &batches[place++] : nullptr; }
    Batch batches[2]{{7}, {8}};
    int place = 0;
};
static_assert(train::BatchSource<Pointing, Input>);

struct NeverStarts {
    std::optional<Batch> next();
};
struct NeverEnds {
    void start_epoch();
    Batch next();
};
struct Images {
    int images;
};
struct OfOtherInput {
    void start_epoch();
    std::optional<Images> next();
};
static_assert(!train::BatchSource<NeverStarts, Input>);
static_assert(!train::BatchSource<NeverEnds, Input>);
static_assert(!train::BatchSource<OfOtherInput, Input>);
static_assert(!train::BatchSource<std::vector<Images>, Input>);
static_assert(!train::BatchSource<Stream, std::vector<int>>);

template <class S>
[[nodiscard]] std::vector<int> epoch_of(S& source) {
    std::vector<int> inputs;
    train::for_each_batch<Input>(source, [&](auto& batch) { inputs.push_back(batch.input); });
    return inputs;
}

TEST_CASE("each epoch has all batches of its source, in its order", "[J-6]") {
    Stream stream;
    Pointing pointing;
    std::vector<Batch> range{{5}, {6}};
    for (int epoch = 0; epoch < 2; ++epoch) {
        CHECK(epoch_of(stream) == std::vector{3, 2, 1});
        CHECK(epoch_of(pointing) == std::vector{7, 8});
        CHECK(epoch_of(range) == std::vector{5, 6});
    }
}

/// `loss(output, batch)`.
struct WithoutBatch {
    Variable<B> operator()(const Variable<B>&) const;
};
struct AsNumber {
    double operator()(const Variable<B>&, const LabelledBatch<B>&) const;
};
static_assert(train::LossOfBatch<train::CrossEntropy, Variable<B>, const LabelledBatch<B>, B>);
static_assert(!train::LossOfBatch<WithoutBatch, Variable<B>, const LabelledBatch<B>, B>);
static_assert(!train::LossOfBatch<AsNumber, Variable<B>, const LabelledBatch<B>, B>);

}  // namespace
}  // namespace kasmina::source_test
