// The way of a pass through a model: the host's segments, the slots between them, and lessons.
#pragma once

// Included by model/model.hpp, after the class.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <kasmina/autodiff/taps.hpp>
#include <kasmina/error.hpp>
#include <kasmina/hosts/host.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/nn/attempt.hpp>

namespace kasmina {

template <class HostType, class Blueprints, class Policies>
auto MorphogeneticModel<HostType, Blueprints, Policies>::forward(
    Pass<Backend>& pass, const Input& input, const AlphaOverrides& overrides) const -> Output {
    return run(pass, input, overrides, nullptr);
}

template <class HostType, class Blueprints, class Policies>
auto MorphogeneticModel<HostType, Blueprints, Policies>::run(
    Pass<Backend>& pass, const Input& input, const AlphaOverrides& overrides,
    std::vector<Lesson>* lessons, std::span<const std::size_t> waiting) const -> Output {
    static_cast<void>(services());
    check_overrides(overrides, hosts::samples(input));
    nn::Attempt<Backend> attempt = this->attempt(pass);
    Pass<Backend> for_host = this->for_host(pass).inside("host/");
    Taps<Backend>* const taps = pass.taps();
    if (taps != nullptr) taps->forget();
    std::size_t boundary = hosts::start_boundary;
    State state = host_.stem(for_host, input);
    if (taps != nullptr) taps->offer("host/", "stem", hosts::features(state));
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        const AlphaOverride* chosen = overrides.find(slots_[i].name());
        const bool teaches = lessons != nullptr && pass.recording() && chosen == nullptr &&
                             slots_[i].teaches() && std::ranges::find(waiting, i) == waiting.end();
        if (!teaches && taps == nullptr && !slots_[i].runs(pass.recording(), chosen)) continue;
        state = host_.forward(for_host, state, boundary, i + 1);
        boundary = i + 1;
        if (teaches) lessons->push_back({i, state});
        Variable<Backend>& features = hosts::features(state);
        if (taps != nullptr) {
            features = tapped(pass, i, features, teaches ? nullptr : chosen, !teaches);
        } else if (!teaches) {
            features = slots_[i].forward(pass, features, chosen);
        }
    }
    state = host_.forward(for_host, state, boundary, slots_.size());
    Output output = host_.head(for_host, state);
    if (taps != nullptr) taps->check_all_came();
    attempt.succeed();
    return output;
}

template <class HostType, class Blueprints, class Policies>
auto MorphogeneticModel<HostType, Blueprints, Policies>::tapped(const Pass<Backend>& pass,
                                                                std::size_t place,
                                                                const Variable<Backend>& features,
                                                                const AlphaOverride* chosen,
                                                                bool runs) const
    -> Variable<Backend> {
    const SlotType& slot = slots_[place];
    const std::string inside = "slots/" + slot.name() + "/";
    Pass<Backend> own = pass.inside(inside);
    Variable<Backend> with = runs ? slot.forward(own, features, chosen) : features;
    pass.taps()->offer("slots/", slot.name(), with);
    return with;
}

template <class HostType, class Blueprints, class Policies>
auto MorphogeneticModel<HostType, Blueprints, Policies>::forward_lesson(Pass<Backend>& pass,
                                                                        Lesson lesson) const
    -> Output {
    static_cast<void>(services());
    if (lesson.slot >= slots_.size()) {
        throw LifecycleError("a lesson is of another model", "MorphogeneticModel::forward_lesson",
                             "a slot below " + std::to_string(slots_.size()),
                             std::to_string(lesson.slot), "give it to the model that noted it");
    }
    nn::Attempt<Backend> attempt = this->attempt(pass);
    Pass<Backend> own = pass.listening_to(nullptr);
    Pass<Backend> frozen = own.frozen();
    State& state = lesson.state;
    Variable<Backend>& taught = hosts::features(state);
    taught = slots_[lesson.slot].forward_taught(own, taught);
    std::size_t boundary = lesson.slot + 1;
    for (std::size_t k = boundary; k < slots_.size(); ++k) {
        if (!slots_[k].runs(false, nullptr)) continue;
        state = host_.forward(frozen, state, boundary, k + 1);
        boundary = k + 1;
        Variable<Backend>& features = hosts::features(state);
        features = slots_[k].forward(frozen, features);
    }
    state = host_.forward(frozen, state, boundary, slots_.size());
    Output output = host_.head(frozen, state);
    attempt.succeed();
    return output;
}

template <class HostType, class Blueprints, class Policies>
auto MorphogeneticModel<HostType, Blueprints, Policies>::attempt(const Pass<Backend>& pass,
                                                                 bool keeps_states) const
    -> nn::Attempt<Backend> {
    // Evaluation moves nothing, and several threads may be at it.
    const bool mine = pass.training() && !undo_->is_open();
    return nn::Attempt<Backend>(pass.context(), mine ? undo_ : nullptr,
                                [&](nn::Undo<Backend>& undo) {
                                    const auto keep = [&](const nn::AnyState<Backend>& state) {
                                        if (keeps_states) undo.note(pass.context(), state);
                                    };
                                    if (pass.generator() != nullptr) undo.note(*pass.generator());
                                    for (const auto& state : host_states_) keep(state);
                                    for (const SlotType& slot : slots_) {
                                        if (!slot.active()) continue;
                                        for (const auto& named : slot.state_list())
                                            keep(named.state);
                                        undo.note(slot.random_stream());
                                    }
                                });
}

template <class HostType, class Blueprints, class Policies>
void MorphogeneticModel<HostType, Blueprints, Policies>::check_overrides(
    const AlphaOverrides& overrides, Index samples) const {
    for (const AlphaOverride& entry : overrides.entries()) {
        slot(entry.slot).check_override(entry, samples);
    }
}

}  // namespace kasmina
