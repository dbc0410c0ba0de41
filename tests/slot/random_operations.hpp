// Random sequences of operations, legal and not, that get to every corner of the lifecycle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <kasmina/random/generator.hpp>

#include "slot/lifecycle_model.hpp"
#include "slot/slot_operation.hpp"

namespace kasmina::test {

/// Draws operations. Half of them are what moves a seed on from the stage that the model is in,
/// so that no stage is rare; the others are anything at all, anywhere.
class OperationSource {
public:
    explicit OperationSource(std::uint64_t seed) : generator_(seed) {}

    /// A slot of any kind, then `length` operations on it. One sequence in eight is a pendulum: a
    /// seed that swings between holding and blending until its history is full.
    [[nodiscard]] std::vector<SlotOperation> sequence(std::size_t length) {
        const bool pendulum = chance(0.125);
        std::vector<SlotOperation> drawn;
        LifecycleModel model;
        while (drawn.size() < length) {
            SlotOperation op = drawn.empty()               ? arguments(Call::new_slot)
                               : pendulum && !chance(0.02) ? swing(model)
                               : chance(0.5)               ? onwards(model.stage())
                                                           : anything();
            if (pendulum && is_the_end(op)) op = swing(model);
            model.take(op);
            drawn.push_back(op);
        }
        return drawn;
    }

private:
    [[nodiscard]] int below(int bound) {
        return static_cast<int>(generator_.below(static_cast<std::uint32_t>(bound)));
    }
    [[nodiscard]] bool chance(double probability) { return generator_.uniform() < probability; }

    template <class T, std::size_t N>
    [[nodiscard]] T one_of(const T (&values)[N]) {
        return values[below(static_cast<int>(N))];
    }

    [[nodiscard]] SlotOperation anything() {
        return arguments(static_cast<Call>(below(call_count)));
    }

    [[nodiscard]] SlotOperation onwards(Stage stage) {
        switch (stage) {
            case Stage::dormant: return arguments(Call::germinate);
            case Stage::germinated:
            case Stage::training:
                return chance(0.6) ? SlotOperation{.call = Call::advance}
                                   : SlotOperation{.call = Call::step_epoch};
            case Stage::blending:
                if (chance(0.7)) return {.call = Call::step_epoch};
                return arguments(
                    one_of({Call::advance, Call::set_alpha_target, Call::schedule_prune}));
            case Stage::holding:
                return arguments(one_of({Call::advance, Call::set_alpha_target,
                                         Call::set_alpha_target, Call::schedule_prune}));
            case Stage::fossilized:
                if (chance(0.1)) return arguments(Call::new_slot);
                return chance(0.3) ? arguments(Call::advance) : anything();
            default: return {.call = Call::step_epoch};
        }
    }

    [[nodiscard]] SlotOperation swing(const LifecycleModel& model) {
        switch (model.stage()) {
            case Stage::dormant: return {.call = Call::germinate, .choice = chance(0.5) ? 0 : 2};
            case Stage::holding:
                return {.call = Call::set_alpha_target,
                        .number = 0.5,
                        .steps = below(2),
                        .algorithm = one_of({BlendAlgorithm::add, BlendAlgorithm::gate})};
            case Stage::germinated:
            case Stage::training:
            case Stage::blending: return {.call = Call::advance};
            default: return {.call = Call::step_epoch};
        }
    }

    /// What would end a pendulum.
    [[nodiscard]] static bool is_the_end(const SlotOperation& op) {
        return op.call == Call::prune || op.call == Call::schedule_prune ||
               op.call == Call::new_slot || op.call == Call::set_gates ||
               (op.call == Call::advance && op.target == Stage::fossilized);
    }

    [[nodiscard]] double accuracy() {
        constexpr double nothing[]{std::numeric_limits<double>::quiet_NaN(),
                                   std::numeric_limits<double>::infinity()};
        return chance(0.1) ? one_of(nothing) : 0.5 * below(200) - 10.0;
    }

