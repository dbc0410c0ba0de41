// Quiet birth: what makes a blueprint's residual start near zero, named in its type (spec B-5).
#pragma once

#include <kasmina/requirements.hpp>

#include <cstdint>

namespace kasmina {

/// How a seed of a blueprint can start so that it hardly changes what the host sees.
enum class QuietBirth : std::uint8_t {
    built_in,               ///< starts at (or within 1e-3 of) the identity whatever is asked
    zero_init_final_layer,  ///< its options have `zero_init_final_layer`
    layer_scale,            ///< its options have `layer_scale`: a scale per channel, from 0.1
    own_start,              ///< keeps its own start, which is no identity
};

/// Where a layer scale starts: the value of Touvron et al., "Going deeper with image transformers"
/// (2021), for networks that are not deep. What is behind the scale learns in proportion to it, so
/// that a much smaller one costs a seed many epochs; measured in docs/growth.md.
inline constexpr double layer_scale_start = 0.1;

namespace detail {

/// Whether the options have what the blueprint's quiet birth names.
template <class Blueprint>
consteval bool has_quiet_option() {
    using Options = typename Blueprint::Options;
    switch (Blueprint::quiet_birth) {
        case QuietBirth::zero_init_final_layer:
            return requires(Options options) { options.zero_init_final_layer = true; };
        case QuietBirth::layer_scale:
            return requires(Options options) { options.layer_scale = true; };
        default: return true;
    }
}

}  // namespace detail

/// The options of a seed that is born quietly: what multiply-blended seeds get at germination.
template <class Blueprint>
    requires(detail::has_quiet_option<Blueprint>())
[[nodiscard]] constexpr typename Blueprint::Options quiet_options(
    typename Blueprint::Options options = {}) {
    if constexpr (Blueprint::quiet_birth == QuietBirth::zero_init_final_layer) {
        options.zero_init_final_layer = true;
    } else if constexpr (Blueprint::quiet_birth == QuietBirth::layer_scale) {
        options.layer_scale = true;
    }
    return options;
}

}  // namespace kasmina
