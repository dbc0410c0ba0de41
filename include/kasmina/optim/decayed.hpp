// Decayed: which parameters of a group weight decay acts on.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <string_view>

#include <kasmina/reflect/enumerators.hpp>
#include <kasmina/tensor/shape.hpp>

namespace kasmina::optim {

/// Which parameters of a group its weight decay acts on.
enum class Decayed : std::uint8_t {
    all,       ///< as in a group of torch.optim.AdamW
    matrices,  ///< tensors of two extents or more, as GPT-2 was trained: no biases, nothing of
               ///< norms
};

[[nodiscard]] constexpr std::string_view name_of(Decayed decayed) noexcept {
    switch (decayed) {
        case Decayed::all: return "all";
        case Decayed::matrices: return "matrices";
    }
    return "(invalid)";
}

/// Options that say which parameters their decay acts on.
template <class Options>
concept ChoosesDecayed = requires(Options options) {
    { options.decayed } -> std::same_as<Decayed&>;
    options.weight_decay = 0.0;
};

/// Whether the decay of a group with such options acts on a parameter of that shape.
template <class Options>
[[nodiscard]] bool is_decayed(const Options& options, const Shape& shape) noexcept {
    if constexpr (ChoosesDecayed<Options>) {
        return options.decayed == Decayed::all || shape.rank() > 1;
    } else {
        return true;
    }
}

}  // namespace kasmina::optim

template <>
struct kasmina::reflect::Enumerators<kasmina::optim::Decayed> {
    static constexpr std::array all{kasmina::optim::Decayed::all,
                                    kasmina::optim::Decayed::matrices};
};
