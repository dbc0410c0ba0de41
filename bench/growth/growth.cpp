// growth: runs of growing and of lone hosts on images, a line of JSON each, for docs/growth.md.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

#include "cifar10.hpp"
#include "procedural.hpp"
#include "training.hpp"

namespace {

using namespace kasmina;
using namespace kasmina::examples;
using Backend = backends::Eigen<float>;
using Json = nlohmann::json;

struct LoudHeavyOptions {
    bool layer_scale = false;
    using Fields = reflect::List<&LoudHeavyOptions::layer_scale>;
};

/// conv_heavy, born as loud as its convolutions are.
struct LoudHeavy {
    static constexpr std::string_view name = "loud_heavy";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::own_start;
    using Needs = cnn::ConvHeavy::Needs;
    using Options = LoudHeavyOptions;
    static constexpr void check(Index, const Options& = {}) {}
    static constexpr Index parameter_count(Index width, const Options& options = {}) {
        return cnn::ConvHeavy::parameter_count(width, {options.layer_scale});
    }
    template <class B>
    struct Module : cnn::ConvHeavy::Module<B> {
        Module(typename B::Context& context, Index width, const Options& options,
               Generator& generator)
            : cnn::ConvHeavy::Module<B>(context, width, {options.layer_scale}, generator) {}
    };
};

struct ScaledOptions {
    double start = 0.1;
    using Fields = reflect::List<&ScaledOptions::start>;
};

/// conv_heavy with a scale that begins at 0.1.
struct ScaledHeavy {
    static constexpr std::string_view name = "scaled_heavy";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::own_start;
    using Needs = cnn::ConvHeavy::Needs;
    using Options = ScaledOptions;
    static constexpr void check(Index, const Options& = {}) {}
    static constexpr Index parameter_count(Index width, const Options& = {}) {
        return cnn::ConvHeavy::parameter_count(width, {true});
    }
    template <class B>
    struct Module : cnn::ConvHeavy::Module<B> {
        Module(typename B::Context& context, Index width, const Options& options,
               Generator& generator)
            : cnn::ConvHeavy::Module<B>(context, width, {true}, generator) {
            this->scale.emplace(nn::constant_parameter<B>(context, {width}, options.start));
        }
    };
};

struct NoiseOptions {
    double amplitude = 0.5;  ///< half width, beside activations of deviation 1
    using Fields = reflect::List<&NoiseOptions::amplitude>;
};

/// y = x + scale * noise, uniform, new in every pass, in training and out of it: there is nothing
/// in it that could help.
struct Noise {
    static constexpr std::string_view name = "noise";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::own_start;
    using Needs = kasmina::Needs<capability::Pointwise, capability::Random>;
    using Options = NoiseOptions;
    static constexpr void check(Index, const Options& = {}) {}
    static constexpr Index parameter_count(Index width, const Options& = {}) { return width; }
    template <class B>
    struct Module : nn::Visitable<Module<B>> {
        Parameter<B> scale;
        mutable Generator noise;
        Module(typename B::Context& context, Index width, const Options& options,
               Generator& generator)
            : scale(nn::constant_parameter<B>(context, {width}, options.amplitude)),
              noise(generator.state().key, 99) {}
        Variable<B> forward(Pass<B>& pass, const Variable<B>& x) const {
            auto values = Tensor<B>::full(pass.context(), x.shape(), 0);
            B::fill_uniform(pass.context(), noise.reserve(2 * static_cast<std::uint64_t>(values.size())), -1.0, 1.0,
                            values.data(), values.size());
            return ops::add_scaled(x, pass.parameter(scale), pass.constant(std::move(values)));
        }
        static constexpr auto members() { return std::tuple(nn::Member{"scale", &Module::scale}); }
    };
};

/// Asks for nothing: for seeds that are there from the start.
template <Gate G>
struct Open {
    static constexpr Gate gate = G;
    constexpr GateResult operator()(const GateEvidence&, const GateThresholds&) const {
        return GateResult(gate).require("open", true);
    }
};

struct OpenPolicies : DefaultPolicies {
    using Gates = GateSet<Open<Gate::g0>, Open<Gate::g1>, Open<Gate::g2>, Open<Gate::g3>, Open<Gate::g5>>;
};

struct Policies : DefaultPolicies {};
using Blueprints = CnnBlueprints::with<LoudHeavy>::with<ScaledHeavy>::with<Noise>;
template <class P>
using ModelOf = MorphogeneticModel<hosts::Cnn<Backend>, Blueprints, P>;
using Shadows = judge::Shadows<ModelOf<Policies>, optim::Sgd<Backend>>;

struct Options {
    std::string data{};
    std::uint64_t first = 1, last = 1;
    int epochs = 60;
    Index width = 8;
    std::string kind = "trained";  // host, trained, untrained, shuffled, start
    std::string judge = "shadow";  // shadow, ablation, keep
    std::vector<std::string> slots{"r0c0"};
    std::vector<std::string> blueprints{"conv_heavy"};
    std::string incubation = "feedback";
    std::string curve = "sigmoid";
    int tempo = 5;
    int first_epoch = 5;
    double rate = 0.05;
    double seed_rate = 0.05;
    double decay = 5e-4;
    double seed_decay = 5e-4;
    double drop_limit = 8.0;
    double errors = 2.0;
    int patience = 20;
    int readiness_patience = 10;
    std::string algorithm = "add";
    std::string label = "";
    std::size_t batch = 64;
};

template <class Model>
std::uint64_t digest(Model& model) {
    std::uint64_t hash = 1469598103934665603ULL;
    const auto mix = [&](const void* data, std::size_t bytes) {
        const auto* at = static_cast<const unsigned char*>(data);
        for (std::size_t i = 0; i < bytes; ++i) hash = (hash ^ at[i]) * 1099511628211ULL;
    };
    for (const auto& named : model.host_parameters()) {
        const auto values = named.parameter->value().to_host(model.context());
        mix(values.data(), values.size() * sizeof(values[0]));
    }
    return hash;
}

template <class Policies, class Judge>
Json run(const Options& o, const Splits& data, std::uint64_t seed) {
    const auto start = std::chrono::steady_clock::now();
    using Model = ModelOf<Policies>;
    Backend::Context context(1);
    Generator generator(seed);
    const ImageSet& images = data.training;
    ModelOptions<Policies> options;
    options.gates.thresholds.judgement_errors = o.errors;
    options.gates.thresholds.judgement_patience = o.patience;
    if (o.judge == "keep") {
        options.gates.thresholds.min_fossilize_dependence = -1e9;
        options.gates.thresholds.min_readiness = -1e9;
    }
    Model model(context,
                hosts::Cnn<Backend>(context, {.classes = images.classes,
                                              .in_channels = images.channels,
                                              .base = o.width,
                                              .height = images.height,
                                              .width = images.width}),
                Blueprints{}, generator, std::move(options));
    Recipe recipe;
    recipe.batch_size = o.batch;
    recipe.learning_rate = o.rate;
    recipe.weight_decay = o.decay;
    recipe.seed_learning_rate = o.kind == "untrained" ? 1e-12 : o.seed_rate;
    Training<Model, Judge> training(model, images, data.augmentation, recipe, Generator(seed, 1));
    HeuristicOptions h;
    h.slots = o.slots;
    h.blueprints = o.blueprints;
    h.seeds_on_trial = static_cast<int>(o.slots.size());
    h.plateau_improvement = 100.0;
    h.plateau_epochs = o.first_epoch > 3 ? 3 : 1;
    h.first_epoch = o.kind == "host" ? 1000000 : o.first_epoch;
    h.drop_limit = o.judge == "keep" ? 1e9 : o.drop_limit;
    h.stall_epochs = o.judge == "keep" ? 1000 : 5;
    h.readiness_patience = o.readiness_patience;
    h.germination.incubation =
        o.incubation == "feedback" ? Incubation::feedback : Incubation::straight_through;
    h.germination.tempo_epochs = o.tempo;
    h.germination.curve = o.curve == "sigmoid"  ? AlphaCurve::sigmoid
                          : o.curve == "linear" ? AlphaCurve::linear
                                                : AlphaCurve::cosine;
    h.germination.algorithm = o.algorithm == "add" ? BlendAlgorithm::add : BlendAlgorithm::gate;
    if (o.kind == "start") {
        for (std::size_t i = 0; i < o.slots.size(); ++i) {
            auto& slot = model.slot(o.slots[i]);
            GerminationOptions at_once = h.germination;
            at_once.tempo_epochs = 1;
            slot.germinate(o.blueprints[i % o.blueprints.size()], at_once);
            for (int tick = 0; tick < 3 && slot.stage() != Stage::fossilized; ++tick) {
                while (slot.stage() != Stage::fossilized && bool(slot.advance().advanced)) {}
                slot.step_epoch();
            }
            if (slot.stage() != Stage::fossilized) std::cerr << "not fossilized: " << name_of(slot.stage()) << "\n";
        }
        h.first_epoch = 1000000;
    }
    Grower grower(model, HeuristicController(h), std::log(static_cast<double>(images.classes)));
    std::vector<double> validation;
    Json changes = Json::array();
    Json judged = Json::array();
    for (int epoch = 1; epoch <= o.epochs; ++epoch) {
        const auto measured = training.epoch(epoch, o.epochs, [](double) {}, o.kind == "shuffled");
        EpochReport report = grower.end_epoch(
            model, training.learner(), measured.loss,
            [&](std::span<const AlphaOverrides> configurations) {
                return training.accuracies(data.validation, configurations);
            });
        if (epoch == o.epochs) {
            for (auto& change : grower.finish(model, training.learner()))
                report.changes.push_back(change);
        }
        validation.push_back(std::round(report.accuracy * 100) / 100);
        for (const auto& change : report.changes) {
            changes.push_back({epoch, change.slot, name_of(change.to), change.reason});
            for (const auto& slot : report.slots) {
                if (slot.slot != change.slot) continue;
                if (change.to != Stage::pruned && change.to != Stage::fossilized) continue;
                Json line{{"epoch", epoch}, {"slot", change.slot}, {"to", name_of(change.to)}};
                if (slot.metrics.contribution) {
                    line["contribution"] = slot.metrics.contribution->value;
                    if (slot.metrics.contribution->has_error())
                        line["error"] = slot.metrics.contribution->standard_error;
                }
                if (slot.metrics.dependence) line["dependence"] = *slot.metrics.dependence;
                judged.push_back(line);
            }
        }
        if (report.panic) changes.push_back({epoch, "", "panic", prune_reason(*report.panic)});
    }
    const ImageSet test = data.load_test();
    Json line{{"label", o.label},
              {"seed", seed},
              {"kind", o.kind},
              {"judge", o.judge},
              {"epochs", o.epochs},
              {"test", training.accuracy(test)},
              {"last", validation.back()},
              {"parameters", model.total_parameters()},
              {"digest", std::to_string(digest(model))}};
    double last = 0;
    for (int i = 0; i < 5; ++i) last += validation[validation.size() - 1 - i] / 5;
    line["last5"] = last;
    line["seconds"] =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    line["judged"] = judged;
    line["changes"] = changes;
    line["validation"] = validation;
    return line;
}

}  // namespace

