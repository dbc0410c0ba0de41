// AveragedWeights: a moving average of a growing network's parameters, to evaluate it with.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/backend/pointwise.hpp>
#include <kasmina/check_option.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/moved_from.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/tensor/shape.hpp>
#include <kasmina/tensor/tensor.hpp>
#include <kasmina/train/learner_groups.hpp>

namespace kasmina::train {

/// How weights are averaged.
struct AveragingOptions {
    double decay = 0.999;  ///< average = decay * average + (1 - decay) * value
    /// Divides by 1 - decay^n, as Adam does, so that the first values do not outweigh the others;
    /// without, the average begins as the first value (torch.optim.swa_utils' get_ema_avg_fn).
    bool bias_correction = false;

    using Fields = reflect::List<&AveragingOptions::decay, &AveragingOptions::bias_correction>;
};

/// All averages, as copies on the backend. Move-only, for the tensors' sake.
template <class B>
struct AveragedWeightsState {
    struct Average {
        std::string name{};
        std::int64_t updates = 0;
        Tensor<B> values{};

        using Fields = reflect::List<&Average::name, &Average::updates, &Average::values>;
    };

    AveragingOptions options{};
    std::vector<Average> averages{};

    using Fields = reflect::List<&AveragedWeightsState::options, &AveragedWeightsState::averages>;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;
};

namespace detail {

/// average + share * (value - average), which has no gradient.
struct TowardsValue {
    double share = 0.0;

    template <class V>
    constexpr V operator()(const V& average, const V& value) const {
        return average + (value - average) * share;
    }
};

}  // namespace detail

/// An exponential moving average of all parameters of a model (running statistics are taken as they
/// are). It follows growth: a seed's parameters are averaged from the first `update` that finds
/// them, and go with the seed. Evaluation changes places with the model's values and copies
/// nothing. It keeps no hold of the model.
template <class Model>
class AveragedWeights {
    struct Held;

public:
    using B = typename Model::Backend;
    using State = AveragedWeightsState<B>;

    /// What it is called in a checkpoint.
    static constexpr std::string_view part_name = "average";

    /// Errors: OptionError for a decay outside [0, 1).
    explicit AveragedWeights(const AveragingOptions& options = {}) : options_(checked(options)) {}
    AveragedWeights(AveragedWeights&&) noexcept = default;
    AveragedWeights& operator=(AveragedWeights&&) noexcept = default;
    AveragedWeights(const AveragedWeights&) = delete;
    AveragedWeights& operator=(const AveragedWeights&) = delete;
    ~AveragedWeights() = default;

    [[nodiscard]] const AveragingOptions& options() const noexcept { return options_; }

    /// Takes in what the model's parameters are now; call it after each step. Waits for nothing.
    /// Errors: StateError while the averages stand in the model's place, and for another model than
    /// the one that they are of.
    void update(Model& model) {
        check_is_ours(model);
        if (held_->averages.empty() || held_->members.differ_from(model)) follow(model);
        for (Average& each : held_->averages) {
            const auto parameter = each.parameter.lock();
            const double share = share_of(++each.updates);
            if (each.values.size() == 0) continue;
            if (share == 1.0) {
                each.values.copy_from(model.context(), parameter->value);
                continue;
            }
            const Map<typename B::Scalar, 2> map{
                .geometry = {.channels = each.values.size()},
                .operands = {{{.data = each.values.data()}, {.data = parameter->value.data()}}},
                .out = each.values.data()};
            B::map(model.context(), detail::TowardsValue{share}, map);
        }
    }

    /// What a trainer tells of steps: updates behind each.
    struct BehindEachStep {
        AveragedWeights& averages;
        Model& model;

        void operator()(const auto&) const noexcept {}
        void after_step() const { averages.update(model); }
    };

    /// For a trainer's `on_step`. It refers to both.
    [[nodiscard]] BehindEachStep with_each_step(Model& model) { return {*this, model}; }

    /// The averages stand in the model's place until the end of the scope. What has no average yet
    /// stays as it is. Train nothing meanwhile, and save nothing.
    class InPlace {
    public:
        explicit InPlace(AveragedWeights& averages) {
            averages.check();
            held_ = averages.held_;
            held_->in_place = true;
            held_->change_places();
        }
        InPlace(const InPlace&) = delete;
        InPlace& operator=(const InPlace&) = delete;
        ~InPlace() {
            held_->change_places();
            held_->in_place = false;
        }

    private:
        std::shared_ptr<Held> held_;  ///< also of averages that move or end meanwhile
    };

    /// What `f()` gives with the averages in the place of the model's values. Errors: those of `f`;
    /// StateError when they stand there already.
    template <std::invocable F>
    decltype(auto) evaluate(F&& f) {
        const InPlace in_place(*this);
        return std::forward<F>(f)();
    }

    /// Copies of all averages of what the model has: seeds that have gone since the last `update`
    /// are left out, whoever holds on to them. Errors: as `update`.
    [[nodiscard]] KASMINA_RARE State state(Model& model) const {
        check_is_ours(model);
        State state{.options = options_, .averages = {}};
        const auto present = model.parameters();
        for (const Average& each : held_->averages) {
            const auto is_its = [parameter = each.parameter.lock()](const auto& named) {
                return named.parameter->state() == parameter;
            };
            if (std::ranges::none_of(present, is_its)) continue;
            state.averages.push_back({each.name, each.updates, each.values.clone(model.context())});
        }
        return state;
    }

