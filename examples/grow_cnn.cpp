// grow_cnn: trains a small CNN on images, alone and with a seed that grows into it, and compares.
#include <chrono>
#include <iostream>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/gates/message.hpp>
#include <kasmina/kasmina.hpp>
#include <kasmina/telemetry/json_lines.hpp>
#include <kasmina/telemetry/tensorboard.hpp>

#include "cifar10.hpp"
#include "command_line.hpp"
#include "mnist.hpp"
#include "procedural.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "summary.hpp"
#include "table.hpp"
#include "training.hpp"

namespace {

using namespace kasmina;
using namespace kasmina::examples;

using Backend = backends::Eigen<float>;
using Clock = std::chrono::steady_clock;

/// Behind the host a seed cannot move the accuracy, so this program does not ask for an
/// improvement before blending (G-4), but for a measured contribution before fossilizing (G-6).
struct Policies : DefaultPolicies {
    using Gates = GateSet<gates::Identity, gates::Germination, gates::PermissiveTraining,
                          gates::Blended<true>, gates::Contribution<true>>;
    using Sink = telemetry::FanOutSink;
};

using Model = MorphogeneticModel<hosts::Cnn<Backend>, CnnBlueprints, Policies>;

/// The default configuration, chosen on validation data alone.
constexpr Index host_width = 8;
constexpr const char* growing_slot = "r0c0";

/// On the few hundred images of a validation split the accuracy of the host alone moves by three
/// to four points from one epoch to the next while the rate is high, so the controller's bounds
/// are wider than its defaults: a plateau is no gain of 2 points, a drop is one of 8. A seed that
/// does harm is stopped by its contribution, which is measured on one and the same network.
HeuristicOptions controller_options(const std::string& blueprint) {
    HeuristicOptions options;
    options.slots = {growing_slot};
    options.blueprints = {blueprint};
    options.plateau_improvement = 2.0;
    options.drop_limit = 8.0;
    return options;
}

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

Splits load(const CommandLine& line) {
    if (line.data) return cifar10::load(*line.data, line.seed);
    if (line.mnist) return mnist::load(*line.mnist, line.seed);
    return procedural::load(line.seed);
}

Model make_model(const Splits& data, std::uint64_t seed, Policies::Sink sink) {
    Generator generator(seed);
    const ImageSet& images = data.training;
    ModelOptions<Policies> options;
    options.sink = std::move(sink);
    return Model(hosts::Cnn<Backend>({.classes = images.classes,
                                      .in_channels = images.channels,
                                      .base = host_width,
                                      .height = images.height,
                                      .width = images.width}),
                 CnnBlueprints{}, generator, std::move(options));
}

/// Tells what happens, on a terminal with a bar below.
class Story {
public:
    explicit Story(int total_epochs)
        : progress_(std::cout, detect_terminal()), total_epochs_(total_epochs) {}

    void line(const std::string& text) { progress_.line(text); }

    void step(const char* label, double share) {
        progress_.update((epochs_done_ + share) / total_epochs_, seconds_since(start_), label);
    }
    void epoch_done() { ++epochs_done_; }
    void finish() { progress_.clear(); }

private:
    Progress progress_;
    int total_epochs_;
    double epochs_done_ = 0.0;
    Clock::time_point start_ = Clock::now();
};

void show(Story& story, const EpochMeasurement& measured, int epoch, double validation,
          const SlotReport* slot, double seconds) {
    EpochRow row;
    row.epoch = epoch;
    row.loss = measured.loss;
    row.training_accuracy = measured.accuracy;
    row.validation_accuracy = validation;
    row.seconds = seconds;
    if (slot != nullptr) {
        row.stage = name_of(slot->stage);
        if (is_active(slot->stage)) {
            row.alpha = slot->alpha.alpha;
            row.gradient_ratio = slot->metrics.gradient_ratio;
            row.contribution = slot->metrics.contribution;
        }
    }
    story.line(table_row(row));
}

/// Trains the host by itself; its accuracy on the test part is taken later. Returns the one on the
/// validation part after each epoch.
std::vector<double> train_host(Training<Model>& training, const Splits& data, int epochs,
                               Story& story) {
    std::vector<double> accuracies;
    story.line(table_header());
    for (int epoch = 1; epoch <= epochs; ++epoch) {
        const auto start = Clock::now();
        const auto measured =
            training.epoch(epoch, epochs, [&](double share) { story.step("host alone", share); });
        const double validation = training.accuracy(data.validation);
        show(story, measured, epoch, validation, nullptr, seconds_since(start));
        accuracies.push_back(validation);
        story.epoch_done();
    }
    return accuracies;
}

/// What the page shows of the slot in an epoch.
SlotEpoch slot_epoch(const SlotReport& slot, const EpochReport& report,
                     std::size_t validation_images) {
    SlotEpoch shown{.stage = std::string(name_of(slot.stage))};
    if (is_active(slot.stage)) {
        shown.alpha = slot.alpha.alpha;
        shown.gradient_ratio = slot.metrics.gradient_ratio;
    }
    // A fossilized seed keeps the contribution that it fossilized with.
    const bool measured = slot.stage == Stage::blending || slot.stage == Stage::holding;
    if (measured && slot.metrics.contribution) {
        shown.contribution = slot.metrics.contribution;
        shown.contribution_error = difference_error(
            report.accuracy, report.accuracy - *shown.contribution, validation_images);
    }
    for (std::size_t i = 0; i < report.verdicts.size(); ++i) {
        if (report.slots[i].slot == slot.slot && report.verdicts[i]) {
            shown.verdict = message_of(*report.verdicts[i]);
        }
    }
    return shown;
}

/// Follows the seeds: how many, along which stages, with which contribution at the end.
struct Growth {
    int germinated = 0;
    int fossilized = 0;
    int pruned = 0;
    std::vector<std::vector<std::string>> paths;
    std::optional<double> contribution;
    std::vector<double> accuracies;  ///< on the validation part, after each epoch
    SlotHistory history{growing_slot, {}};
    std::vector<ReportEvent> events;

