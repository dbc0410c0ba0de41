// A run that is saved on one backend goes on on another: the emulated card and the reference.
#include <vector>

#include <kasmina/backends/xtensor.hpp>
#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/blueprints/registry.hpp>
#include <kasmina/checkpoint/checkpoint.hpp>
#include <kasmina/train/learner.hpp>

#include "device/training.hpp"
#include "support/cuda_emulation/emulated_cuda.hpp"
#include "support/temporary_folder.hpp"
#include "support/values.hpp"

namespace kasmina::checkpoints_test {
namespace {

using Card = test::EmulatedCuda<double>;
using Reference = backends::Xtensor<double>;

/// A network and the learner that steps it.
template <class B>
struct Run {
    using Training = test::Training<B, BlueprintList<cnn::ConvLight>>;

    double step() {
        return learner
            .step(training.model, training.images,
                  [&](const Variable<B>& logits) {
                      return ops::cross_entropy(logits, training.labels);
                  })
            .get();
    }
    [[nodiscard]] std::vector<std::vector<double>> values() {
        const nn::Contents<B> contents = training.model.contents();
        auto all = test::parameter_values<B>(context, contents.parameters);
        for (auto& state : test::state_values<B>(context, contents.states)) {
            all.push_back(std::move(state));
        }
        return all;
    }

    typename B::Context context{};
    Training training{context};
    train::Learner<typename Training::Model, optim::AdamWRule> learner{
        training.model, {.host = {.learning_rate = 0.01}, .seeds = {.learning_rate = 0.02}}};
};

/// Saves a run on `From` while its seed is blended in, and goes on with it on both.
template <class From, class To>
void check_move() {
    const test::TemporaryFolder folder;
    Run<From> stays;
    stays.training.grow("conv_light", BlendAlgorithm::add, Stage::blending);
    for (int i = 0; i < 2; ++i) stays.step();
    checkpoint::save(folder / "run", stays.training.model, stays.learner);

    Run<To> goes;
    checkpoint::load(folder / "run", goes.training.model, goes.learner);
    CHECK((goes.values() == stays.values()));
    CHECK(goes.training.model.slot("r1c0").stage() == Stage::blending);
    CHECK(goes.training.model.slot("r1c0").alpha() == 0.5);
    for (int i = 0; i < 2; ++i) CHECK(goes.step() == Approx(stays.step()).epsilon(1e-9));
    const auto there = goes.values();
    const auto here = stays.values();
    REQUIRE(there.size() == here.size());
    for (std::size_t i = 0; i < here.size(); ++i) {
        INFO("tensor " << i);
        REQUIRE(there[i].size() == here[i].size());
        for (std::size_t k = 0; k < here[i].size(); ++k) {
            CHECK(there[i][k] == Approx(here[i][k]).epsilon(1e-7).margin(1e-7));
        }
    }
}

TEST_CASE("a run goes from a card to the CPU and back", "[X-5][C-8][cuda]") {
    check_move<Card, Reference>();
    check_move<Reference, Card>();
}

}  // namespace
}  // namespace kasmina::checkpoints_test
