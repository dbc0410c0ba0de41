// Shadows: the default measure, a network that trains beside the growing one without the seed.
#pragma once

#include <algorithm>
#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/judge/measure.hpp>
#include <kasmina/judge/shadow.hpp>
#include <kasmina/lifecycle/lifecycle.hpp>
#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/slot/alpha_overrides.hpp>

namespace kasmina::judge {

/// A seed that was blended in or held at the last step.
struct BlendedSeed {
    std::string slot{};
    std::string seed_id{};

    using Fields = reflect::List<&BlendedSeed::slot, &BlendedSeed::seed_id>;
};

/// All that a judge with a shadow remembers. Move-only, for the tensors' sake.
template <class B, class OptimiserState>
struct ShadowsState {
    std::optional<ShadowState<B, OptimiserState>> shadow{};
    std::string seed_id{};  ///< whose shadow it is
    std::vector<BlendedSeed> blended{};
    std::optional<std::string> notice{};  ///< not told yet
    bool told = false;                    ///< that a seed is judged by dependence

    using Fields =
        reflect::List<&ShadowsState::shadow, &ShadowsState::seed_id, &ShadowsState::blended,
                      &ShadowsState::notice, &ShadowsState::told>;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;
};

/// Which of the batches of a step it is: where several are summed, some neither begin nor end it.
struct StepPart {
    bool begins = true;
    bool ends = true;
};

/// Keeps a shadow for the seed that is blended in or held, from the first step after blending began
/// to the verdict, and judges the seed by it: what a refused seed did to the network is undone to
/// the last bit. One seed is judged at a time: a second one that is blended in meanwhile would be
/// part of the other's shadow, so it gets none and is judged by dependence, which is told once.
template <class Model, class Optimiser>
class Shadows {
public:
    using B = typename Model::Backend;
    using State = ShadowsState<B, typename Optimiser::State>;

    static constexpr MeasureKind kind = MeasureKind::shadow;

    /// Call it before each training step of the model: `step(optimiser, random, overrides)` is to
    /// run the same step, on the same batch, for the shadow that stands in the model's place
    /// during the call, with that optimiser and random stream and the seed's slot overridden by 0.
    /// Of a step that is made of several batches, it is called before each of them.
    template <class Step>
    void before_step(Model& model, Optimiser& optimiser, Generator& random, Step&& step,
                     StepPart part = {}) {
        require_model_in_place();
        settle(model, optimiser, random);
        start(model, optimiser, random);
        if (part.begins) sits_out_ = std::exchange(ahead_, false);
        if (!shadow_ || sits_out_) return;
        shadow_->follow_options(optimiser);
        shadow_->keep_gradients(!part.begins || !part.ends);
        const InPlace in_place(*this);
        step(shadow_->optimiser(), shadow_->random(), shadow_->overrides());
        if (part.ends) shadow_->count_step();
    }

    /// Of the step that `before_step` ended last the network's part failed: the shadow has had that
    /// batch, and is left out when the network is stepped again.
    void network_missed_step() noexcept { ahead_ = shadow_.has_value(); }

    /// After seeds have come or gone in the model and its optimiser.
    void follow(Model& model, const Optimiser& optimiser) {
        require_model_in_place();
        if (shadow_) shadow_->follow(model, optimiser);
    }

    /// Ends what has been decided: a seed that was pruned (by whomever) leaves no trace, for the
    /// shadow's values, optimiser and random stream become the model's; one that fossilized, or is
    /// no longer there, ends its shadow. True when the model is the shadow now.
    bool settle(Model& model, Optimiser& optimiser, Generator& random) {
        if (!shadow_) return false;
        require_model_in_place();
        const auto& slot = model.slot(shadow_->slot());
        const bool same = slot.random_stream() == seed_.lock() && !seed_.expired();
        const Stage stage = slot.stage();
        if (same && is_blended(stage)) return false;
        const bool refused = !same || is_failure(stage);
        if (refused) {
            shadow_->follow(model, optimiser);
            shadow_->keep_gradients(false);
            shadow_->change_places();
            optimiser = std::move(shadow_->optimiser());
            random = shadow_->random();
        }
        // Another seed in that slot may go by the same name.
        if (!same)
            std::erase_if(blended_, [&](const auto& seen) { return seen.slot == slot.name(); });
        forget();
        return refused;
    }

    /// The lead of the network over the shadow, for a seed at full amplitude, once it has settled
    /// (`GateThresholds::settling_epochs`). Without a shadow that has learned: dependence.
    /// `score` is the network's as it is.
    template <class SlotType, class Scores>
    void judge(Model& model, SlotType& slot, double score, Scores& scores) {
        if (!judges(slot)) {
            if (!told_) {
                told_ = true;
                notice_ = "the seed in " + slot.name() +
                          " is judged by dependence, which is not help: no shadow has been trained "
                          "beside it since its blending began";
            }
            return Ablation{}.judge(model, slot, score, scores);
        }
        const int settling = model.gates().thresholds.settling_epochs;
        if (settling > 0 && slot.record()->metrics.epochs_in_stage <= settling) return;
        const double without = [&] {
            const InPlace in_place(*this);
            return scores(std::span(&shadow_->overrides(), 1))[0];
        }();
        slot.record_lead(model.score_kind().gain(without, score), kind);
    }

