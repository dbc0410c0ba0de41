// grow_transformer: a small transformer on a text, alone and with seeds that grow into it.
#include <algorithm>
#include <array>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <kasmina/blueprints/transformer.hpp>
#include <kasmina/generation/write_tokens.hpp>
#include <kasmina/hosts/transformer.hpp>
#include <kasmina/kasmina.hpp>
#include <kasmina/telemetry/json_lines.hpp>
#include <kasmina/text/token_windows.hpp>
#include <kasmina/train/loss_score.hpp>

#include "chosen_backend.hpp"
#include "text_work.hpp"

#include "failures.hpp"
#include "from_start.hpp"
#include "growth.hpp"
#include "keep.hpp"
#include "run.hpp"
#include "run_folder.hpp"
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

struct Policies : DefaultPolicies {
    using Sink = telemetry::FanOutSink;
};

using Model = MorphogeneticModel<hosts::Transformer<Backend>, TransformerBlueprints, Policies>;
using Shadows = judge::Shadows<Model, optim::AdamW<Backend>>;

/// nanoGPT's rates for this size: AdamW, along half a cosine.
train::LearnerOptions<optim::AdamWRule> rates(const TextCommandLine& line) {
    const auto rule = [](double rate) {
        return optim::AdamWOptions{.learning_rate = rate, .beta2 = 0.99, .weight_decay = 0.1};
    };
    return {.host = rule(line.rate), .seeds = rule(line.seed_rate)};
}

/// A seed that does not help leaves no trace, so this program does not wait for a plateau.
HeuristicOptions controller_options(const TextCommandLine& line) {
    HeuristicOptions options;
    options.slots = line.slots;
    options.blueprints = {line.blueprint};
    options.seeds_on_trial = static_cast<int>(line.slots.size());
    options.plateau_epochs = 1;
    options.plateau_improvement = 100.0;
    options.first_epoch = 3;
    options.drop_limit = 8.0;
    options.germination.incubation =
        line.incubation == "feedback" ? Incubation::feedback : Incubation::straight_through;
    return options;
}

