// One const model, several threads, each with a context of its own.
#include <cstddef>
#include <thread>
#include <vector>

#include <kasmina/model/counterfactual.hpp>

#include "model/grown_network.hpp"

namespace kasmina::threads_test {
namespace {

using B = backends::Eigen<float>;
using test::four_slots;

TEST_CASE("four threads evaluate counterfactuals of one const model, and passes inside these",
          "[A-8][H-5]") {
    B::Context own;
    test::Network<B> growing = test::make_network<B>(own, four_slots);
    test::grow_everywhere(growing);
    const test::Network<B>& model = growing;
    const Tensor<B> images = test::make_images<B>(own, 3, four_slots);
    const std::vector<AlphaOverrides> subsets = test::all_subsets(model);
    const auto expected = test::separate_passes(model, images, subsets);

    constexpr std::size_t count = 4;
    std::vector<std::vector<test::Logits<B>>> seen(count);
    std::vector<test::Logits<B>> inside(count);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i) {
        threads.emplace_back([&, i] {
            B::Context context(i < 2 ? 1 : 2);
            seen[i].resize(subsets.size());
            evaluate_each(model, context, images, subsets,
                          [&](std::size_t k, const Variable<B>& logits) {
                              Tape<B> tape(context, Recording::none);
                              Pass<B> pass(tape, Mode::evaluation);
                              inside[i] = model.forward(pass, images, subsets[i]).to_host();
                              seen[i][k] = logits.to_host();
                          });
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (std::size_t i = 0; i < count; ++i) {
        CAPTURE(i);
        CHECK((seen[i] == expected));
        CHECK((inside[i] == expected[i]));
    }
}

}  // namespace
}  // namespace kasmina::threads_test
