// Writes checkpoints of a network in every stage with the logits that it gives, for other programs
// to read; or loads weights that another program wrote, and writes the logits.
// usage: kasmina_write_checkpoints FOLDER [--load]
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/checkpoint/checkpoint.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/kasmina.hpp>

#include "slot/open_gates.hpp"

namespace {

using namespace kasmina;
namespace fs = std::filesystem;
using B = backends::Eigen<float>;
using Model = MorphogeneticModel<hosts::Cnn<B>, CnnBlueprints, test::OpenPolicies>;

constexpr Index images = 6;

Tensor<B> make_input(B::Context& context) {
    Generator generator(12);
    std::vector<float> pixels;
    for (Index i = 0; i < images * 8 * 8 * 3; ++i) {
        pixels.push_back(static_cast<float>(generator.normal()));
    }
    return Tensor<B>::from_host(context, {images, 8, 8, 3}, pixels);
}

Model make_model(B::Context& context) {
    Generator generator(4);
    return Model(context,
                 hosts::Cnn<B>(context, {.classes = 3, .base = 4, .height = 8, .width = 8}), {},
                 generator);
}

void write_logits(const fs::path& path, Model& model, const Tensor<B>& input) {
    Tape<B> tape(model.context());
    Pass<B> pass(tape, Mode::evaluation);
    const std::vector<float> logits = model.forward(pass, input).to_host();
    const std::vector<float> pixels = input.to_host(model.context());
    using checkpoint::file::ElementType;
    checkpoint::file::Plan plan;
    plan.add("logits", ElementType::f32, {images, 3}, std::as_bytes(std::span(logits)));
    plan.add("input", ElementType::f32, {images, 8, 8, 3}, std::as_bytes(std::span(pixels)));
    checkpoint::file::write(path, plan);
}

/// Three seeds, each blended in another way, on their ways from germinated to fossilized, and one
/// that is pruned.
void grow(const fs::path& folder) {
    B::Context context;
    Model model = make_model(context);
    const Tensor<B> input = make_input(context);
    const std::vector<std::int32_t> labels{0, 1, 2, 2, 1, 0};
    train::Learner<Model, optim::AdamWRule> learner(
        model, {.host = {.learning_rate = 0.01}, .seeds = {.learning_rate = 0.02}});
    const std::vector<std::pair<std::string, std::string>> seeds{
        {"r0c0", "conv_light"}, {"r0c1", "conv_small"}, {"r0c2", "depthwise"}};
    const std::vector<BlendAlgorithm> blends{BlendAlgorithm::add, BlendAlgorithm::multiply,
                                             BlendAlgorithm::gate};
    for (int epoch = 0; epoch < 14; ++epoch) {
        for (std::size_t i = 0; i < seeds.size(); ++i) {
            auto& slot = model.slot(seeds[i].first);
            const auto place = static_cast<int>(i);
            GerminationOptions options;
            options.algorithm = blends[i];
            options.tempo_epochs = 3;
            if (epoch == 1 + place) slot.germinate(seeds[i].second, options);
            // Two to get to blending, three for the ramp, two to be fossilized.
            for (const int when : {2, 3, 6, 7}) {
                if (epoch == when + 2 * place) slot.advance();
            }
        }
        if (epoch == 3) model.slot("r1c0").germinate("norm");
        if (epoch == 5) model.slot("r1c0").prune("asked");
        for (int step = 0; step < 3; ++step) {
            static_cast<void>(learner.step(model, input, [&labels](const Variable<B>& logits) {
                return ops::cross_entropy(logits, std::span<const std::int32_t>(labels));
            }));
        }
        model.step_epoch();
        const std::string name = (epoch < 10 ? "0" : "") + std::to_string(epoch) + ".safetensors";
        checkpoint::save(folder / ("stage_" + name), model, learner);
        write_logits(folder / ("logits_" + name), model, input);
    }
}

void load(const fs::path& folder) {
    B::Context context;
    Model model = make_model(context);
    const auto report = weights::load(folder / "pytorch.safetensors", context, model.host());
    std::cout << report.in_words() << '\n';
    write_logits(folder / "logits_of_pytorch.safetensors", model, make_input(context));
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc < 2) {
            std::cerr << "usage: kasmina_write_checkpoints FOLDER [--load]\n";
            return 2;
        }
        if (argc == 2) {
            grow(argv[1]);
        } else {
            load(argv[1]);
        }
    } catch (const Error& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
    return 0;
}
