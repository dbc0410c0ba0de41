// The groups of a learner's optimiser: the host, seeds that are heard, and seeds behind the host.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/lifecycle/stage.hpp>

namespace kasmina::train {

/// Places of the groups in the optimiser.
struct LearnerGroups {
    static constexpr std::size_t host_group = 0;
    static constexpr std::size_t seed_group = 1;
    static constexpr std::size_t lesson_group = 2;  ///< seeds in training, behind the host
};

/// Whether the seed in a slot learns while the network does not hear it.
[[nodiscard]] bool learns_behind(const auto& slot) {
    return slot.stage() == Stage::germinated || slot.stage() == Stage::training;
}

/// Whether a parameter is of the seed in a slot: "slots/<slot>/...".
[[nodiscard]] inline bool is_of(std::string_view parameter, std::string_view slot) noexcept {
    constexpr std::string_view slots = "slots/";
    if (!parameter.starts_with(slots)) return false;
    parameter.remove_prefix(slots.size());
    return parameter.starts_with(slot) && parameter.substr(slot.size()).starts_with('/');
}

/// Whether a parameter is of a seed that learns behind the host.
template <class Model>
[[nodiscard]] bool is_behind(const Model& model, std::string_view parameter) {
    return std::ranges::any_of(model.slots(), [&](const auto& slot) {
        return learns_behind(slot) && is_of(parameter, slot.name());
    });
}

/// Makes the groups step what the model owns now. A seed that leaves training changes its group:
/// what it gathered behind the frozen host is no momentum for what comes, so it starts anew there.
template <class Model, class Optimiser>
void synchronise_groups(Optimiser& optimiser, Model& model) {
    std::vector<typename Model::Named> heard;
    std::vector<typename Model::Named> behind;
    for (auto& named : model.seed_parameters()) {
        (is_behind(model, named.name) ? behind : heard).push_back(std::move(named));
    }
    optimiser.synchronise(LearnerGroups::host_group, model.host_parameters());
    // A group gives up what goes to the other before that takes it.
    const auto is_there = [&](const typename Model::Named& named) {
        return std::ranges::any_of(optimiser.tracked(LearnerGroups::lesson_group),
                                   [&](const auto& tracked) {
                                       return tracked.parameter.lock() == named.parameter->state();
                                   });
    };
    std::vector<typename Model::Named> staying;
    std::ranges::copy_if(behind, std::back_inserter(staying), is_there);
    optimiser.synchronise(LearnerGroups::lesson_group, staying);
    optimiser.synchronise(LearnerGroups::seed_group, heard);
    optimiser.synchronise(LearnerGroups::lesson_group, behind);
}

/// Who was in a model when its groups were synchronised: what tells the seeds that a slot had
/// apart, and their gate networks.
template <class B>
class GroupMembers {
public:
    GroupMembers() = default;
    template <class Model>
    explicit GroupMembers(const Model& model) {
        for (const auto& slot : model.slots()) of_slots_.push_back(in(slot));
    }

    /// Whether the groups have to be synchronised again.
    template <class Model>
    [[nodiscard]] bool differ_from(const Model& model) const {
        const auto slots = model.slots();
        return !std::ranges::equal(of_slots_, slots, [](const OfSlot& then, const auto& slot) {
            return is_same(then, in(slot));
        });
    }

private:
    struct OfSlot {
        bool behind = false;  ///< it learns behind the host
        std::size_t parameters = 0;
        std::weak_ptr<ParameterState<B>> last{};
    };

    template <class SlotType>
    [[nodiscard]] static OfSlot in(const SlotType& slot) {
        const auto parameters = slot.parameter_list();
        if (parameters.empty()) return {};
        return {learns_behind(slot), parameters.size(), parameters.back().parameter->state()};
    }

    [[nodiscard]] static bool is_same(const OfSlot& then, const OfSlot& now) noexcept {
        return now.behind == then.behind && now.parameters == then.parameters &&
               !now.last.owner_before(then.last) && !then.last.owner_before(now.last);
    }

    std::vector<OfSlot> of_slots_{};
};

}  // namespace kasmina::train
