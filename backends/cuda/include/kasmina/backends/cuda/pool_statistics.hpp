// CudaPoolStatistics: what a context's memory comes to.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstddef>
#include <cstdint>

namespace kasmina::backends {

/// In bytes, and how often none was found that had been given back. `bytes_in_use` counts what
/// buffers own, `bytes_held` what the pool has from the driver.
struct CudaPoolStatistics {
    std::uint64_t allocations = 0;  ///< constant when all is found in what was given back
    std::size_t bytes_held = 0;
    std::size_t bytes_in_use = 0;
    std::size_t peak_bytes = 0;  ///< most ever in use
};

}  // namespace kasmina::backends
