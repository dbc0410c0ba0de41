// Precision: the capability to multiply with fewer bits than are stored, as the context says.
#pragma once

#include <kasmina/requirements.hpp>

#include <array>
#include <concepts>
#include <cstdint>
#include <string_view>

#include <kasmina/reflect/enumerators.hpp>

namespace kasmina {

/// How matrix products and convolutions multiply, and their ways back. What is stored, and
/// everything else, has the backend's scalar.
enum class Precision : std::uint8_t {
    full,  ///< operands as they are stored
    fast,  ///< operands rounded to what the device multiplies fastest - bfloat16 on a CPU, TF32 on
           ///< a GPU, to nearest, ties to even - and sums as wide as the scalar
};

[[nodiscard]] constexpr std::string_view name_of(Precision precision) noexcept {
    switch (precision) {
        case Precision::full: return "full";
        case Precision::fast: return "fast";
    }
    return "(invalid)";
}

template <>
struct reflect::Enumerators<Precision> {
    static constexpr std::array all{Precision::full, Precision::fast};
};

/// A context whose precision can be set; it starts as full.
template <class B>
concept ComputePrecisionBackend = requires(
    typename B::Context& context, const typename B::Context& constant, Precision precision) {
    context.set_precision(precision);
    { constant.precision() } -> std::same_as<Precision>;
};

}  // namespace kasmina
