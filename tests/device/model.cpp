// What a model does besides training, on the test device: the reference's bits, and few waits.
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/backends/xtensor.hpp>
#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/blueprints/registry.hpp>
#include <kasmina/model/mean_scores.hpp>
#include <kasmina/model/snapshot.hpp>

#include "device/training.hpp"
#include "support/device/device_like.hpp"

namespace kasmina::model_test {
namespace {

using Device = test::DeviceLike<float>;
using Reference = backends::Xtensor<float>;
template <class B>
using Training = test::Training<B, BlueprintList<cnn::ConvLight>>;

/// Seeds in two slots, blended in different ways.
template <class B>
void grow_two(Training<B>& training) {
    training.grow("conv_light", BlendAlgorithm::gate, Stage::blending, "r0c0");
    training.grow("conv_light", BlendAlgorithm::add, Stage::holding, "r1c1");
}

const std::vector<AlphaOverrides> configurations{
    AlphaOverrides{}, AlphaOverrides{}.with("r0c0", 0.0), AlphaOverrides{}.with("r1c1", 0.0),
    AlphaOverrides{}.with("r0c0", 1.0).with("r1c1", std::vector{0.25, 0.75})};

TEST_CASE("counterfactual configurations have the reference's bits on a device", "[device][H-5]") {
    const auto outputs = []<class B>(std::type_identity<B>) {
        typename B::Context context{};
        Training<B> training(context);
        grow_two(training);
        test::Trace trace;
        evaluate_each(training.model, context, training.images, configurations,
                      [&trace](std::size_t k, const Variable<B>& logits) {
                          trace.push_back(static_cast<double>(k));
                          test::note(trace, logits.to_host());
                      });
        return trace;
    };
    const test::Trace expected = outputs(std::type_identity<Reference>{});
    REQUIRE(expected.size() == 4 * (1 + 2 * 3));
    CHECK((outputs(std::type_identity<Device>{}) == expected));
}

TEST_CASE("configurations are scored with the reference's hits, and waited for a batch later",
          "[device][H-5]") {
    const auto scores = []<class B>(std::type_identity<B>) {
        typename B::Context context{};
        Training<B> training(context);
        grow_two(training);
        std::vector<LabelledBatch<B>> batches;
        for (std::uint64_t seed = 0; seed < 8; ++seed) {
            batches.push_back(
                {Tensor<B>::from_host(context, {2, 6, 6, 3},
                                      testing::normal_values<float>(2 * 6 * 6 * 3, 30 + seed)),
                 ClassLabels<B>(context, std::vector<std::int32_t>{0, 1}, 3)});
        }
        if constexpr (std::same_as<B, Device>) {
            const std::uint64_t waits = context.waits();
            auto found =
                mean_scores(training.model, context, configurations, batches, AccuracyScore{});
            CHECK(context.waits() - waits <= batches.size() * configurations.size());
            return found;
        } else {
            return mean_scores(training.model, context, configurations, batches, AccuracyScore{});
        }
    };
    CHECK(scores(std::type_identity<Device>{}) == scores(std::type_identity<Reference>{}));
}

TEST_CASE("a snapshot brings a model back on the device", "[device]") {
    Device::Context context;
    Training<Device> training(context);
    training.grow("conv_light", BlendAlgorithm::add, Stage::fossilized);
    static_cast<void>(training.step());
    training.optimiser.zero_gradients();
    test::Trace before;
    training.note_all(before);
    auto snapshot = Snapshot<Device>::of(training.model);
    for (int i = 0; i < 2; ++i) static_cast<void>(training.step());
    test::Trace later;
    training.note_all(later);
    CHECK((later != before));
    snapshot.restore(training.model);
    test::Trace after;
    training.note_all(after);
    CHECK((after == before));
}

TEST_CASE("a seed germinates on the device with the reference's bits", "[device][B-4]") {
    const auto values = []<class B>(std::type_identity<B>) {
        typename B::Context context{};
        Training<B> training(context);
        test::Trace trace;
        for (const BlendAlgorithm algorithm :
             {BlendAlgorithm::add, BlendAlgorithm::multiply, BlendAlgorithm::gate}) {
            training.grow("conv_light", algorithm, Stage::germinated);
            for (const auto& named : training.model.seed_parameters()) {
                test::note(trace, named.parameter->value().to_host(context));
            }
            training.model.slot("r1c0").prune("test");
            while (training.model.slot("r1c0").stage() != Stage::dormant) {
                training.model.step_epoch();
            }
        }
        return trace;
    };
    const test::Trace expected = values(std::type_identity<Reference>{});
    REQUIRE(expected.size() > 100);
    CHECK((values(std::type_identity<Device>{}) == expected));
}

TEST_CASE("two passes on contexts of their own agree, once the model's work is done",
          "[device][H-5]") {
    Device::Context context;
    Training<Device> training(context);
    grow_two(training);
    const auto logits = [&](Device::Context& with) {
        Tape<Device> tape(with, Recording::none);
        Pass<Device> pass(tape, Mode::evaluation);
        return training.model.forward(pass, training.images).to_host();
    };
    const std::vector<float> own = logits(context);
    Device::synchronise(context);
    Device::Context other;
    CHECK(logits(other) == own);
}

}  // namespace
}  // namespace kasmina::model_test
