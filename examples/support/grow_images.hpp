// GrowImages: trains a network on images, alone and with seeds that grow into it, and compares:
// what grow_cnn and grow_resnet do.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/data/data_loader.hpp>
#include <kasmina/data/in_order.hpp>
#include <kasmina/kasmina.hpp>

#include "asked_outputs.hpp"
#include "chosen_backend.hpp"
#include "command_line.hpp"
#include "conclusion.hpp"
#include "dataset.hpp"
#include "failures.hpp"
#include "from_start.hpp"
#include "growing.hpp"
#include "growth.hpp"
#include "host_work.hpp"
#include "image_recipe.hpp"
#include "keep.hpp"
#include "outputs.hpp"
#include "program.hpp"
#include "report.hpp"
#include "run.hpp"
#include "run_folder.hpp"
#include "run_page.hpp"
#include "run_summary.hpp"
#include "screen.hpp"
#include "shares.hpp"
#include "stop.hpp"
#include "story.hpp"
#include "summary.hpp"

namespace kasmina::examples {

/// The program over a `Network`: its `Host`, `make_host(context, images)`, the name of the
/// `program`, what `network` it trains in words, and the `defaults()` of its command line.
template <class Network>
class GrowImages {
    using Backend = Chosen;

    using Model = MorphogeneticModel<typename Network::Host, CnnBlueprints, GrowPolicies>;

    /// The default judge; judge::Ablation is the other.
    using Shadows = judge::Shadows<Model, optim::Sgd<Backend>>;

    static Model make_model(Backend::Context& context, const Splits& data, std::uint64_t seed,
                            GrowPolicies::Sink sink) {
        Generator generator(seed);
        const ImageSet& images = data.training;
        ModelOptions<GrowPolicies> options;
        // It takes the network some epochs to make use of a seed at full amplitude.
        options.gates.thresholds.settling_epochs = 10;
        options.sink = std::move(sink);
        return Model(context, Network::make_host(context, images), CnnBlueprints{}, generator,
                     std::move(options));
    }

    /// What the host multiplies for one image.
    static HostWork work_of(const Model& model, const Splits& data) {
        return examples::work_of(model.host().options(), data.training.height, data.training.width);
    }

    /// Trains on the training part and scores on the validation part. The same seed gives all
    /// networks the same batches.
    template <Controller C, class Judge>
    static auto make_trainer(Model& model, const Splits& data, const CommandLine& line,
                             C controller, Judge judge) {
        Backend::Context& context = model.context();
        return train::Trainer(
            model,
            data::load_data<Backend>(context, data.training, {.batch_size = batch_size},
                                     Generator(line.seed, 1), data.augmentation),
            data::in_order<Backend>(context, data.validation), rates(host_rate, line.seed_rate),
            std::move(controller),
            {.epochs = line.epochs,
             .random_guess_loss = std::log(static_cast<double>(data.training.classes)),
             .score_training = true},
            train::CrossEntropy{}, train::CosineSchedule{}, AccuracyScore{}, std::move(judge));
    }

    /// In per cent, on a set that the network was not trained on.
    static double accuracy(const Model& model, const ImageSet& images) {
        return mean_scores(model, model.context(), std::array{AlphaOverrides{}},
                           data::in_order<Backend>(model.context(), images), AccuracyScore{})[0];
    }

    /// The grown architecture, trained so from its first step.
    struct FromStart {
        Model model;
        RunProgress progress{.multiplications = 0.0};
        std::string not_saved{};
    };

    static void train_from_start(FromStart& yardstick, const Model& grown, const Splits& data,
                                 const CommandLine& line, Story& story,
                                 std::optional<RunFolder>& folder) {
        Model& model = yardstick.model;
        plant_fossils(model, grown);
        auto trainer = make_trainer(model, data, line, IdleController{}, judge::Ablation{});
        const Keep keep =
            keep_in(folder, RunNetwork::from_start, story, model, trainer, yardstick.progress);
        story.line("\nthe same, with its seeds from the start, " +
                   std::to_string(model.total_parameters()) + " parameters");
        yardstick.not_saved = train_alone(trainer, model, work_of(model, data), "from the start",
                                          story, yardstick.progress, keep);
    }

