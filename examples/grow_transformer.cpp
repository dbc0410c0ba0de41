// grow_transformer: a small transformer on a text, alone and with seeds that grow into it.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/blueprints/transformer.hpp>
#include <kasmina/generation/write_tokens.hpp>
#include <kasmina/hosts/transformer.hpp>
#include <kasmina/kasmina.hpp>
#include <kasmina/text/token_windows.hpp>
#include <kasmina/train/loss_score.hpp>
#include <kasmina/train/schedules.hpp>

#include "chosen_backend.hpp"
#include "text_work.hpp"

#include "asked_outputs.hpp"
#include "failures.hpp"
#include "from_start.hpp"
#include "growing.hpp"
#include "growth.hpp"
#include "keep.hpp"
#include "outputs.hpp"
#include "program.hpp"
#include "report.hpp"
#include "run.hpp"
#include "run_folder.hpp"
#include "run_summary.hpp"
#include "screen.hpp"
#include "shares.hpp"
#include "stop.hpp"
#include "story.hpp"
#include "text_command_line.hpp"
#include "text_summary.hpp"
#include "text_task.hpp"

namespace {

using namespace kasmina;
using namespace kasmina::examples;

using Backend = Chosen;

using Model = MorphogeneticModel<hosts::Transformer<Backend>, TransformerBlueprints, GrowPolicies>;

/// The default judge; judge::Ablation is the other.
using Shadows = judge::Shadows<Model, optim::AdamW<Backend>>;

/// nanoGPT's for this size: AdamW that decays matrices alone, and gradients clipped.
train::LearnerOptions<optim::AdamWRule> rates(const TextCommandLine& line) {
    const auto rule = [](double rate) {
        return optim::AdamWOptions{.learning_rate = rate,
                                   .beta2 = 0.99,
                                   .weight_decay = 0.1,
                                   .decayed = optim::Decayed::matrices};
    };
    return {.host = rule(line.rate), .seeds = rule(line.seed_rate), .max_gradient_norm = 1.0};
}

/// nanoGPT's too: step by step, up in the first twentieth, and along half a cosine down to a tenth.
auto schedule(const TextCommandLine& line) {
    const std::int64_t steps = std::int64_t{line.epochs} * line.batches;
    const std::int64_t rising = std::max<std::int64_t>(1, steps / 20);
    return train::EachStep{train::WarmUp{
        train::LinearSchedule{.total = rising, .start_factor = 0.01},
        train::CosineAnnealing{.total = std::max<std::int64_t>(1, steps - rising), .lowest = 0.1}}};
}

HeuristicController make_controller(const TextCommandLine& line) {
    HeuristicOptions options = controller_options(line);
    options.germination.tempo_epochs = line.tempo;
    return HeuristicController(std::move(options));
}

Model make_model(Backend::Context& context, const TextTask& task, const TextCommandLine& line,
                 GrowPolicies::Sink sink) {
    Generator generator(line.seed);
    ModelOptions<GrowPolicies> options;
    options.gates.thresholds.settling_epochs = line.settling;
    options.sink = std::move(sink);
    return Model(context,
                 hosts::Transformer<Backend>(context, {.vocabulary = task.vocabulary.size(),
                                                       .width = line.width,
                                                       .heads = line.heads,
                                                       .layers = line.layers,
                                                       .segments = line.segments,
                                                       .block = line.time,
                                                       .dropout = 0.0}),
                 TransformerBlueprints{}, generator, std::move(options));
}

/// Trains on the training part and scores on the validation part. The same seed gives all networks
/// the same batches.
template <Controller C, class Judge>
auto make_trainer(Model& model, const TextTask& task, const TextCommandLine& line, C controller,
                  Judge judge) {
    Backend::Context& context = model.context();
    const Index characters = task.vocabulary.size();
    return train::Trainer(
        model,
        text::TokenWindows<Backend>(
            context, task.training, characters,
            {.time = line.time, .batch = line.batch, .batches_per_epoch = line.batches},
            Generator(line.seed, 1)),
        text::windows_in_order<Backend>(context, validated(task), characters, line.time, 64),
        rates(line), std::move(controller),
        {.epochs = line.epochs,
         .random_guess_loss = std::log(static_cast<double>(characters)),
         .score_training = true},
        train::CrossEntropy{}, schedule(line), AccuracyScore{}, std::move(judge));
}

/// What the network writes behind a line break, where the text has some.
std::string sample(const Model& model, const TextTask& task, const TextCommandLine& line) {
    std::vector<std::int32_t> tokens{task.training.front()};
    const auto is_line_break = [&](std::int32_t token) {
        return task.vocabulary.decode(std::array{token}) == "\n";
    };
    const auto found = std::ranges::find_if(task.training, is_line_break);
    if (found != task.training.end()) tokens.front() = *found;
    const std::vector<std::int32_t> prompt = tokens;
    generation::NextLogits logits(model, model.context());
    generation::Sampler sampler({.temperature = 0.8, .top_k = 40});
    Generator random(line.seed, 2);
    generation::write_tokens(logits, sampler, prompt, line.sample, random,
                             [&](std::int32_t token) { tokens.push_back(token); });
    return task.vocabulary.decode(std::span(tokens).subspan(1));
}

/// Losses in nats, and accuracy in per cent, at the end of a run.
TextOutcome outcome_of(const Model& model, const TextTask& task, const TextCommandLine& line) {
    const auto mean = [&](std::span<const std::int32_t> part, const auto& score) {
        const auto windows = text::windows_in_order<Backend>(model.context(), part,
                                                             task.vocabulary.size(), line.time, 64);
        return mean_scores(model, model.context(), std::array{AlphaOverrides{}}, windows, score)[0];
    };
    const train::LossScore<train::CrossEntropy> loss;
    return {.loss = mean(task.test, loss),
            .accuracy = mean(task.test, AccuracyScore{}),
            .validation_loss = mean(task.validation, loss)};
}

TextTask load(const TextCommandLine& line) {
    const auto time = static_cast<std::size_t>(line.time);
    if (line.data) return load_text("tiny Shakespeare", {*line.data + "/input.txt"}, time);
    if (line.texts.empty()) {
        return load_text("the project's own texts", own_texts(KASMINA_PROJECT), time);
    }
    return load_text("the text", {line.texts.begin(), line.texts.end()}, time);
}

/// The grown architecture, trained so from its first step.
struct FromStart {
    Model model;
    RunProgress progress{.multiplications = 0.0};
    std::string not_saved{};
};

/// As `network` of the run, for the epochs of `line`.
void train_from_start(FromStart& yardstick, const Model& grown, const TextTask& task,
                      const TextCommandLine& line, RunNetwork network, Story& story,
                      std::optional<RunFolder>& folder) {
    Model& model = yardstick.model;
    plant_fossils(model, grown);
    auto trainer = make_trainer(model, task, line, IdleController{}, judge::Ablation{});
    const Keep keep = keep_in(folder, network, story, model, trainer, yardstick.progress);
    story.line("\nthe same, with its seeds from the start, " +
               std::to_string(model.total_parameters()) + " parameters, " +
               std::to_string(line.epochs) + " epochs");
    yardstick.not_saved = train_alone(trainer, model, work_of(model.host().options()),
                                      "from the start", story, yardstick.progress, keep);
}

/// How long to train it so that it multiplies what growing did.
int epochs_of_equal_work(int epochs, const FromStart& yardstick, const RunProgress& grown) {
    // Progress of an older checkpoint has not counted all.
    if (!grown.multiplications || !yardstick.progress.multiplications) return epochs;
    return std::max(1, static_cast<int>(std::lround(epochs * *grown.multiplications /
                                                    *yardstick.progress.multiplications)));
}

/// Returns what went wrong when the networks were trained. Errors: those of everything before.
template <class Judge>
Failures run(const TextCommandLine& line, Screen& screen) {
    const auto start = Clock::now();
    require_outputs(line, {});
    const TextTask task = load(line);
    require_outputs(line, task.files);
    Backend::Context context = context_with<Backend>(line.threads);
    Story story(screen, (line.from_start ? 3 : 2) * line.epochs, !outputs_of(line).empty());

    // The same seed gives all networks the same start.
    Model host = make_model(context, task, line, {});
    require_slots(host, line.slots, line.blueprint);
    HeuristicController controller = make_controller(line);
    auto host_trainer = make_trainer(host, task, line, IdleController{}, judge::Ablation{});
    std::optional<RunFolder> folder;
    if (line.checkpoint) folder.emplace(*line.checkpoint, settings_of(line, task), line.resume);
    story.line(task.name + ": " + std::to_string(task.training.size()) + " characters to train, " +
               std::to_string(task.vocabulary.size()) + " of them different, " +
               std::to_string(validated(task).size()) + " to validate; seed " +
               std::to_string(line.seed) + ", " + workers<Backend>(line.threads));
    screen.require_good();

    // From here on there are events of this run in the place of another's.
    Model grown = make_model(context, task, line, sink_of(line));
    auto grown_trainer = make_trainer(grown, task, line, std::move(controller), Judge{});
    if (line.sample > 0) {
        story.line("\nbefore it has learned anything it writes:\n" + sample(host, task, line));
    }

    RunProgress host_progress{.multiplications = 0.0};
    RunProgress grown_progress{.multiplications = 0.0};
    Growth growth(line.slots, validated(task).size());
    if (folder) stop_on_signals();
    const Keep keep_host =
        keep_in(folder, RunNetwork::host, story, host, host_trainer, host_progress);
    const Keep keep_grown =
        keep_in(folder, RunNetwork::grown, story, grown, grown_trainer, growth, grown_progress);

    story.line("\nthe host alone, " + std::to_string(host.total_parameters()) + " parameters");
    const std::string host_not_saved =
        train_alone(host_trainer, host, work_of(host.host().options()), "host alone", story,
                    host_progress, keep_host);
    story.line("\nthe same host, growing " + line.blueprint + " at " + joined(line.slots, ", "));
    const std::string grown_not_saved =
        train_growing(grown_trainer, grown, work_of(grown.host().options()), growth, line.slots,
                      story, grown_progress, keep_grown);
    std::optional<FromStart> yardstick;
    std::optional<FromStart> equal_work;
    TextCommandLine longer = line;
    if (line.from_start && growth.fossilized > 0) {
        yardstick.emplace(make_model(context, task, line, {}));
        train_from_start(*yardstick, grown, task, line, RunNetwork::from_start, story, folder);
        if (line.equal_work) {
            longer.epochs = epochs_of_equal_work(line.epochs, *yardstick, grown_progress);
            story.add(longer.epochs);
            equal_work.emplace(make_model(context, task, line, {}));
            train_from_start(*equal_work, grown, task, longer, RunNetwork::equal_work, story,
                             folder);
        }
    } else if (line.from_start) {
        story.line("\nno seed stayed: from the start the grown network is the host alone");
    }
    story.finish();

    Failures failures;
    for (const std::string& cause :
         {host_not_saved, grown_not_saved, yardstick ? yardstick->not_saved : std::string(),
          equal_work ? equal_work->not_saved : std::string()}) {
        if (!cause.empty()) failures.add("the run's end is not saved: " + cause);
    }
    TextSummary summary{.common = summary_of(line, host, grown, growth)};
    Summary& common = summary.common;
    failures.attempt([&] {
        summary.host = outcome_of(host, task, line);
        summary.grown = outcome_of(grown, task, line);
        if (yardstick) summary.from_start = outcome_of(yardstick->model, task, line);
        if (equal_work) summary.equal_work = outcome_of(equal_work->model, task, line);
    });
    if (!common.contributions.empty()) {
        failures.attempt([&] { measure_at_the_end(common.contributions, grown_trainer, grown); });
    }
    common.seconds = seconds_since(start);
    EpochSeconds seconds{host_progress.seconds / line.epochs, grown_progress.seconds / line.epochs};
    if (yardstick) seconds.from_start = yardstick->progress.seconds / line.epochs;
    common.host_multiplications = host_progress.multiplications;
    common.grown_multiplications = grown_progress.multiplications;
    if (yardstick) common.from_start_multiplications = yardstick->progress.multiplications;
    if (equal_work) {
        seconds.equal_work = equal_work->progress.seconds / longer.epochs;
        summary.equal_work_epochs = longer.epochs;
        summary.equal_work_multiplications = equal_work->progress.multiplications;
    }
    if (line.sample > 0) {
        failures.attempt([&] {
            screen << "\nnow it writes:\n" << sample(grown, task, line) << '\n';
        });
    }
    write_text_conclusion(screen, summary, seconds, task.test.size());
    const auto write = [&failures](const std::optional<std::string>& file, auto&& text) {
        if (file) failures.attempt([&] { write_whole(*file, text()); });
    };
    write(line.summary, [&] { return summary_text(summary); });
    write(line.report, [&] {
        return report_html(page_of(task, line, summary, host_progress.accuracies, growth));
    });
    if (const auto& lost = grown.telemetry_failures(); lost.count > 0) {
        failures.add("telemetry was lost " + std::to_string(lost.count) + " times: " + lost.first);
    }
    failures.attempt([&] { screen.require_good(); });
    return failures;
}

}  // namespace

int main(int argc, char** argv) {
    const auto parse = [&](std::ostream& screen) {
        Choices choices{.blueprints = {}, .most_threads = most_threads<Backend>()};
        for (const auto name : TransformerBlueprints::names()) {
            choices.blueprints.emplace_back(name);
        }
        return parse_text_command_line(argc, argv, choices, screen, std::cerr);
    };
    return run_program("grow_transformer", parse, [](const TextCommandLine& line, Screen& screen) {
        return line.judge == "ablation" ? run<judge::Ablation>(line, screen)
                                        : run<Shadows>(line, screen);
    });
}