    [[nodiscard]] double alpha_target() {
        constexpr double illegal[]{0.0, -0.5, 1.5, std::numeric_limits<double>::quiet_NaN()};
        if (chance(0.15)) return one_of(illegal);
        return chance(0.8) ? 0.125 * (1 + below(8)) : 1.0 - generator_.uniform();
    }

    [[nodiscard]] double steepness() {
        constexpr double usual[]{12.0, 6.0, 0.1, 700.0, 1e5};
        return chance(0.7) ? one_of(usual) : generator_.uniform(0.1, 40.0);
    }

    /// The amplitude's way, for the three calls that set one.
    void draw_ramp(SlotOperation& op) {
        constexpr double too_low[]{0.05, -1.0, std::numeric_limits<double>::quiet_NaN()};
        op.steps = below(8) - 1;
        op.curve = one_of({AlphaCurve::linear, AlphaCurve::cosine, AlphaCurve::sigmoid});
        op.other = chance(0.1) ? one_of(too_low) : steepness();
    }

    /// A call with arguments of its own, some of them out of range.
    [[nodiscard]] SlotOperation arguments(Call call) {
        SlotOperation op{.call = call};
        switch (call) {
            case Call::new_slot:
                op.steps = chance(0.05) ? 0 : 1 + below(6);
                op.choice = chance(0.5) ? 0 : below(8);
                op.transformer = chance(0.3);
                break;
            case Call::set_gates: op.choice = chance(0.6) ? 0 : below(32); break;
            case Call::germinate:
                draw_ramp(op);
                op.choice = chance(0.1) ? below(4) : one_of({0, 0, 1, 2, 2});
                op.number = alpha_target();
                op.algorithm =
                    one_of({BlendAlgorithm::add, BlendAlgorithm::multiply, BlendAlgorithm::gate});
                if (chance(0.03)) op.other = std::numeric_limits<double>::infinity();
                op.straight_through = chance(0.4);
                break;
            case Call::advance:
                if (chance(0.5)) op.target = all_stages[static_cast<std::size_t>(below(10))];
                break;
            case Call::prune: op.choice = below(6); break;
            case Call::schedule_prune:
                draw_ramp(op);
                op.choice = below(6);
                break;
            case Call::set_alpha_target:
                draw_ramp(op);
                op.number = alpha_target();
                if (chance(0.4)) {
                    op.algorithm = one_of(
                        {BlendAlgorithm::add, BlendAlgorithm::multiply, BlendAlgorithm::gate});
                }
                break;
            case Call::record_score:
            case Call::record_dependence:
            case Call::record_readiness: op.number = accuracy(); break;
            case Call::record_lead:
                op.number = accuracy();
                op.choice = chance(0.9) ? 1 + below(3) : 0;
                break;
            case Call::record_contribution:
                op.number = accuracy();
                op.other = one_of({0.0, 0.5, 2.0, std::numeric_limits<double>::infinity()});
                op.choice = 1 + below(3) + 4 * (1 + below(30));
                if (chance(0.1)) op.choice = below(8);
                if (chance(0.05)) op.other = -1.0;
                break;
            case Call::record_interactions:
                op.number = accuracy();
                op.other = accuracy();
                break;
            case Call::record_neighbours:
                op.number = generator_.uniform(0.0, 3.0);
                op.other = generator_.uniform(0.0, 3.0);
                break;
            case Call::record_gradients:
                op.choice = below(1 << 16);
                op.number = one_of({0.0, 1e-3, 0.1, 1.0, 30.0});
                op.other = one_of({0.0, 9e-9, 1e-3, 1.0, 50.0});
                if (chance(0.6)) op.choice &= ~(host_unmeasured | seed_unmeasured);
                break;
            case Call::freeze_by_hand: op.steps = below(8); break;
            case Call::ask_gate:
            case Call::step_epoch:
            case Call::backward_twice:
            case Call::restore:
            case Call::take_and_plant: break;
        }
        return op;
    }

    Generator generator_;
};

}  // namespace kasmina::test
