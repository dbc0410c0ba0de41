// The emulated card has every capability that a backend can have; the suite beside this file holds
// what each of them does against the oracle.
#include <kasmina/backend/attention.hpp>
#include <kasmina/backend/backend.hpp>
#include <kasmina/backend/rearrange.hpp>
#include <kasmina/backend/recording.hpp>
#include <kasmina/backend/row_gradient.hpp>
#include <kasmina/backend/softmax.hpp>

#include "support/catch.hpp"
#include "support/cuda_emulation/emulated_cuda.hpp"

namespace kasmina {

TEMPLATE_TEST_CASE("the CUDA backend has every capability", "[X-1][B-6][cuda]",
                   test::EmulatedCuda<float>, test::EmulatedCuda<double>) {
    STATIC_REQUIRE(CompleteBackend<TestType>);
    STATIC_REQUIRE(ComputePrecisionBackend<TestType>);
    STATIC_REQUIRE(RecordingBackend<TestType>);
    STATIC_REQUIRE(AveragePoolingBackend<TestType>);
    STATIC_REQUIRE(RearrangeBackend<TestType>);
    STATIC_REQUIRE(SoftmaxBackend<TestType>);
    STATIC_REQUIRE(AttentionBackend<TestType>);
    STATIC_REQUIRE(RowGradientBackend<TestType>);
}

}  // namespace kasmina