    /// Whether a shadow that has learned stands for the seed in that slot.
    template <class SlotType>
    [[nodiscard]] bool judges(const SlotType& slot) const {
        return shadow_ && shadow_->slot() == slot.name() && shadow_->steps() > 0;
    }

    /// Whether there is a shadow to go back to, of finite values.
    [[nodiscard]] bool has_sound(Model& model) {
        return shadow_ && shadow_->steps() > 0 && shadow_->sound(model);
    }

    /// Drops the shadow: the model has gone back to what it was before.
    void forget() noexcept {
        shadow_.reset();
        ahead_ = false;
        sits_out_ = false;
    }

    /// What there is to tell, once.
    [[nodiscard]] std::optional<std::string> take_notice() {
        return std::exchange(notice_, std::nullopt);
    }

    /// All that it remembers, the shadow as copies on the backend (P-7). Seeds that have come or
    /// gone since the last step must have been told of by `follow`.
    [[nodiscard]] State state(typename B::Context& context) const {
        require_model_in_place();
        State state{.shadow = std::nullopt,
                    .seed_id = seed_id_,
                    .blended = blended_,
                    .notice = notice_,
                    .told = told_};
        if (shadow_) state.shadow = shadow_->state(context);
        return state;
    }

    /// One that goes on where `state` stood, with a model and an optimiser that have been restored
    /// to the same moment. Errors: those of `Shadow`, and UnknownNameError for seeds in slots that
    /// are not there.
    template <class S>
        requires std::same_as<std::remove_cvref_t<S>, State>
    [[nodiscard]] static Shadows restored(Model& model, const Optimiser& optimiser, S&& state) {
        for (const BlendedSeed& seen : state.blended) static_cast<void>(model.slot(seen.slot));
        Shadows judge;
        if (state.shadow) {
            judge.shadow_.emplace(model, optimiser, *std::forward<S>(state).shadow);
            const auto& slot = model.slot(judge.shadow_->slot());
            const bool there = slot.record() != nullptr && slot.record()->seed_id == state.seed_id;
            if (there) judge.seed_ = slot.random_stream();
        }
        judge.seed_id_ = state.seed_id;
        judge.blended_ = state.blended;
        judge.notice_ = state.notice;
        judge.told_ = state.told;
        return judge;
    }

    /// Becomes that one. Errors: as `restored`; nothing is changed then.
    void restore(Model& model, const Optimiser& optimiser, const State& state) {
        *this = restored(model, optimiser, state);
    }

private:
    using ShadowType = Shadow<Model, Optimiser>;

    /// The shadow stands in the model's place until the end of the scope.
    class InPlace {
    public:
        explicit InPlace(Shadows& judge) : judge_(judge) {
            judge.require_model_in_place();
            judge_.shadow_->change_places();
            judge_.shadow_in_place_ = true;
        }
        InPlace(const InPlace&) = delete;
        InPlace& operator=(const InPlace&) = delete;
        ~InPlace() {
            judge_.shadow_in_place_ = false;
            if (judge_.shadow_) judge_.shadow_->change_places();
        }

    private:
        Shadows& judge_;
    };

    /// Errors: StateError while the shadow stands in the model's place: what a loss or a
    /// measurement did to the model then, it would do to the shadow.
    void require_model_in_place() const {
        if (!shadow_in_place_) return;
        throw StateError("the shadow stands in the model's place", "judge::Shadows",
                         "steps, decisions and saves outside of losses and measurements",
                         "one inside", "do it when the step or the end of the epoch is over");
    }

    /// A shadow for a seed that has begun to blend since the last step, and for no other: of one
    /// that has been blended for a while nobody knows what the network would be without it.
    void start(Model& model, const Optimiser& optimiser, const Generator& random) {
        std::erase_if(blended_, [&model](const BlendedSeed& seen) {
            const auto& slot = model.slot(seen.slot);
            return !is_blended(slot.stage()) || slot.record()->seed_id != seen.seed_id;
        });
        for (const auto& slot : model.slots()) {
            if (!is_blended(slot.stage())) continue;
            const std::string& seed_id = slot.record()->seed_id;
            const bool known = std::ranges::any_of(blended_, [&](const BlendedSeed& seen) {
                return seen.slot == slot.name() && seen.seed_id == seed_id;
            });
            if (known) continue;
            blended_.push_back({slot.name(), seed_id});
            if (shadow_ || slot.stage() != Stage::blending) continue;
            shadow_.emplace(model, slot.name(), optimiser, random);
            seed_id_ = seed_id;
            seed_ = slot.random_stream();
        }
    }

    [[nodiscard]] static bool is_blended(Stage stage) noexcept {
        return stage == Stage::blending || stage == Stage::holding;
    }

    std::optional<ShadowType> shadow_;
    std::string seed_id_{};
    std::weak_ptr<const Generator> seed_{};  ///< whose shadow it is, by what only that seed has
    std::vector<BlendedSeed> blended_{};
    std::optional<std::string> notice_{};
    bool told_ = false;
    bool shadow_in_place_ = false;
    bool ahead_ = false;     ///< of the network, by the batch that failed there
    bool sits_out_ = false;  ///< of the step that is under way
};

}  // namespace kasmina::judge