Model make_model(Backend::Context& context, const TextTask& task, const TextCommandLine& line,
                 Policies::Sink sink) {
    Generator generator(line.seed);
    ModelOptions<Policies> options;
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

/// At most so many characters, in order: to score a network on.
std::vector<text::TokenBatch<Backend>> held_out_windows(Backend::Context& context,
                                                        const TextTask& task,
                                                        std::span<const std::int32_t> tokens,
                                                        const TextCommandLine& line) {
    constexpr std::size_t most = 20000;
    return text::windows_in_order<Backend>(context, tokens.first(std::min(most, tokens.size())),
                                           task.vocabulary.size(), line.time, 64);
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
        held_out_windows(context, task, task.validation, line), rates(line), std::move(controller),
        {.epochs = line.epochs,
         .random_guess_loss = std::log(static_cast<double>(characters)),
         .score_training = true},
        train::CrossEntropy{}, train::CosineSchedule{.lowest = 0.1}, AccuracyScore{},
        std::move(judge));
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

/// Loss in nats and accuracy in per cent on the test part.
TextOutcome outcome_of(const Model& model, const TextTask& task, const TextCommandLine& line) {
    Backend::Context& context = model.context();
    const auto windows =
        text::windows_in_order<Backend>(context, task.test, task.vocabulary.size(), line.time, 64);
    const std::array plain{AlphaOverrides{}};
    return {mean_scores(model, context, plain, windows, train::LossScore<train::CrossEntropy>{})[0],
            mean_scores(model, context, plain, windows, AccuracyScore{})[0],
            model.total_parameters()};
}

/// Returns what went wrong when the networks were trained. Errors: those of everything before.
Failures run(const TextCommandLine& line, Screen& screen) {
    const auto start = Clock::now();
    require_text_outputs(line);
    const TextTask task = [&] {
        const auto time = static_cast<std::size_t>(line.time);
        if (line.data) return load_text("tiny Shakespeare", {*line.data + "/input.txt"}, time);
        if (line.texts.empty()) {
            return load_text("the project's own texts", own_texts(KASMINA_PROJECT), time);
        }
        return load_text("the text", {line.texts.begin(), line.texts.end()}, time);
    }();
    Backend::Context context = context_with<Backend>(line.threads);
    Story story(screen, (line.from_start ? 3 : 2) * line.epochs,
                line.summary.has_value() || line.checkpoint.has_value());

    // The same seed gives all networks the same start.
    Model host = make_model(context, task, line, {});
    for (const std::string& slot : line.slots) static_cast<void>(host.slot(slot));
    auto host_trainer = make_trainer(host, task, line, IdleController{}, judge::Ablation{});
    std::optional<RunFolder> folder;
    if (line.checkpoint) {
        folder.emplace(*line.checkpoint, text_settings(line, task.name, task.training.size()),
                       line.resume);
    }
    story.line(task.name + ": " + std::to_string(task.training.size()) + " characters to train, " +
               std::to_string(task.vocabulary.size()) + " of them different; seed " +
               std::to_string(line.seed) + ", " + workers<Backend>(line.threads));
    screen.require_good();

    Policies::Sink sink;
    if (line.telemetry) sink.add(telemetry::JsonLinesSink(*line.telemetry));
    Model grown = make_model(context, task, line, std::move(sink));
    auto grown_trainer =
        make_trainer(grown, task, line, HeuristicController(controller_options(line)), Shadows{});
    if (line.sample > 0) {
        story.line("\nbefore it has learned anything it writes:\n" + sample(host, task, line));
    }

    RunProgress host_progress{.multiplications = 0.0};
    RunProgress grown_progress{.multiplications = 0.0};
    Growth growth(line.slots, task.validation.size());
    if (folder) stop_on_signals();
    const Keep keep_host =
        keep_in(folder, RunNetwork::host, story, host, host_trainer, host_progress);
    const Keep keep_grown =
        keep_in(folder, RunNetwork::grown, story, grown, grown_trainer, growth, grown_progress);

    Failures failures;
    const auto note_unsaved = [&failures](const std::string& cause) {
        if (!cause.empty()) failures.add("the run's end is not saved: " + cause);
    };
    story.line("\nthe host alone, " + std::to_string(host.total_parameters()) + " parameters");
    note_unsaved(train_alone(host_trainer, host, work_of(host.host().options()), "host alone",
                             story, host_progress, keep_host));
    story.line("\nthe same host, growing " + line.blueprint + " at " + joined(line.slots, ", "));
    note_unsaved(train_growing(grown_trainer, grown, work_of(grown.host().options()), growth,
                               line.slots, story, grown_progress, keep_grown));

    TextSummary summary = text_summary_of(line, growth);
    summary.host = outcome_of(host, task, line);
    summary.grown = outcome_of(grown, task, line);
    summary.host_multiplications = host_progress.multiplications;
    summary.grown_multiplications = grown_progress.multiplications;
    if (line.from_start && growth.fossilized > 0) {
        Model yardstick = make_model(context, task, line, {});
        plant_fossils(yardstick, grown);
        auto trainer = make_trainer(yardstick, task, line, IdleController{}, judge::Ablation{});
        story.line("\nthe same, with its seeds from the start");
        RunProgress progress{.multiplications = 0.0};
        static_cast<void>(train_alone(trainer, yardstick, work_of(yardstick.host().options()),
                                      "from the start", story, progress, {}));
        summary.from_start = outcome_of(yardstick, task, line);
        summary.from_start_multiplications = progress.multiplications;
    }
    story.finish();
    if (!summary.contributions.empty()) {
        failures.attempt([&] { measure_at_the_end(summary.contributions, grown_trainer, grown); });
    }
    summary.seconds = seconds_since(start);
    if (line.sample > 0) screen << "\nnow it writes:\n" << sample(grown, task, line) << '\n';
    write_text_conclusion(screen, summary);
    if (line.summary) {
        failures.attempt([&] { write_whole(*line.summary, summary_text(summary)); });
    }
    if (const auto& lost = grown.telemetry_failures(); lost.count > 0) {
        failures.add("telemetry was lost " + std::to_string(lost.count) + " times: " + lost.first);
    }
    failures.attempt([&] { screen.require_good(); });
    return failures;
}

/// What the program ends with.
constexpr int success = 0;
constexpr int refused = 2;    ///< files of other runs are as they were
constexpr int not_whole = 3;  ///< training is over, and something could not be written
constexpr int stopped = 4;    ///< by a signal, and all is saved

}  // namespace

int main(int argc, char** argv) {
    hold_standard_streams();
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    Screen screen;
    try {
        Choices choices{.blueprints = {}, .most_threads = most_threads<Backend>()};
        for (const auto name : TransformerBlueprints::names()) {
            choices.blueprints.emplace_back(name);
        }
        const auto parsed = parse_text_command_line(argc, argv, choices, screen, std::cerr);
        screen.require_good();
        if (const auto* exit = std::get_if<Exit>(&parsed)) return exit->code;
        const Failures failures = run(std::get<TextCommandLine>(parsed), screen);
        for (const std::string& cause : failures.causes()) {
            std::cerr << "grow_transformer: " << cause << '\n';
        }
        return failures.causes().empty() ? success : not_whole;
    } catch (const Stopped& end) {
        screen << end.sentence << std::endl;
        return stopped;
    } catch (const std::exception& error) {
        std::cerr << "grow_transformer: " << error.what() << '\n';
        return refused;
    }
}
