// Divisor: division by a number that the launch knows, as a product and a shift.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstdint>

#include <kasmina/backends/cuda/block.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::cuda_detail {

/// Numbers below this one are divided.
inline constexpr Index divisible_numbers = Index{1} << 31U;

/// Cards have no instruction that divides; with a divisor that is known before (at least 1, below
/// `divisible_numbers`) a product's upper half and a shift do it (Granlund and Montgomery, Division
/// by invariant integers using multiplication, 1994).
class Divisor {
public:
    Divisor() = default;
    explicit Divisor(Index divisor) : value_(static_cast<std::uint32_t>(divisor)) {
        while ((Index{1} << shift_) < divisor) ++shift_;
        const std::uint64_t power = std::uint64_t{1} << shift_;
        multiplier_ = static_cast<std::uint32_t>(((power - value_) << 32U) / value_ + 1);
    }

    [[nodiscard]] KASMINA_DEVICE std::uint32_t value() const { return value_; }
    [[nodiscard]] KASMINA_DEVICE std::uint32_t quotient(std::uint32_t number) const {
        const std::uint64_t product = std::uint64_t{number} * multiplier_;
        return (static_cast<std::uint32_t>(product >> 32U) + number) >> shift_;
    }

private:
    std::uint32_t value_ = 1;
    std::uint32_t multiplier_ = 1;
    std::uint32_t shift_ = 0;
};

/// Which row of a dense matrix an element lies in, whose rows have `length` numbers.
class RowOf {
public:
    RowOf(Index rows, Index length)
        : length_(length), by_product_(rows * length < divisible_numbers) {
        if (by_product_ && length > 0) divisor_ = Divisor(length);
    }

    [[nodiscard]] KASMINA_DEVICE Index operator()(Index element) const {
        return by_product_ ? Index{divisor_.quotient(static_cast<std::uint32_t>(element))}
                           : element / length_;
    }

private:
    Divisor divisor_{};
    Index length_;
    bool by_product_;
};

}  // namespace kasmina::backends::cuda_detail
