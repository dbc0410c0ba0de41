// What every stage of a slot is asked for: its name, live seed, record and amplitude.
#pragma once

#include <cstddef>
#include <utility>

#include <kasmina/slot/stages.hpp>

namespace kasmina::slot_detail {

template <class... Stages>
[[nodiscard]] Stage stage_of(const OneOf<Stages...>& stages) noexcept {
    constexpr Stage names[] = {Stages::stage...};
    return names[stages.index()];
}

// How a part is reached in the stages that have it; the others lack it. No lambdas: nvcc forgets
// what they require.

struct SeedIn {
    template <class Held>
        requires requires(Held& held) { held.seed; }
    [[nodiscard]] auto* operator()(Held& held) const noexcept {
        return held.seed.get();
    }
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

struct AlphaIn {
    template <class Held>
        requires requires(Held& held) { held.alpha; }
    [[nodiscard]] auto* operator()(Held& held) const noexcept {
        return &held.alpha;
    }
};

/// The part that `reach` gets to in a stage; null in one that has none.
template <class Part, class Held, class Reach>
[[nodiscard]] Part* part_in(Held& held, Reach reach) noexcept {
    if constexpr (requires { reach(held); }) {
        return reach(held);
    } else {
        return nullptr;
    }
}

/// The same in whatever stage it is: a row of comparisons, which the compiler has done with sooner
/// than with a table of functions for each part.
template <class Part, class Reach, class... Stages>
[[nodiscard]] Part* find_part(OneOf<Stages...>& stages, Reach reach) noexcept {
    Part* found = nullptr;
    static_cast<void>(((stages.template holds<Stages>() &&
                        (found = part_in<Part>(*stages.template get_if<Stages>(), reach), true)) ||
                       ...));
    return found;
}

/// Looking for a part changes nothing.
template <class B>
[[nodiscard]] AnyStage<B>& as_mutable(const AnyStage<B>& stages) noexcept {
    return const_cast<AnyStage<B>&>(stages);
}

/// The live seed; null in stages that have none.
template <class B>
[[nodiscard]] LiveSeed<B>* live_seed(AnyStage<B>& stages) noexcept {
    return find_part<LiveSeed<B>>(stages, SeedIn{});
}
template <class B>
[[nodiscard]] const LiveSeed<B>* live_seed(const AnyStage<B>& stages) noexcept {
    return live_seed<B>(as_mutable<B>(stages));
}

/// The record of a live seed, or of a pruned one; null in a dormant slot.
template <class B>
[[nodiscard]] SeedRecord* record_of(AnyStage<B>& stages) noexcept {
    return find_part<SeedRecord>(stages, RecordIn{});
}
template <class B>
[[nodiscard]] const SeedRecord* record_of(const AnyStage<B>& stages) noexcept {
    return record_of<B>(as_mutable<B>(stages));
}

/// The amplitude's controller; null in stages where the amplitude is 0.
template <class B>
[[nodiscard]] AlphaController* controller_of(AnyStage<B>& stages) noexcept {
    return find_part<AlphaController>(stages, AlphaIn{});
}
template <class B>
[[nodiscard]] const AlphaController* controller_of(const AnyStage<B>& stages) noexcept {
    return controller_of<B>(as_mutable<B>(stages));
}

}  // namespace kasmina::slot_detail