    /// Returns what went wrong when the networks were trained. Errors: those of everything before.
    template <class Judge>
    static Failures run(const CommandLine& line, Screen& screen) {
        const auto start = Clock::now();
        require_outputs(line, {});
        const Splits data = load(line);
        require_outputs(line, data.files);
        Backend::Context context = context_with<Backend>(line.threads);
        Story story(screen, (line.from_start ? 3 : 2) * line.epochs, !outputs_of(line).empty());

        // The same seed gives both networks the same start.
        Model host = make_model(context, data, line.seed, {});
        require_slots(host, line.slots, line.blueprint);
        HeuristicController controller(controller_options(line));
        auto host_trainer = make_trainer(host, data, line, IdleController{}, judge::Ablation{});
        std::optional<RunFolder> folder;
        if (line.checkpoint) folder.emplace(*line.checkpoint, settings_of(line, data), line.resume);
        story.line(data.name + ": " + std::to_string(data.training.count()) + " images to train, " +
                   std::to_string(data.validation.count()) + " to validate; seed " +
                   std::to_string(line.seed) + ", " + workers<Backend>(line.threads));
        screen.require_good();

        // From here on there are events of this run in the place of another's.
        Model grown = make_model(context, data, line.seed, sink_of(line));
        auto grown_trainer = make_trainer(grown, data, line, std::move(controller), Judge{});

        RunProgress host_progress{.multiplications = 0.0};
        RunProgress grown_progress{.multiplications = 0.0};
        Growth growth(line.slots, data.validation.count());
        if (folder) stop_on_signals();
        const Keep keep_host =
            keep_in(folder, RunNetwork::host, story, host, host_trainer, host_progress);
        const Keep keep_grown =
            keep_in(folder, RunNetwork::grown, story, grown, grown_trainer, growth, grown_progress);

        story.line("\nthe host alone, " + std::to_string(host.total_parameters()) + " parameters");
        const std::string host_not_saved = train_alone(
            host_trainer, host, work_of(host, data), "host alone", story, host_progress, keep_host);
        story.line("\nthe same host, growing " + line.blueprint + " at " +
                   joined(line.slots, ", "));
        const std::string grown_not_saved =
            train_growing(grown_trainer, grown, work_of(grown, data), growth, line.slots, story,
                          grown_progress, keep_grown);
        std::optional<FromStart> yardstick;
        if (line.from_start && growth.fossilized > 0) {
            yardstick.emplace(make_model(context, data, line.seed, {}));
            train_from_start(*yardstick, grown, data, line, story, folder);
        } else if (line.from_start) {
            story.line("\nno seed stayed: from the start the grown network is the host alone");
        }
        story.finish();

        Failures failures;
        for (const std::string& cause :
             {host_not_saved, grown_not_saved, yardstick ? yardstick->not_saved : std::string()}) {
            if (!cause.empty()) failures.add("the run's end is not saved: " + cause);
        }
        Summary summary = summary_of(line, host, grown, growth);
        failures.attempt([&] {
            const ImageSet test = data.open_test();
            summary.host_only_accuracy = accuracy(host, test);
            summary.grown_accuracy = accuracy(grown, test);
            if (yardstick) summary.from_start_accuracy = accuracy(yardstick->model, test);
        });
        if (!summary.contributions.empty()) {
            failures.attempt(
                [&] { measure_at_the_end(summary.contributions, grown_trainer, grown); });
        }
        summary.seconds = seconds_since(start);
        EpochSeconds seconds{host_progress.seconds / line.epochs,
                             grown_progress.seconds / line.epochs};
        if (yardstick) seconds.from_start = yardstick->progress.seconds / line.epochs;
        summary.host_multiplications = host_progress.multiplications;
        summary.grown_multiplications = grown_progress.multiplications;
        if (yardstick) summary.from_start_multiplications = yardstick->progress.multiplications;
        write_conclusion(screen, summary, seconds, data.sealed_test.count());
        const auto write = [&failures](const std::optional<std::string>& file, auto&& text) {
            if (file) failures.attempt([&] { write_whole(*file, text()); });
        };
        write(line.summary, [&] { return summary_text(summary); });
        write(line.report, [&] {
            return report_html(page_of(data, line, summary, host_progress.accuracies, growth));
        });
        if (const auto& lost = grown.telemetry_failures(); lost.count > 0) {
            failures.add("telemetry was lost " + std::to_string(lost.count) +
                         " times: " + lost.first);
        }
        failures.attempt([&] { screen.require_good(); });
        return failures;
    }

public:
    /// The whole program.
    static int main(int argc, char** argv) {
        const auto parse = [&](std::ostream& screen) {
            Choices choices{.blueprints = {},
                            .most_threads = most_threads<Backend>(),
                            .program = Network::program,
                            .network = Network::network};
            for (const auto name : CnnBlueprints::names()) choices.blueprints.emplace_back(name);
            return parse_command_line(argc, argv, Network::defaults(), choices, screen, std::cerr);
        };
        return run_program(Network::program, parse, [](const CommandLine& line, Screen& screen) {
            return line.judge == "ablation" ? run<judge::Ablation>(line, screen)
                                            : run<Shadows>(line, screen);
        });
    }
};

}  // namespace kasmina::examples
