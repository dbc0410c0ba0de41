// growth: whole runs, of growing networks and of others beside them, a line of JSON each. What
// docs/growth.md says is made of these lines by table.py.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <iostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/data/data_loader.hpp>
#include <kasmina/data/in_order.hpp>
#include <kasmina/kasmina.hpp>

#include "cifar10.hpp"
#include "host_work.hpp"
#include "loud_seed.hpp"
#include "procedural.hpp"
#include "useless_seeds.hpp"
#include "work.hpp"

namespace {

using namespace kasmina;
using namespace kasmina::examples;
using Cpu = backends::Eigen<float>;
using Json = nlohmann::json;

using Blueprints = CnnBlueprints::with<growth::Noise, growth::LoudConvHeavy>;
template <class Policies>
using ModelOf = MorphogeneticModel<hosts::Cnn<Cpu>, Blueprints, Policies>;
using Shadows = judge::Shadows<ModelOf<DefaultPolicies>, optim::Sgd<Cpu>>;

struct Options {
    std::string data{};
    std::uint64_t first = 1;
    std::uint64_t last = 1;
    int epochs = 60;
    Index width = 8;
    std::string kind = "trained";
    std::string judge = "shadow";
    std::string label{};
    std::vector<std::string> slots{"r1c2"};
    std::vector<std::string> blueprints{"conv_heavy"};
    std::string incubation = "feedback";
    std::string curve = "sigmoid";
    int tempo = 5;
    int on_trial = 0;
    int first_epoch = 3;
    double host_rate = 0.05;
    double seed_rate = 0.05;
    double lesson_rate = 0.04;
    int lesson_every = 4;
    double errors = 2.0;
    int settling = 10;
    int judged_epochs = 5;
    int patience = 20;
    int readiness_patience = 10;
    double lowest = 0.0;
    std::string seed_schedule = "cosine";
    bool sealed = false;
    std::size_t batch = 64;
};

/// What a line says of how its run was made.
Json said(const Options& line) {
    return {{"label", line.label},
            {"kind", line.kind},
            {"judge", line.judge},
            {"slots", line.slots},
            {"blueprints", line.blueprints},
            {"incubation", line.incubation},
            {"curve", line.curve},
            {"tempo", line.tempo},
            {"first_epoch", line.first_epoch},
            {"host_rate", line.host_rate},
            {"seed_rate", line.seed_rate},
            {"seed_schedule", line.seed_schedule},
            {"lesson_rate", line.lesson_rate},
            {"lesson_every", line.lesson_every},
            {"settling", line.settling},
            {"patience", line.patience},
            {"readiness_patience", line.readiness_patience}};
}

/// Of all bytes of parameters and statistics: equal networks have equal ones (FNV-1a).
template <class Model>
std::string digest(Model& model) {
    std::uint64_t hash = 14695981039346656037ULL;
    const auto mix = [&](const auto& tensor) {
        for (const auto value : tensor.to_host(model.context())) {
            unsigned char bytes[sizeof value];
            std::memcpy(bytes, &value, sizeof value);
            for (const unsigned char byte : bytes) hash = (hash ^ byte) * 1099511628211ULL;
        }
    };
    const auto contents = model.contents();
    for (const auto& named : contents.parameters) mix(named.parameter->value());
    for (const auto& named : contents.states) named.state.visit(mix);
    return std::to_string(hash);
}

HeuristicOptions controller_options(const Options& line) {
    HeuristicOptions options;
    options.slots = line.slots;
    options.blueprints = line.blueprints;
    options.seeds_on_trial =
        line.on_trial > 0 ? line.on_trial : static_cast<int>(line.slots.size());
    options.plateau_epochs = 1;
    options.plateau_improvement = 100.0;
    options.first_epoch = line.first_epoch;
    options.drop_limit = 8.0;
    options.readiness_patience = line.readiness_patience;
    options.germination.incubation =
        line.incubation == "feedback" ? Incubation::feedback : Incubation::straight_through;
    options.germination.tempo_epochs = line.tempo;
    options.germination.curve = line.curve == "linear"   ? AlphaCurve::linear
                                : line.curve == "cosine" ? AlphaCurve::cosine
                                                         : AlphaCurve::sigmoid;
    if (line.judge == "keep") {
        options.drop_limit = 100.0;
        options.stall_epochs = 1000000;
    }
    if (line.kind == "host" || line.kind == "start") options.first_epoch = 1000000;
    return options;
}

/// Seeds that are there from the first step on, at full amplitude.
template <class Model>
void plant_at_once(Model& model, const Options& line) {
    for (std::size_t i = 0; i < line.slots.size(); ++i) {
        auto& slot = model.slot(line.slots[i]);
        GerminationOptions options;
        options.tempo_epochs = 1;
        slot.germinate(line.blueprints[i % line.blueprints.size()], options);
        while (slot.stage() != Stage::fossilized) {
            while (slot.stage() != Stage::fossilized && slot.advance().advanced) {
            }
            slot.step_epoch();
        }
    }
}

template <class Model>
bool is_heard(const Model& model) {
    for (const auto& slot : model.slots()) {
        if (slot.stage() == Stage::blending || slot.stage() == Stage::holding ||
            slot.stage() == Stage::fossilized) {
            return true;
        }
    }
    return false;
}

void note(const EpochReport& report, Json& line) {
    for (const auto& change : report.changes) {
        line["changes"].push_back({report.epoch, change.slot, name_of(change.to), change.reason});
        if (change.to != Stage::pruned && change.to != Stage::fossilized) continue;
        for (const auto& slot : report.slots) {
            if (slot.slot != change.slot) continue;
            Json verdict{{"epoch", report.epoch},
                         {"slot", change.slot},
                         {"to", name_of(change.to)},
                         {"reason", change.reason}};
            if (slot.metrics.contribution) {
                verdict["contribution"] = slot.metrics.contribution->value;
                verdict["error"] = slot.metrics.contribution->standard_error;
                verdict["epochs"] = slot.metrics.contribution->count;
            }
            line["verdicts"].push_back(std::move(verdict));
        }
    }
    for (const auto& slot : report.slots) {
        const SeedMetrics& metrics = slot.metrics;
        if (slot.stage == Stage::training && metrics.readiness) {
            line["readiness"].push_back({report.epoch, slot.slot, metrics.readiness->value,
                                         metrics.readiness->standard_error});
        }
        if (slot.stage != Stage::blending && slot.stage != Stage::holding) continue;
        if (metrics.dependence) {
            line["dependence"].push_back({report.epoch, slot.slot, *metrics.dependence});
        }
        if (slot.stage == Stage::holding && metrics.contribution) {
            line["contribution"].push_back({report.epoch, slot.slot, metrics.contribution->value,
                                            metrics.contribution->standard_error});
        }
    }
    if (report.panic) line["changes"].push_back({report.epoch, "", "panic", ""});
}

template <class Policies, class Judge>
Json run(const Options& line, const Splits& data, std::uint64_t seed) {
    using Model = ModelOf<Policies>;
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu = std::clock();
    const ImageSet& images = data.training;
    Cpu::Context context(1);
    Generator generator(seed);
    ModelOptions<Policies> options;
    options.gates.thresholds.judgement_errors = line.errors;
    options.gates.thresholds.settling_epochs = line.settling;
    options.gates.thresholds.min_judgement_epochs = line.judged_epochs;
    options.gates.thresholds.judgement_patience = line.patience;
    if (line.judge == "keep") options.gates.thresholds.min_fossilize_dependence = -100.0;
    const hosts::CnnOptions sizes{.classes = images.classes,
                                  .in_channels = images.channels,
                                  .base = line.width,
                                  .height = images.height,
                                  .width = images.width};
    Model model(context, hosts::Cnn<Cpu>(context, sizes), Blueprints{}, generator,
                std::move(options));
    const auto rule = [](double rate) {
        return optim::SgdOptions{
            .learning_rate = rate, .momentum = 0.9, .weight_decay = 5e-4, .nesterov = true};
    };
    train::Learner<Model, optim::SgdRule, Judge> learner(model,
                                                         {.host = rule(line.host_rate),
                                                          .seeds = rule(line.seed_rate),
                                                          .lesson_rate = line.lesson_rate,
                                                          .lesson_every = line.lesson_every});
    Grower grower(model, HeuristicController(controller_options(line)),
                  std::log(static_cast<double>(images.classes)));
    auto stream = data::load_data<Cpu>(context, images, {.batch_size = line.batch},
                                       Generator(seed, 1), data.augmentation);
    const auto scores = [&](std::span<const AlphaOverrides> configurations) {
        return mean_scores(model, context, configurations,
                           data::in_order<Cpu>(context, data.validation), AccuracyScore{});
    };
    const train::CosineSchedule schedule{.lowest = line.lowest};
    RunWork work(work_of(sizes), model, Judge::kind, line.lesson_every);
    Json result = said(line);
    result["data"] = data.name;
    result["seed"] = seed;
    for (const char* list : {"changes", "verdicts", "readiness", "dependence", "contribution"}) {
        result[list] = Json::array();
    }
    std::vector<double> validation;
    std::vector<double> losses_of_epochs;
    for (int epoch = 1; epoch <= line.epochs; ++epoch) {
        if (line.kind == "start" && epoch == line.first_epoch) {
            plant_at_once(model, line);
            work.look_at(model);
        }
        const double factor = schedule((epoch - 1.0) / line.epochs);
        // A seed that learned from shuffled labels stays as it is once the network hears it.
        const bool learns =
            line.kind != "untrained" && !(line.kind == "shuffled" && is_heard(model));
        const double seed_factor = line.seed_schedule == "constant" ? 1.0 : factor;
        learner.set_learning_rates(line.host_rate * factor,
                                   learns ? line.seed_rate * seed_factor : 1e-12);
        double loss = 0.0;
        int steps = 0;
        stream.start_epoch();
        while (auto* batch = stream.next()) {
            std::vector<std::int32_t> labels = batch->labels.tensor().to_host(context);
            std::ranges::reverse(labels);
            const ClassLabels<Cpu> shuffled(context, labels, images.classes);
            // After `observe` comes the network's own loss, and then those of lessons.
            int losses = -1;
            auto value = learner.step(
                model, batch->input,
                [&](const Variable<Cpu>& logits) {
                    const bool lesson = losses > 0;
                    if (losses >= 0) ++losses;
                    return ops::cross_entropy(
                        logits, lesson && line.kind == "shuffled" ? shuffled : batch->labels);
                },
                [&](const Variable<Cpu>&) { losses = 0; });
            loss += static_cast<double>(value.get());
            ++steps;
        }
        const Index samples = stream.samples_per_epoch();
        EpochReport report = grower.end_epoch(model, learner, loss / steps, scores);
        if (epoch == line.epochs) {
            for (auto& change : grower.finish(model, learner)) {
                report.changes.push_back(std::move(change));
            }
        }
        work.epoch(samples, model);
        note(report, result);
        validation.push_back(report.score);
        losses_of_epochs.push_back(loss / steps);
    }
    result["multiplications"] = work.total();
    result["multiplications_of_shadows"] = work.of_shadow();
    result["validation"] = validation;
    result["loss"] = losses_of_epochs;
    result["cpu_seconds"] = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    if (!line.sealed) {
        const ImageSet test = data.open_test();
        result["test"] = mean_scores(model, context, std::array{AlphaOverrides{}},
                                     data::in_order<Cpu>(context, test), AccuracyScore{})[0];
    }
    result["parameters"] = model.total_parameters();
    result["digest"] = digest(model);
    result["seconds"] =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return result;
}

}  // namespace

