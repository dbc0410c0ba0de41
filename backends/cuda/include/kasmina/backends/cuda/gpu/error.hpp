// Errors of the driver and of its libraries, with the cause in words.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstddef>
#include <string>
#include <string_view>

#include <cuda_runtime_api.h>

#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>

namespace kasmina::backends {

/// A kernel or a copy that failed, or a library of the card's; `where()` names it, and `got()` has
/// the cause.
class CudaError : public Error {
public:
    using Error::Error;
};

namespace cuda_detail {

[[nodiscard]] inline std::string words_of(cudaError_t status) {
    return std::string(cudaGetErrorName(status)) + " (" + cudaGetErrorString(status) + ")";
}

/// A version as the runtime numbers it, in words.
[[nodiscard]] inline std::string version_text(int version) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

KASMINA_COLD [[noreturn]] inline void refuse(cudaError_t status, std::string_view where) {
    if (status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction) {
        throw CudaError("a kernel was not compiled for this card", where,
                        "code for the card's compute capability", words_of(status),
                        "compile with CMAKE_CUDA_ARCHITECTURES=native, or nvcc -arch=native");
    }
    throw CudaError("work on the card failed", where, "work that succeeds", words_of(status),
                    "set CudaOptions::wait_after_each_kernel, which names the kernel that fails, "
                    "or run under compute-sanitizer; after such an error the process must start "
                    "anew");
}

/// Errors: CudaError where the call did not succeed.
inline void check(cudaError_t status, std::string_view where) {
    if (status != cudaSuccess) refuse(status, where);
}

/// Why there is no card to work on. Errors: ResourceError, always.
KASMINA_COLD [[noreturn]] inline void refuse_device(cudaError_t status, int device, int count) {
    int driver = 0;
    int runtime = 0;
    static_cast<void>(cudaDriverGetVersion(&driver));
    static_cast<void>(cudaRuntimeGetVersion(&runtime));
    if (driver == 0) {
        throw ResourceError("there is no CUDA device", "backends::Cuda", "a driver and a card",
                            "no CUDA driver", "use a machine with one, or backends::Eigen");
    }
    if (status == cudaErrorInsufficientDriver) {
        throw ResourceError("the CUDA driver is too old", "backends::Cuda",
                            "a driver for CUDA " + version_text(runtime) + " or later",
                            "one for CUDA " + version_text(driver),
                            "update the driver, or compile with an older CUDA");
    }
    throw ResourceError("there is no CUDA device", "backends::Cuda",
                        "device " + std::to_string(device),
                        std::to_string(count) + " devices; " + words_of(status),
                        "check CudaOptions::device, CUDA_VISIBLE_DEVICES and nvidia-smi");
}

}  // namespace cuda_detail
}  // namespace kasmina::backends
