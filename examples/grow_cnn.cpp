// grow_cnn: trains a small CNN on images, alone and with seeds that grow into it, and compares.
#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <iterator>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>
#include <kasmina/telemetry/json_lines.hpp>
#include <kasmina/telemetry/tensorboard.hpp>

#include "cifar10.hpp"
#include "command_line.hpp"
#include "growth.hpp"
#include "image_batches.hpp"
#include "mnist.hpp"
#include "procedural.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "summary.hpp"
#include "table.hpp"

namespace {

using namespace kasmina;
using namespace kasmina::examples;

using Backend = backends::Eigen<float>;
using Clock = std::chrono::steady_clock;

struct Policies : DefaultPolicies {
    using Sink = telemetry::FanOutSink;
};

using Model = MorphogeneticModel<hosts::Cnn<Backend>, CnnBlueprints, Policies>;

/// The default judge; judge::Ablation is the other.
using Shadows = judge::Shadows<Model, optim::Sgd<Backend>>;

/// Rates at the start, which fall to 0 along half a cosine. Seeds have one of their own.
train::LearnerOptions<optim::SgdRule> rates(double host, double seeds) {
    const auto rule = [](double rate) {
        return optim::SgdOptions{
            .learning_rate = rate, .momentum = 0.9, .weight_decay = 5e-4, .nesterov = true};
    };
    return {.host = rule(host), .seeds = rule(seeds)};
}

/// The default configuration, chosen on validation data alone.
constexpr Index host_width = 8;
constexpr std::size_t batch_size = 64;
constexpr double host_rate = 0.05;

/// A seed that does not help leaves no trace, so this program does not wait for a plateau: the
/// earlier a seed grows, the longer the network has of it. On the few hundred images of a
/// validation split the accuracy of the host alone moves by three to four points from one epoch to
/// the next while the rate is high, so a drop is one of 8. Whether a seed does good is for the
/// judge to say, who sees what the network would be without it.
HeuristicOptions controller_options(const CommandLine& line) {
    HeuristicOptions options;
    options.slots = line.slots;
    options.blueprints = {line.blueprint};
    options.seeds_on_trial = static_cast<int>(line.slots.size());
    options.plateau_improvement = 100.0;
    options.drop_limit = 8.0;
    options.germination.incubation =
        line.incubation == "feedback" ? Incubation::feedback : Incubation::straight_through;
    return options;
}

/// Errors: UnknownNameError that lists the slots; OptionError for one named twice.
void require_slots(const Model& model, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        static_cast<void>(model.slot(name));
        if (std::ranges::count(names, name) == 1) continue;
        throw OptionError("a slot is named twice", "--slots", "each slot once", name,
                          "name each slot once");
    }
}

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

Splits load(const CommandLine& line) {
    if (line.data) return cifar10::load(*line.data, line.seed);
    if (line.mnist) return mnist::load(*line.mnist, line.seed);
    return procedural::load(line.seed);
}

