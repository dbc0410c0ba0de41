// Parts of training and growth: loss, source, score, schedule, controller, measure.
// loss_gives_a_number expects: LossOf: let the loss be called as `loss(output)` and return
// loss_takes_two expects: LossOf: let the loss be called as `loss(output)` and return one Variable
// loss_of_learn expects: LossOf: let the loss be called as `loss(output)` and return one Variable
// source_without_next expects: BatchSource: give the source `start_epoch()` and `next()`
// batch_without_input expects: which points to a batch with a member `input` until it
// held_out_is_no_range expects: BatchRange: pass held-out batches as a range
// loss_of_a_batch expects: let the loss be called as `loss(output, batch)` and return
// schedule_takes_nothing expects: Schedule: let the schedule be called as `schedule(
// trainers_score expects: BatchScore: let the score be called as `score(batch, output)`
// trainers_controller expects: `std::vector<Decision> decide(const EpochObservation&)`
// controller_decides_nothing expects: `std::vector<Decision> decide(const EpochObservation&)`
// measure_without_judge expects: give the measure `judge(model, slot, double score,
// accuracies_of_nothing expects: ConfigurationMeasure: let it be called with
// accuracies_of_nothing expects: return a std::vector<double>
// score_of_the_output expects: BatchScore: let the score be called as `score(batch, output)`
// scored_on_no_range expects: BatchRange: pass a range of batches, each with a member
#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

using namespace kasmina;
using Cpu = backends::Eigen<float>;
using Model = MorphogeneticModel<hosts::Cnn<Cpu>, CnnBlueprints>;
using Batches = std::vector<LabelledBatch<Cpu>>;

struct MyController {
#if defined(controller_decides_nothing) || defined(trainers_controller)
    void decide(const EpochObservation&) {}
#else
    std::vector<Decision> decide(const EpochObservation&) { return {}; }
#endif
};

struct MySource {
    Batches batches{};
    void start_epoch() {}
#if defined(batch_without_input)
    Tensor<Cpu>* next() { return nullptr; }
#elif !defined(source_without_next)
    LabelledBatch<Cpu>* next() { return nullptr; }
#endif
};

struct MyMeasure {
#ifndef measure_without_judge
    void judge(Model&, Model::SlotType&, double, auto&) {}
#endif
};

struct MyLoss {
#ifdef loss_of_a_batch
    Variable<Cpu> operator()(const Variable<Cpu>& output) const { return output; }
#else
    Variable<Cpu> operator()(const Variable<Cpu>& output, const LabelledBatch<Cpu>& batch) const {
        return ops::cross_entropy(output, batch.labels);
    }
#endif
};

struct MySchedule {
#ifdef schedule_takes_nothing
    double operator()() const { return 1.0; }
#else
    double operator()(double) const { return 1.0; }
#endif
};

struct MyScore {
#ifdef trainers_score
    double operator()(const Variable<Cpu>&) const { return 1.0; }
#else
    double operator()(const LabelledBatch<Cpu>&, const Variable<Cpu>&) const { return 1.0; }
#endif
};

void learn(Model& model, train::Learner<Model, optim::SgdRule>& learner, Pass<Cpu>& pass,
           const Tensor<Cpu>& images) {
#if defined(loss_gives_a_number)
    auto loss = learner.step(model, images, [](const auto&) { return 0.5; });
#elif defined(loss_takes_two)
    auto loss = learner.step(model, images, [](const auto& y, const auto&) { return y; });
#elif defined(loss_of_learn)
    train::learn(model, pass, images, [](const auto&) { return 0.5; });
#else
    auto loss = learner.step(model, images, [](const auto& output) { return output; });
    train::learn(model, pass, images, [](const auto& output) { return output; });
#endif
}

void grow(Model& model) {
    Grower grower(model, MyController{}, 0.7);
#ifdef accuracies_of_nothing
    grower.end_epoch(model, 0.5, [] { return 50.0; });
#else
    const auto accuracies = [](std::span<const AlphaOverrides> configurations) {
        return std::vector<double>(configurations.size());
    };
    grower.end_epoch(model, 0.5, accuracies, MyMeasure{});
#endif
}

void train_it(Model& model, const train::LearnerOptions<optim::SgdRule>& rates) {
#ifdef held_out_is_no_range
    LabelledBatch<Cpu>* held_out = nullptr;
#else
    Batches held_out;
#endif
    train::Trainer trainer(model, MySource{}, std::move(held_out), rates, MyController{},
                           {.epochs = 1, .random_guess_loss = 0.7}, MyLoss{}, MySchedule{},
                           MyScore{});
}

auto score(const Model& model, Cpu::Context& cpu, Batches& batches) {
    const std::vector<AlphaOverrides> as_it_is(1);
#if defined(score_of_the_output)
    return mean_scores(model, cpu, as_it_is, batches, [](const auto&) { return 1.0; });
#elif defined(scored_on_no_range)
    return mean_scores(model, cpu, as_it_is, batches[0], AccuracyScore{});
#else
    return mean_scores(model, cpu, as_it_is, batches, AccuracyScore{});
#endif
}
