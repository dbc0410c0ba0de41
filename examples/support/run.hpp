// A network of grow_cnn on its way to the end: what is told, counted and saved after each epoch.
#pragma once

#include <string>
#include <vector>

#include <kasmina/error.hpp>
#include <kasmina/train/epoch_result.hpp>

#include "growth.hpp"
#include "host_work.hpp"
#include "keep.hpp"
#include "run_folder.hpp"
#include "slot_rows.hpp"
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

/// Trains a network as it is, with a table of its epochs. Returns why its end is not saved.
template <class Trainer, class Model>
std::string train_alone(Trainer& trainer, Model& model, const HostWork& work, const char* label,
                        Story& story, RunProgress& progress, const Keep& keep) {
    const Table table;
    story.line(table.header());
    return run_to_the_end(trainer, model, work, label, story, progress, keep,
                          [&](const train::EpochResult& epoch, double seconds) {
                              show(story, table, row_of(epoch, seconds));
                          });
}

/// The same for one that grows at `slots`, with what becomes of its seeds.
template <class Trainer, class Model>
std::string train_growing(Trainer& trainer, Model& model, const HostWork& work, Growth& growth,
                          const std::vector<std::string>& slots, Story& story,
                          RunProgress& progress, const Keep& keep) {
    const Table table(slots.size() > 1);
    story.line(table.header());
    return run_to_the_end(trainer, model, work, "growing", story, progress, keep,
                          [&](const train::EpochResult& epoch, double seconds) {
                              const EpochReport& report = epoch.report;
                              if (report.panic) {
                                  story.line("epoch " + std::to_string(report.epoch) +
                                             ": the governor rolled back (" +
                                             std::string(prune_reason(*report.panic)) + ")");
                              }
                              const std::vector<SlotReport> reports =
                                  reports_of(slots, model, report);
                              EpochRow row = row_of(epoch, seconds);
                              row.slots = slot_rows(reports, report);
                              show(story, table, row);
                              for (const std::string& sentence : growth.note(report, reports))
                                  story.line(sentence);
                              for (const std::string& notice : report.notices) story.line(notice);
                          });
}

}  // namespace kasmina::examples
