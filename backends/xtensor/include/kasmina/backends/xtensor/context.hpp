// The reference backend's context: no threads, no pool, and the precision of products.
#pragma once

#include <memory>

#include <kasmina/backend/context_reference.hpp>
#include <kasmina/backend/mask_tile_cache.hpp>
#include <kasmina/backend/precision.hpp>
#include <kasmina/reflect/check_enumerator.hpp>

namespace kasmina::backends::xtensor_detail {

/// Capability: ComputePrecisionBackend. Work is done when it is asked for.
class Context {
public:
    [[nodiscard]] Precision precision() const noexcept { return precision_; }
    /// Errors: OptionError for a precision that does not exist.
    void set_precision(Precision precision) {
        reflect::check_enumerator(precision, "precision", "backends::Xtensor");
        precision_ = precision;
    }

    /// Capability: AttentionBackend.
    [[nodiscard]] MaskTileCache& mask_tiles() noexcept { return mask_tiles_; }

    [[nodiscard]] std::weak_ptr<const void> lifetime() const noexcept { return lifetime_.watch(); }

private:
    MaskTileCache mask_tiles_;
    ContextLifetime lifetime_;
    Precision precision_ = Precision::full;
};

}  // namespace kasmina::backends::xtensor_detail
