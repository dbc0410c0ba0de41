// The reference backend's context: no threads, no pool, and the precision of products.
#pragma once

#include <kasmina/backend/precision.hpp>

namespace kasmina::backends::xtensor_detail {

/// Capability: ComputePrecisionBackend. Work is done when it is asked for.
class Context {
public:
    [[nodiscard]] Precision precision() const noexcept { return precision_; }
    void set_precision(Precision precision) noexcept { precision_ = precision; }

private:
    Precision precision_ = Precision::full;
};

}  // namespace kasmina::backends::xtensor_detail