Model make_model(Backend::Context& context, const Splits& data, std::uint64_t seed,
                 Policies::Sink sink) {
    Generator generator(seed);
    const ImageSet& images = data.training;
    ModelOptions<Policies> options;
    options.sink = std::move(sink);
    return Model(context,
                 hosts::Cnn<Backend>(context, {.classes = images.classes,
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

/// Trains on the training part and scores on the validation part. The same seed gives all networks
/// the same batches.
template <Controller C, class Judge>
auto make_trainer(Model& model, const Splits& data, const CommandLine& line, C controller,
                  Judge judge) {
    Backend::Context& context = model.context();
    return train::Trainer(
        model,
        ImageStream<Backend>(context, data.training, batch_size, data.augmentation,
                             Generator(line.seed, 1)),
        held_out<Backend>(context, data.validation), rates(host_rate, line.seed_rate),
        std::move(controller),
        {.epochs = line.epochs,
         .random_guess_loss = std::log(static_cast<double>(data.training.classes)),
         .score_training = true},
        train::CrossEntropy{}, train::CosineSchedule{}, AccuracyScore{}, std::move(judge));
}

EpochRow row_of(const train::EpochResult& epoch, double seconds) {
    return {.epoch = epoch.report.epoch,
            .loss = epoch.loss,
            .training_accuracy = *epoch.training_score,
            .validation_accuracy = epoch.report.accuracy,
            .seconds = seconds};
}

void show(Story& story, const Table& table, const EpochRow& row) {
    for (const std::string& line : table.rows(row)) story.line(line);
}

/// Trains to the end; `on_epoch(result, seconds)` hears of each epoch.
template <class Trainer, class OnEpoch>
void run_to_the_end(Trainer& trainer, Model& model, const char* label, Story& story,
                    OnEpoch&& on_epoch) {
    const auto steps = static_cast<double>(trainer.source().batches_per_epoch());
    auto start = Clock::now();
    trainer.run(
        model,
        [&](const train::EpochResult& epoch) {
            on_epoch(epoch, seconds_since(start));
            story.epoch_done();
            start = Clock::now();
        },
        [&](const train::StepResult& step) { story.step(label, step.step / steps); });
}

/// Trains the host by itself; its accuracy on the test part is taken later. Returns the one on the
/// validation part after each epoch.
template <class Trainer>
std::vector<double> train_host(Trainer& trainer, Model& model, Story& story) {
    std::vector<double> accuracies;
    const Table table;
    story.line(table.header());
    run_to_the_end(trainer, model, "host alone", story,
                   [&](const train::EpochResult& epoch, double seconds) {
                       show(story, table, row_of(epoch, seconds));
                       accuracies.push_back(epoch.report.accuracy);
                   });
    return accuracies;
}

/// In per cent, on a set that the network was not trained on.
double accuracy(const Model& model, const ImageSet& images) {
    return mean_scores(model, model.context(), std::array{AlphaOverrides{}},
                       held_out<Backend>(model.context(), images), AccuracyScore{})[0];
}

/// The slots that may grow, as measured before the decisions of an epoch; where a panic left no
/// such report, as they are now.
std::vector<SlotReport> reports_of(const std::vector<std::string>& names, const Model& model,
                                   const EpochReport& report) {
    std::vector<SlotReport> found;
    for (const std::string& name : names) {
        const auto seen = std::ranges::find(report.slots, name, &SlotReport::slot);
        found.push_back(seen != report.slots.end() ? *seen : model.slot(name).report());
    }
    return found;
}

/// A line for each slot that is not empty, or one for the first of them.
std::vector<SlotRow> slot_rows(const std::vector<SlotReport>& slots, const EpochReport& report) {
    std::vector<SlotRow> rows;
    for (const SlotReport& slot : slots) {
        if (slot.stage != Stage::dormant) rows.push_back(slot_row(slot, report));
    }
    if (rows.empty()) rows.push_back(slot_row(slots.front(), report));
    return rows;
}

template <class Trainer>
Growth train_growing(Trainer& trainer, Model& model, const Splits& data, const CommandLine& line,
                     Story& story) {
    Growth growth(line.slots, data.validation.count());
    const Table table(line.slots.size() > 1);
    story.line(table.header());
    run_to_the_end(trainer, model, "growing", story,
                   [&](const train::EpochResult& epoch, double seconds) {
                       const EpochReport& report = epoch.report;
                       if (report.panic) {
                           story.line("epoch " + std::to_string(report.epoch) +
                                      ": the governor rolled back (" +
                                      std::string(prune_reason(*report.panic)) + ")");
                       }
                       const std::vector<SlotReport> slots = reports_of(line.slots, model, report);
                       EpochRow row = row_of(epoch, seconds);
                       row.slots = slot_rows(slots, report);
                       show(story, table, row);
                       for (const std::string& sentence : growth.note(report, slots))
                           story.line(sentence);
                       for (const std::string& notice : report.notices) story.line(notice);
                   });
    return growth;
}

/// Fills in what the fossilized seeds bring at the end, on validation data.
template <class Trainer>
void measure_at_the_end(std::vector<SlotContribution>& contributions, Trainer& trainer,
                        const Model& model) {
    std::vector<std::string> players;
    for (const SlotContribution& each : contributions) players.push_back(each.slot);
    const std::size_t count = players.size();
    const auto scores = [&](std::span<const AlphaOverrides> configurations) {
        return trainer.scores(model, configurations);
    };
    const auto [without, alone, shares] = analyse_slots(players, scores, [&](const auto& value) {
        return std::array{leave_one_out(count, value), solo_contributions(count, value),
                          shapley_values(count, value)};
    });
    for (std::size_t i = 0; i < count; ++i) {
        contributions[i].leave_one_out = without[i];
        contributions[i].alone = alone[i];
        contributions[i].shapley = shares[i];
    }
}

std::string joined(const std::vector<std::string>& words, const char* between) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
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
    for (const auto& path : summary.stages) std::printf("  %s\n", joined(path, " -> ").c_str());
    if (summary.contributions.empty()) return;
    std::printf("the seeds that stayed, in points on validation images:\n");
    std::printf("  %-6s %22s %12s   at the end: %12s %8s %8s\n", "slot", "contribution (by)",
                "dependence", "dependence", "alone", "Shapley");
    for (const SlotContribution& each : summary.contributions) {
        const std::string helped = number("%+.2f", each.contribution) + " +- " +
                                   number("%.2f", each.contribution_error) + " (" + each.measure +
                                   ")";
        std::printf("  %-6s %22s %12s   %24s %8s %8s\n", each.slot.c_str(), helped.c_str(),
                    number("%+.2f", each.dependence).c_str(),
                    number("%+.2f", each.leave_one_out).c_str(),
                    number("%+.2f", each.alone).c_str(), number("%+.2f", each.shapley).c_str());
    }
}

RunReport page_of(const Splits& data, const CommandLine& line, const Summary& summary,
                  std::vector<double> host_accuracies, const Growth& growth,
                  std::size_t test_images) {
    RunReport page;
    page.title = data.name + ": a network that grew";
    page.subtitle = line.blueprint + " at " + joined(line.slots, ", ") + "; " +
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
    page.slots = growth.histories;
    page.events = growth.events;
    return page;
}

template <class Judge>
void run(const CommandLine& line) {
    if (line.summary) require_writable(*line.summary);
    if (line.report) require_writable(*line.report);
    Policies::Sink sink;
    if (line.telemetry) sink.add(telemetry::JsonLinesSink(*line.telemetry));
    if (line.tensorboard) sink.add(telemetry::TensorBoardSink(*line.tensorboard));
    const auto start = Clock::now();
    const Splits data = load(line);
    Backend::Context context(line.threads);
    // The same seed gives both networks the same start.
    Model host = make_model(context, data, line.seed, {});
    Model grown = make_model(context, data, line.seed, std::move(sink));
    require_slots(grown, line.slots);
    Story story(2 * line.epochs);
    story.line(data.name + ": " + std::to_string(data.training.count()) + " images to train, " +
               std::to_string(data.validation.count()) + " to validate; seed " +
               std::to_string(line.seed) + ", " + std::to_string(line.threads) + " threads");
    auto host_trainer = make_trainer(host, data, line, IdleController{}, judge::Ablation{});
    auto grown_trainer =
        make_trainer(grown, data, line, HeuristicController(controller_options(line)), Judge{});

    story.line("\nthe host alone, " + std::to_string(host.total_parameters()) + " parameters");
    const auto host_start = Clock::now();
    std::vector<double> host_accuracies = train_host(host_trainer, host, story);
    const double host_seconds = seconds_since(host_start);

    story.line("\nthe same host, growing " + line.blueprint + " at " + joined(line.slots, ", "));
    const auto grown_start = Clock::now();
    const Growth growth = train_growing(grown_trainer, grown, data, line, story);
    const double grown_seconds = seconds_since(grown_start);
    story.finish();

    const ImageSet test = data.load_test();
    Summary summary;
    summary.host_only_accuracy = accuracy(host, test);
    summary.grown_accuracy = accuracy(grown, test);
    summary.host_parameters = host.total_parameters();
    summary.grown_parameters = grown.total_parameters();
    summary.germinated = growth.germinated;
    summary.fossilized = growth.fossilized;
    summary.pruned = growth.pruned;
    summary.stages = growth.paths;
    summary.contributions = growth.contributions;
    summary.judge = line.judge;
    summary.incubation = line.incubation;
    if (!summary.contributions.empty()) {
        summary.contribution = summary.contributions.back().contribution;
        measure_at_the_end(summary.contributions, grown_trainer, grown);
    }
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
        const CommandLine& line = std::get<CommandLine>(parsed);
        if (line.judge == "ablation") {
            run<judge::Ablation>(line);
        } else {
            run<Shadows>(line);
        }
    } catch (const Error& error) {
        std::cerr << "grow_cnn: " << error.what() << '\n';
        return 2;
    }
    return 0;
}