int main(int argc, char** argv) {
    Options line;
    CLI::App app("Whole runs of growth, a line of JSON each.");
    app.option_defaults()->always_capture_default();
    app.add_option("--data", line.data, "folder with CIFAR-10's binary files; else a drawn task");
    app.add_option("--first", line.first, "seed of the first run");
    app.add_option("--last", line.last, "seed of the last run");
    app.add_option("--epochs", line.epochs, "of each run")->check(CLI::Range(5, 100000));
    app.add_option("--width", line.width, "channels of the host's first block");
    app.add_option("--kind", line.kind,
                   "host: no seed; trained; untrained: its rate is 1e-12; shuffled: lessons with "
                   "wrong labels, and none later; start: the seeds are there, at full amplitude, "
                   "from the first epoch given on")
        ->check(CLI::IsMember({"host", "trained", "untrained", "shuffled", "start"}));
    app.add_option("--judge", line.judge, "keep: no seed is refused for what it brings")
        ->check(CLI::IsMember({"shadow", "ablation", "keep"}));
    app.add_option("--label", line.label, "copied into the lines");
    app.add_option("--slots", line.slots, "where to grow")->delimiter(',');
    app.add_option("--blueprints", line.blueprints, "what to grow; also: noise, loud_conv_heavy")
        ->delimiter(',');
    app.add_option("--incubation", line.incubation, "how seeds learn behind the host")
        ->check(CLI::IsMember({"feedback", "straight_through"}));
    app.add_option("--curve", line.curve, "of the ramp")
        ->check(CLI::IsMember({"sigmoid", "linear", "cosine"}));
    app.add_option("--tempo", line.tempo, "epochs of the ramp");
    app.add_option("--on-trial", line.on_trial, "seeds at once; 0: one for each slot");
    app.add_option("--first-epoch", line.first_epoch, "in which a seed may germinate");
    app.add_option("--host-rate", line.host_rate, "learning rate of the host at the start");
    app.add_option("--seed-rate", line.seed_rate, "learning rate of seeds at the start");
    app.add_option("--lesson-rate", line.lesson_rate,
                   "share of the seeds' rate that a seed learns with behind the host");
    app.add_option("--lesson-every", line.lesson_every, "with each how many steps it learns there");
    app.add_option("--judgement-errors", line.errors, "standard errors that part from the bound");
    app.add_option("--settling", line.settling, "epochs of holding that are left out");
    app.add_option("--judged-epochs", line.judged_epochs, "at least, at full amplitude");
    app.add_option("--patience", line.patience,
                   "epochs after which half as many errors are enough");
    app.add_option("--readiness-patience", line.readiness_patience,
                   "epochs in which a seed has to get ready to be heard");
    app.add_option("--lowest", line.lowest, "share of the rates that the cosine ends at");
    app.add_option("--seed-schedule", line.seed_schedule,
                   "of the seeds' rate: the host's cosine, or constant")
        ->check(CLI::IsMember({"cosine", "constant"}));
    app.add_flag("--sealed", line.sealed, "the test part is not read");
    app.add_option("--batch", line.batch, "images in a batch");
    CLI11_PARSE(app, argc, argv);
    try {
        for (std::uint64_t seed = line.first; seed <= line.last; ++seed) {
            const Splits data =
                line.data.empty() ? procedural::load(seed) : cifar10::load(line.data, seed);
            Json result;
            if (line.kind == "start") {
                result = run<growth::OpenPolicies, judge::Ablation>(line, data, seed);
            } else if (line.judge == "shadow") {
                result = run<DefaultPolicies, Shadows>(line, data, seed);
            } else {
                result = run<DefaultPolicies, judge::Ablation>(line, data, seed);
            }
            std::cout << result.dump() << std::endl;
        }
    } catch (const Error& error) {
        std::cerr << "growth: " << error.what() << '\n';
        return 2;
    }
    return 0;
}
