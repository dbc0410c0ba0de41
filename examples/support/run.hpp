// A network of grow_cnn on its way to the end: what is told, counted and saved after each epoch.
#pragma once

#include <string>

#include <kasmina/error.hpp>
#include <kasmina/train/epoch_result.hpp>

#include "host_work.hpp"
#include "keep.hpp"
#include "run_folder.hpp"
#include "stop.hpp"
#include "story.hpp"
#include "table.hpp"

namespace kasmina::examples {

inline EpochRow row_of(const train::EpochResult& epoch, double seconds) {
    return {.epoch = epoch.report.epoch,
            .loss = epoch.loss,
            .training_accuracy = *epoch.training_score,
            .validation_accuracy = epoch.report.score,
            .seconds = seconds};
}

inline void show(Story& story, const Table& table, const EpochRow& row) {
    for (const std::string& line : table.rows(row)) story.line(line);
}

/// Trains to the end; `host_work` is what the host multiplies for a sample, `on_epoch(result,
/// seconds)` hears of each epoch. Saves after each; a save that fails is told and ends nothing, and
/// the last one's cause is returned. Errors: Stopped when a signal came and all is saved; those of
/// the trainer, and of that last save.
template <class Trainer, class Model, class OnEpoch>
std::string run_to_the_end(Trainer& trainer, Model& model, const HostWork& host_work,
                           const char* label, Story& story, RunProgress& progress, const Keep& keep,
                           OnEpoch&& on_epoch) {
    const auto steps = static_cast<double>(trainer.source().batches_per_epoch());
    const Index samples = trainer.source().samples_per_epoch();
    RunWork work(host_work, model, trainer.learner().judge().kind);
    auto start = Clock::now();
    std::string not_saved;
    const bool over = trainer.run_until(
        model, [&] { return keep && stop_requested(); },
        [&](const train::EpochResult& epoch) {
            const double seconds = seconds_since(start);
            progress.accuracies.push_back(epoch.report.score);
            progress.seconds += seconds;
            const double multiplied = work.epoch(samples, model);
            if (progress.multiplications) *progress.multiplications += multiplied;
            on_epoch(epoch, seconds);
            story.epoch_done();
            start = Clock::now();
            if (!keep) return;
            try {
                keep();
                not_saved.clear();
            } catch (const Error& error) {
                not_saved = error.what();
                story.line("this epoch is not saved: " + not_saved);
            }
        },
        [&](const train::StepResult& step) { story.step(label, step.step / steps); });
    if (over) return not_saved;
    progress.seconds += seconds_since(start);
    keep();
    story.finish();
    throw Stopped{name_of_stop() + " has stopped the run (" + label + ", after epoch " +
                  std::to_string(trainer.epochs_done()) +
                  "), and all of it is saved: go on with the same options and --resume"};
}

}  // namespace kasmina::examples