    void note(const kasmina::StageChange& change, const SlotReport& measured) {
        if (change.to == Stage::germinated) {
            ++germinated;
            path_of[change.slot] = paths.size();
            paths.push_back({std::string(name_of(change.from))});
        }
        if (change.to == Stage::pruned) ++pruned;
        if (change.to == Stage::fossilized) {
            ++fossilized;
            contribution = measured.metrics.contribution;
        }
        paths[path_of.at(change.slot)].emplace_back(name_of(change.to));
    }

private:
    std::map<std::string, std::size_t> path_of;  ///< of the seed that a slot holds
};

Growth train_growing(Training<Model>& training, Model& model, Backend::Context& context,
                     const Splits& data, const CommandLine& line, Story& story) {
    Grower grower(model, HeuristicController(controller_options(line.blueprint)),
                  std::log(static_cast<double>(data.training.classes)));
    Growth growth;
    story.line(table_header());
    for (int epoch = 1; epoch <= line.epochs; ++epoch) {
        const auto start = Clock::now();
        const auto measured =
            training.epoch(epoch, line.epochs, [&](double share) { story.step("growing", share); });
        const EpochReport report =
            grower.end_epoch(context, measured.loss, [&](const AlphaOverrides& overrides) {
                return training.accuracy(data.validation, overrides);
            });
        if (report.panic) {
            training.forget_momentum();
            story.line("epoch " + std::to_string(epoch) + ": the governor rolled back (" +
                       std::string(prune_reason(*report.panic)) + ")");
        }
        training.synchronise();
        // Before the decisions where there is such a report: what the decisions were made on.
        const auto reported = [&](const std::string& name) {
            for (const SlotReport& before : report.slots) {
                if (before.slot == name) return before;
            }
            return model.slot(name).report();
        };
        const SlotReport shown = reported(growing_slot);
        show(story, measured, epoch, report.accuracy, &shown, seconds_since(start));
        growth.accuracies.push_back(report.accuracy);
        growth.history.epochs.push_back(slot_epoch(shown, report, data.validation.count()));
        for (const kasmina::StageChange& change : report.changes) {
            growth.note(change, reported(change.slot));
            const std::string told =
                sentence({epoch, change.slot, change.blueprint, std::string(name_of(change.from)),
                          std::string(name_of(change.to)), change.reason});
            story.line(told);
            growth.events.push_back({epoch, change.slot, told.substr(told.find(": ") + 2)});
        }
        story.epoch_done();
    }
    return growth;
}

std::string joined(const std::vector<std::string>& path) {
    std::string text;
    for (const std::string& stage : path) text += (text.empty() ? "" : " -> ") + stage;
    return text;
}

void conclude(const Summary& summary, double host_seconds, double grown_seconds,
              std::size_t test_images) {
    std::printf("\non %zu test images, read once, now:\n", test_images);
    std::printf("  host alone  %6.2f %%  %8lld parameters  %.2f s an epoch\n",
                summary.host_only_accuracy, static_cast<long long>(summary.host_parameters),
                host_seconds / summary.epochs);
    std::printf("  grown       %6.2f %%  %8lld parameters  %.2f s an epoch\n",
                summary.grown_accuracy, static_cast<long long>(summary.grown_parameters),
                grown_seconds / summary.epochs);
    std::printf("  difference  %+6.2f points\n",
                summary.grown_accuracy - summary.host_only_accuracy);
    std::printf("seeds: %d germinated, %d fossilized, %d pruned\n", summary.germinated,
                summary.fossilized, summary.pruned);
    for (const auto& path : summary.stages) std::printf("  %s\n", joined(path).c_str());
    if (summary.contribution) {
        std::printf("contribution when it fossilized: %+.2f points on validation images\n",
                    *summary.contribution);
    }
}

RunReport page_of(const Splits& data, const CommandLine& line, const Summary& summary,
                  std::vector<double> host_accuracies, const Growth& growth,
                  std::size_t test_images) {
    RunReport page;
    page.title = data.name + ": a network that grew";
    page.subtitle = line.blueprint + " at " + growing_slot + "; " +
                    std::to_string(data.training.count()) + " images to train, " +
                    std::to_string(data.validation.count()) + " to validate; seed " +
                    std::to_string(line.seed);
    const double gained = summary.grown_accuracy - summary.host_only_accuracy;
    page.tiles = {{number("%.2f %%", summary.grown_accuracy),
                   "grown, on " + std::to_string(test_images) + " test images"},
                  {number("%.2f %%", summary.host_only_accuracy), "host alone, on the same"},
                  {number("%+.2f", gained), "points between them"},
                  {std::to_string(summary.grown_parameters),
                   "parameters, from " + std::to_string(summary.host_parameters)}};
    page.host_accuracy = std::move(host_accuracies);
    page.grown_accuracy = growth.accuracies;
    page.slots = {growth.history};
    page.events = growth.events;
    return page;
}

void run(const CommandLine& line) {
    if (line.summary) require_writable(*line.summary);
    if (line.report) require_writable(*line.report);
    Policies::Sink sink;
    if (line.telemetry) sink.add(telemetry::JsonLinesSink(*line.telemetry));
    if (line.tensorboard) sink.add(telemetry::TensorBoardSink(*line.tensorboard));
    const auto start = Clock::now();
    const Splits data = load(line);
    Backend::Context context(line.threads);
    const Recipe recipe;
    Story story(2 * line.epochs);
    story.line(data.name + ": " + std::to_string(data.training.count()) + " images to train, " +
               std::to_string(data.validation.count()) + " to validate; seed " +
               std::to_string(line.seed) + ", " + std::to_string(line.threads) + " threads");

    // The same seed gives both networks the same start and the same batches.
    const Generator order(line.seed, 1);
    Model host = make_model(data, line.seed, {});
    Model grown = make_model(data, line.seed, std::move(sink));
    Training<Model> host_training(host, context, data.training, data.augmentation, recipe, order);
    Training<Model> grown_training(grown, context, data.training, data.augmentation, recipe, order);

    story.line("\nthe host alone, " + std::to_string(host.total_parameters()) + " parameters");
    const auto host_start = Clock::now();
    std::vector<double> host_accuracies = train_host(host_training, data, line.epochs, story);
    const double host_seconds = seconds_since(host_start);

    story.line("\nthe same host, growing " + line.blueprint + " at " + growing_slot);
    const auto grown_start = Clock::now();
    const Growth growth = train_growing(grown_training, grown, context, data, line, story);
    const double grown_seconds = seconds_since(grown_start);
    story.finish();

    const ImageSet test = data.load_test();
    Summary summary;
    summary.host_only_accuracy = host_training.accuracy(test);
    summary.grown_accuracy = grown_training.accuracy(test);
    summary.host_parameters = host.total_parameters();
    summary.grown_parameters = grown.total_parameters();
    summary.germinated = growth.germinated;
    summary.fossilized = growth.fossilized;
    summary.pruned = growth.pruned;
    summary.stages = growth.paths;
    summary.contribution = growth.contribution;
    summary.epochs = line.epochs;
    summary.seconds = seconds_since(start);
    conclude(summary, host_seconds, grown_seconds, test.count());
    if (grown.telemetry_failures().count > 0) {
        std::cerr << "telemetry was lost " << grown.telemetry_failures().count
                  << " times: " << grown.telemetry_failures().first << '\n';
    }
    if (line.summary) write_summary(*line.summary, summary);
    if (line.report) {
        write_report(*line.report, page_of(data, line, summary, std::move(host_accuracies), growth,
                                           test.count()));
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> blueprints;
    for (const auto name : CnnBlueprints::names()) blueprints.emplace_back(name);
    const auto parsed =
        parse_command_line(argc, argv, CommandLine{}, blueprints, std::cout, std::cerr);
    if (const auto* exit = std::get_if<Exit>(&parsed)) return exit->code;
    try {
        run(std::get<CommandLine>(parsed));
    } catch (const Error& error) {
        std::cerr << "grow_cnn: " << error.what() << '\n';
        return 2;
    }
    return 0;
}
