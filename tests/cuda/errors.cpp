// Errors of the driver and its calls: which type each is, and that the cause is in its words.
#include <string>

#include <kasmina/backends/cuda/gpu/error.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::errors_test {
namespace {

using namespace backends::cuda_detail;

std::string complaint(cudaError_t status) {
    return test::error_text<backends::CudaError>([&] { check(status, "some_kernel"); });
}

TEST_CASE("a kernel or a copy that fails is a CudaError with its name and CUDA's words",
          "[X-4][E-2][cuda]") {
    CHECK_NOTHROW(check(cudaSuccess, "some_kernel"));
    const std::string text = complaint(cudaErrorIllegalAddress);
    CHECK(test::mentions(text, "some_kernel"));
    CHECK(test::mentions(text, "cudaErrorIllegalAddress"));
    CHECK(test::mentions(text, "wait_after_each_kernel"));
}

TEST_CASE("a kernel that was compiled for other cards is said to be", "[X-4][E-2][cuda]") {
    for (const cudaError_t status :
         {cudaErrorNoKernelImageForDevice, cudaErrorInvalidDeviceFunction}) {
        const std::string text = complaint(status);
        CHECK(test::mentions(text, "was not compiled for this card"));
        CHECK(test::mentions(text, "CMAKE_CUDA_ARCHITECTURES"));
    }
}

// Which of its sentences is said depends on whether this machine has a driver.
TEST_CASE("a device that is not there is a ResourceError", "[X-4][E-2][cuda]") {
    const std::string text =
        test::error_text<ResourceError>([] { refuse_device(cudaErrorInvalidDevice, 7, 1); });
    CHECK(test::mentions(text, "there is no CUDA device"));
}

TEST_CASE("versions of drivers are said as NVIDIA writes them", "[X-4][cuda]") {
    CHECK(version_text(13000) == "13.0");
    CHECK(version_text(12090) == "12.9");
}

}  // namespace
}  // namespace kasmina::errors_test