int main(int argc, char** argv) {
    Options o;
    CLI::App app("Runs of growth, a line of JSON each.");
    app.add_option("--data", o.data);
    app.add_option("--first", o.first);
    app.add_option("--last", o.last);
    app.add_option("--epochs", o.epochs);
    app.add_option("--width", o.width);
    app.add_option("--kind", o.kind);
    app.add_option("--judge", o.judge);
    app.add_option("--slots", o.slots)->delimiter(',');
    app.add_option("--blueprints", o.blueprints)->delimiter(',');
    app.add_option("--incubation", o.incubation);
    app.add_option("--curve", o.curve);
    app.add_option("--algorithm", o.algorithm);
    app.add_option("--tempo", o.tempo);
    app.add_option("--first-epoch", o.first_epoch);
    app.add_option("--rate", o.rate);
    app.add_option("--seed-rate", o.seed_rate);
    app.add_option("--errors", o.errors);
    app.add_option("--patience", o.patience);
    app.add_option("--readiness-patience", o.readiness_patience);
    app.add_option("--drop-limit", o.drop_limit);
    app.add_option("--batch", o.batch);
    app.add_option("--label", o.label);
    CLI11_PARSE(app, argc, argv);
    try {
        for (std::uint64_t seed = o.first; seed <= o.last; ++seed) {
            const Splits data =
                o.data.empty() ? procedural::load(seed) : cifar10::load(o.data, seed);
            const Json line = o.kind == "start" ? run<OpenPolicies, judge::Ablation>(o, data, seed)
                              : o.judge == "shadow" ? run<Policies, Shadows>(o, data, seed)
                                                    : run<Policies, judge::Ablation>(o, data, seed);
            std::cout << line.dump() << std::endl;
        }
    } catch (const Error& error) {
        std::cerr << "growth: " << error.what() << '\n';
        return 2;
    }
}
