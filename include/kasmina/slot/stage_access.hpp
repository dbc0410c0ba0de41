// What every stage of a slot is asked for: its name, live seed, record and amplitude.
#pragma once

#include <array>
#include <cstddef>
#include <utility>
#include <variant>

#include <kasmina/slot/stages.hpp>

namespace kasmina::slot_detail {

template <class B>
[[nodiscard]] constexpr Stage stage_of(const AnyStage<B>& stages) noexcept {
    return []<std::size_t... Is>(std::size_t index, std::index_sequence<Is...>) {
        constexpr std::array names{std::variant_alternative_t<Is, AnyStage<B>>::stage...};
        return names[index];
    }(stages.index(), std::make_index_sequence<std::variant_size_v<AnyStage<B>>>{});
}

/// How a part is reached in the stages that have it; the others lack it.
inline constexpr auto seed_in = [](auto& held)
    requires requires { held.seed; }
{
    return held.seed.get();
};

struct RecordIn {
    template <class Held>
        requires requires(Held& held) { held.seed; }
    [[nodiscard]] auto* operator()(Held& held) const noexcept {
        return &held.seed->record;
    }
    template <class Held>
        requires requires(Held& held) { held.record; }
    [[nodiscard]] auto* operator()(Held& held) const noexcept {
        return &held.record;
    }
};

inline constexpr auto alpha_in = [](auto& held)
    requires requires { held.alpha; }
{
    return &held.alpha;
};

/// The part that `reach` gets to; null in a stage that has none.
template <class Part, class Stages, class Reach>
[[nodiscard]] Part* find_part(Stages& stages, Reach reach) noexcept {
    return std::visit(
        [&reach](auto& held) -> Part* {
            if constexpr (requires { reach(held); }) {
                return reach(held);
            } else {
                return nullptr;
            }
        },
        stages);
}

/// The live seed; null in stages that have none.
template <class B>
[[nodiscard]] LiveSeed<B>* live_seed(AnyStage<B>& stages) noexcept {
    return find_part<LiveSeed<B>>(stages, seed_in);
}
template <class B>
[[nodiscard]] const LiveSeed<B>* live_seed(const AnyStage<B>& stages) noexcept {
    return find_part<const LiveSeed<B>>(stages, seed_in);
}

/// The record of a live seed, or of a pruned one; null in a dormant slot.
template <class B>
[[nodiscard]] SeedRecord* record_of(AnyStage<B>& stages) noexcept {
    return find_part<SeedRecord>(stages, RecordIn{});
}
template <class B>
[[nodiscard]] const SeedRecord* record_of(const AnyStage<B>& stages) noexcept {
    return find_part<const SeedRecord>(stages, RecordIn{});
}

/// The amplitude's controller; null in stages where the amplitude is 0.
template <class B>
[[nodiscard]] AlphaController* controller_of(AnyStage<B>& stages) noexcept {
    return find_part<AlphaController>(stages, alpha_in);
}
template <class B>
[[nodiscard]] const AlphaController* controller_of(const AnyStage<B>& stages) noexcept {
    return find_part<const AlphaController>(stages, alpha_in);
}

}  // namespace kasmina::slot_detail
