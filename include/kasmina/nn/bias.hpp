// Bias: whether a layer adds one.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <kasmina/reflect/enumerators.hpp>

namespace kasmina::nn {

enum class Bias : std::uint8_t { present, absent };

[[nodiscard]] constexpr std::string_view name_of(Bias bias) noexcept {
    switch (bias) {
        case Bias::present: return "present";
        case Bias::absent: return "absent";
    }
    return "(invalid)";
}

}  // namespace kasmina::nn

template <>
struct kasmina::reflect::Enumerators<kasmina::nn::Bias> {
    static constexpr std::array all{kasmina::nn::Bias::present, kasmina::nn::Bias::absent};
};