    /// Goes on where `state` stood, with a model that has been restored to the same moment. Errors:
    /// as `prepare`; nothing is changed then.
    void restore(Model& model, const State& state) { *this = prepare(model, state); }

    /// What `restore` makes of it. Of a state that is moved here the tensors are taken over, of
    /// another one copied. Errors: OptionError for options out of range; UnknownNameError for a
    /// parameter that the model does not have, DuplicateNameError for one that is there twice;
    /// ShapeError for an average of another shape; StateError for a count below 1, and while the
    /// averages stand in the model's place.
    template <class S>
        requires std::same_as<std::remove_cvref_t<S>, State>
    [[nodiscard]] KASMINA_RARE AveragedWeights prepare(Model& model, S&& state) const {
        check();
        AveragedWeights next(state.options);
        next.held_->model = model.identity();
        auto& averages = next.held_->averages;
        const auto present = model.parameters();
        for (auto& each : state.averages) {
            const auto named = std::ranges::find_if(
                present, [&](const auto& parameter) { return parameter.name == each.name; });
            if (named == present.end()) {
                throw UnknownNameError("an average is of no parameter of the model", where(),
                                       "the parameters of the model", each.name,
                                       "restore the model first, to the same moment");
            }
            const auto& parameter = named->parameter->state();
            if (std::ranges::any_of(averages, [&](const Average& other) {
                    return other.parameter.lock() == parameter;
                })) {
                throw DuplicateNameError("an average is there twice", where(), "each once",
                                         each.name, "restore what state() returned");
            }
            if (each.values.shape() != parameter->value.shape()) {
                throw ShapeError("an average does not fit \"" + each.name + "\"", where(),
                                 to_string(parameter->value.shape()),
                                 to_string(each.values.shape()),
                                 "restore into a model with the same shapes");
            }
            if (each.updates < 1) {
                throw StateError("averages cannot have this state: updates", where(), "at least 1",
                                 std::to_string(each.updates), "restore what state() returned");
            }
            averages.push_back({each.name, parameter, {}, each.updates});
            if constexpr (std::is_lvalue_reference_v<S>) {
                averages.back().values = each.values.clone(model.context());
            } else {
                averages.back().values = std::move(each.values);
            }
        }
        return next;
    }

    /// The part of `restore` that cannot fail.
    void exchange(AveragedWeights& other) noexcept { std::swap(*this, other); }

private:
    struct Average {
        std::string name;
        std::weak_ptr<ParameterState<B>> parameter;
        Tensor<B> values;
        std::int64_t updates = 0;
    };

    /// What is averaged; it stays in one place for an evaluation.
    struct Held {
        std::vector<Average> averages{};
        GroupMembers<B> members{};
        std::weak_ptr<const void> model{};  ///< of the first update
        bool in_place = false;

        void change_places() noexcept {
            for (Average& each : averages) {
                const auto parameter = each.parameter.lock();
                if (parameter == nullptr || each.updates == 0) continue;
                std::swap(parameter->value, each.values);
            }
        }
    };

    [[nodiscard]] static std::string where() { return "train::AveragedWeights"; }

    [[nodiscard]] static const AveragingOptions& checked(const AveragingOptions& options) {
        check_option(where(), "decay", options.decay, OptionRange::at_least(0.0).below(1.0));
        return options;
    }

    void check() const {
        moved_.check("averaged weights");
        if (held_->in_place) refuse_in_place();
    }

    void check_is_ours(const Model& model) const {
        check();
        const std::weak_ptr<const void> given = model.identity();
        if (given.expired()) MovedFrom::refuse("a model");
        const std::weak_ptr<const void>& ours = held_->model;
        if (held_->averages.empty()) return;
        if (!given.owner_before(ours) && !ours.owner_before(given)) return;
        throw StateError("the averages are of another model", where(),
                         "the model of the first update, wherever that moved", "another one",
                         "make averages for it");
    }

    [[noreturn]] KASMINA_COLD static void refuse_in_place() {
        throw StateError("the averages stand in the model's place", where(),
                         "one evaluation with them at a time, and steps and saves outside of it",
                         "one inside", "let the scope of the evaluation end first");
    }

    /// How far an average goes towards the n-th value: with correction, so that the average is the
    /// one from 0 over 1 - decay^n.
    [[nodiscard]] double share_of(std::int64_t n) const {
        if (n == 1) return 1.0;
        if (!options_.bias_correction) return 1.0 - options_.decay;
        return (1.0 - options_.decay) / (1.0 - std::pow(options_.decay, static_cast<double>(n)));
    }

    KASMINA_RARE void follow(Model& model) {
        std::vector<Average> next;
        for (const auto& named : model.parameters()) {
            const auto& parameter = named.parameter->state();
            const auto known = std::ranges::find_if(held_->averages, [&](const Average& each) {
                return each.parameter.lock() == parameter;
            });
            if (known != held_->averages.end()) {
                next.push_back(std::move(*known));
            } else {
                next.push_back({named.name, parameter,
                                Tensor<B>::persistent(model.context(), parameter->value.shape())});
            }
        }
        held_->averages = std::move(next);
        held_->members = GroupMembers<B>(model);
        held_->model = model.identity();
    }

    AveragingOptions options_;
    std::shared_ptr<Held> held_ = std::make_shared<Held>();
    MovedFrom moved_{};
};

}  // namespace kasmina::train
