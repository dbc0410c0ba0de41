// Eight counterfactual configurations in one call against eight passes (H-5), on a GPU: the same
// network, batch and configurations, in turn. One line of JSON for each case.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <kasmina/backends/cuda.hpp>
#include <kasmina/kasmina.hpp>

namespace {

using namespace kasmina;
using Backend = backends::Cuda<float>;
using Blueprints = BlueprintList<cnn::ConvLight>;

constexpr Index side = 32;

/// Passes every seed, so that the benchmark gets to a blended network at once.
template <Gate G>
struct Open {
    static constexpr Gate gate = G;
    constexpr GateResult operator()(const GateEvidence&, const GateThresholds&) const {
        return GateResult(G).require("open", true);
    }
};

struct Policies : DefaultPolicies {
    using Gates =
        GateSet<Open<Gate::g0>, Open<Gate::g1>, Open<Gate::g2>, Open<Gate::g3>, Open<Gate::g5>>;
};

using Model = MorphogeneticModel<hosts::Cnn<Backend>, Blueprints, Policies>;

/// The reference host with a holding seed in each of the slots.
Model make_model(Backend::Context& context, const std::vector<std::string>& slots) {
    Generator random(1);
    Model model{context, hosts::Cnn<Backend>{context, {.classes = 10}}, Blueprints{}, random};
    for (const std::string& name : slots) {
        auto& slot = model.slot(name);
        slot.germinate("conv_light");
        while (slot.stage() != Stage::holding) slot.advance();
    }
    return model;
}

/// The median time of a call and of the wait behind it, in milliseconds.
template <class Work>
double milliseconds(Backend::Context& context, Work&& work) {
    using Clock = std::chrono::steady_clock;
    std::vector<double> times;
    for (int i = 0; i < 25; ++i) {
        const auto start = Clock::now();
        work();
        Backend::synchronise(context);
        times.push_back(std::chrono::duration<double>(Clock::now() - start).count() * 1e3);
    }
    std::ranges::sort(times);
    return times[times.size() / 2];
}

void compare(const std::vector<std::string>& slots, Index batch) {
    Backend::Context context{};
    context.set_precision(Precision::fast);
    const Model model = make_model(context, slots);
    std::vector<AlphaOverrides> configurations;  // all subsets: what exact Shapley values ask for
    for (std::uint64_t bits = 0; bits < 8; ++bits) {
        configurations.push_back(overrides_of(Coalition::of_bits(bits), slots));
    }
    Generator random(2);
    std::vector<float> pixels(static_cast<std::size_t>(batch * side * side * 3));
    for (float& pixel : pixels) pixel = static_cast<float>(random.normal());
    const auto images = Tensor<Backend>::from_host(context, {batch, side, side, 3}, pixels);
    Tape<Backend> tape(context, Recording::none);
    Pass<Backend> pass(tape, Mode::evaluation);

    const double together = milliseconds(context, [&] {
        evaluate_each(model, context, images, configurations,
                      [](std::size_t, const Variable<Backend>&) {});
    });
    const double separately = milliseconds(context, [&] {
        for (const AlphaOverrides& configuration : configurations) {
            tape.clear();
            static_cast<void>(model.forward(pass, images, configuration));
        }
    });
    std::string places;
    for (const std::string& slot : slots) places += (places.empty() ? "" : ",") + slot;
    std::printf(
        "{\"slots\": \"%s\", \"batch\": %d, \"together_ms\": %.4f, \"separately_ms\": %.4f, "
        "\"share\": %.3f}\n",
        places.c_str(), static_cast<int>(batch), together, separately, together / separately);
    std::fflush(stdout);
}

}  // namespace

int main() {
    try {
        const std::vector<std::vector<std::string>> places{{"r0c0", "r0c1", "r0c2"},
                                                           {"r1c1", "r0c2", "r1c2"}};
        for (const auto& slots : places) {
            for (const Index batch : {32, 128, 512}) compare(slots, batch);
        }
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "gpu_counterfactual: %s\n", error.what());
        return 1;
    }
}
