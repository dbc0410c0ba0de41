// cuDNN's plans for a GPU that was described by itself, made without one: every convolution of the
// library has one, and none that could give other bits the next time.
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <kasmina/backends/cuda/gpu/cudnn/plans.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::cudnn_plans_test {
namespace {

using namespace backends::cuda_detail;

std::string description_text() {
    std::ifstream file(KASMINA_GPU_DESCRIPTION);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

constexpr ConvolutionKind kinds[] = {ConvolutionKind::forward, ConvolutionKind::to_input,
                                     ConvolutionKind::to_weight};

constexpr ConvShape shapes[] = {
    // The host's convolutions at two batches, the seeds', and odd ones.
    keeping_size({32, 32, 32, 3, 32, 3, 3}),
    keeping_size({512, 32, 32, 3, 32, 3, 3}),
    keeping_size({32, 16, 16, 32, 64, 3, 3}),
    keeping_size({32, 8, 8, 64, 128, 3, 3}),
    keeping_size({128, 32, 32, 32, 32, 3, 3}),
    keeping_size({32, 16, 16, 64, 64, 1, 1}),
    keeping_size({1, 7, 5, 1, 1, 3, 3}),
    keeping_size({3, 5, 4, 13, 3, 5, 3}),
    keeping_size({1, 1, 1, 1, 1, 1, 1}),
    // Strides, as in a residual network's stages: 3x3 with padding before the map alone and 1x1;
    // dilation; groups; a line.
    {32, 32, 32, 32, 64, 3, 3, 16, 16, 2, 2, 1, 1, 1, 1},
    {32, 32, 32, 32, 64, 1, 1, 16, 16, 2, 2},
    {8, 16, 16, 32, 32, 3, 3, 16, 16, 1, 1, 2, 2, 2, 2},
    {8, 16, 16, 64, 64, 3, 3, 16, 16, 1, 1, 1, 1, 1, 1, 4},
    {8, 1, 100, 16, 32, 1, 5, 1, 48, 1, 2},
};

}  // namespace

TEST_CASE("a GPU's description is read without the GPU and says the same again", "[cuda]") {
    const DeviceDescription device(description_text());
    CHECK(DeviceDescription(device.text()).text() == device.text());
    CHECK(device.text().find("NVIDIA H200") != std::string::npos);
}

TEST_CASE("a description that says nothing is refused in cuDNN's words", "[E-2][X-4][cuda]") {
    const auto text = test::error_text<backends::CudaError>(
        [] { static_cast<void>(DeviceDescription(std::string("{}"))); });
    CHECK(test::mentions(text, "read a GPU's description"));
    CHECK(test::mentions(text, "BAD_PARAM"));
}

TEST_CASE("each convolution has a plan for an H200", "[B-7][cuda]") {
    const DeviceDescription device(description_text());
    for (const ConvShape& shape : shapes) {
        for (const ConvolutionKind kind : kinds) {
            for (const Precision precision : {Precision::full, Precision::fast}) {
                for (const bool accumulate : {false, true}) {
                    const ConvolutionKey key{kind, precision, accumulate, shape};
                    INFO(shape.batch << "x" << shape.height << "x" << shape.width << ", "
                                     << shape.in_channels << " to " << shape.out_channels
                                     << ", kind " << static_cast<int>(kind) << ", precision "
                                     << static_cast<int>(precision));
                    const auto plan = convolution_plan(key, device);
                    REQUIRE(plan.has_value());
                    CHECK(plan->workspace_bytes >= 0);
                    CHECK(plan->workspace_bytes <= Index{1} << 28U);
                    // The choice is the same each time.
                    CHECK(convolution_plan(key, device)->engine == plan->engine);
                }
            }
        }
    }
}

TEST_CASE("engines that round more than they may, or sum in any order, are passed over",
          "[E-1][X-3]") {
    using Notes = std::vector<cudnnBackendNumericalNote_t>;
    for (const Precision precision : {Precision::full, Precision::fast}) {
        CHECK(fits(precision, Notes{}));
        CHECK(fits(precision, Notes{CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP}));
        CHECK_FALSE(fits(precision, Notes{CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC}));
        CHECK_FALSE(
            fits(precision, Notes{CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP, CUDNN_NUMERICAL_NOTE_FFT}));
    }
    CHECK_FALSE(fits(Precision::full, Notes{CUDNN_NUMERICAL_NOTE_TENSOR_CORE}));
    CHECK(fits(Precision::fast, Notes{CUDNN_NUMERICAL_NOTE_TENSOR_CORE}));
}

TEST_CASE("in TF32 maps are convolved in place where an engine can", "[B-7][cuda]") {
    const DeviceDescription device(description_text());
    const ConvShape shape = keeping_size({128, 16, 16, 32, 64, 3, 3});
    const auto workspace = [&](ConvolutionKind kind) {
        return convolution_plan({kind, Precision::fast, false, shape}, device)->workspace_bytes;
    };
    CHECK(workspace(ConvolutionKind::forward) <= 256);
    CHECK(workspace(ConvolutionKind::to_input) <= 256);
    // Sums of splits, and no copy of the maps of 128 * 256 pixels with 96 channels.
    const Index maps = Index{128} * 256 * 96 * 4;
    CHECK(workspace(ConvolutionKind::to_weight) > 0);
    CHECK(workspace(ConvolutionKind::to_weight) < maps);
}

TEST_CASE("in full precision engines are used for few channels of large maps alone", "[cuda]") {
    const ConvShape first = keeping_size({512, 32, 32, 3, 32, 3, 3});
    const ConvShape second = keeping_size({512, 16, 16, 32, 64, 3, 3});
    for (const ConvolutionKind kind : kinds) {
        const bool forward = kind == ConvolutionKind::forward;
        CHECK(own_is_faster({kind, Precision::full, false, first}) == !forward);
        CHECK(own_is_faster({kind, Precision::full, false, second}));
        CHECK_FALSE(own_is_faster({kind, Precision::fast, false, first}));
        CHECK_FALSE(own_is_faster({kind, Precision::fast, false, second}));
    }
}

TEST_CASE("cuDNN is asked for what it has words for alone", "[N-1][cuda]") {
    ConvShape shape{2, 9, 9, 8, 8, 3, 3, 5, 5, 2, 2, 1, 1, 1, 1};
    CHECK(cudnn_describes(shape));
    // Windows that reach further over the lower edge are padding, outputs that are left out are
    // not.
    shape.out_height = 7;
    CHECK(cudnn_describes(shape));
    CHECK(ConvolutionSide::rows(shape).pad_behind() == 5);
    shape.out_height = 3;
    CHECK_FALSE(cudnn_describes(shape));
    shape.out_height = 5;
    shape.batch = 0;
    CHECK_FALSE(cudnn_describes(shape));
    // What floor leaves over is less than a stride.
    CHECK(cudnn_describes({2, 10, 9, 8, 8, 3, 3, 4, 4, 2, 2}));
}

TEST_CASE("with strides an engine goes back to the input, and small groups are not asked for",
          "[N-1][cuda]") {
    const ConvShape strided{32, 32, 32, 32, 64, 3, 3, 16, 16, 2, 2, 1, 1, 1, 1};
    CHECK_FALSE(own_is_faster({ConvolutionKind::to_input, Precision::full, false, strided}));
    CHECK(own_is_faster({ConvolutionKind::forward, Precision::full, false, strided}));
    ConvShape groups = strided;
    groups.groups = 8;
    for (const ConvolutionKind kind : kinds) {
        CHECK(own_is_faster({kind, Precision::fast, false, groups}));
    }
}

TEST_CASE("keys of plans differ in all that a plan depends on", "[cuda]") {
    const ConvolutionKey key{ConvolutionKind::forward, Precision::full, false, shapes[0]};
    CHECK(key == key);
    for (int change = 0; change < 19; ++change) {
        ConvolutionKey other = key;
        switch (change) {
            case 0: other.kind = ConvolutionKind::to_input; break;
            case 1: other.precision = Precision::fast; break;
            case 2: other.accumulate = true; break;
            case 3: ++other.shape.batch; break;
            case 4: ++other.shape.height; break;
            case 5: ++other.shape.width; break;
            case 6: ++other.shape.in_channels; break;
            case 7: ++other.shape.out_channels; break;
            case 8: other.shape.kernel_height += 2; break;
            case 9: other.shape.kernel_width += 2; break;
            case 10: other.shape.out_height = other.shape.out_height + 1; break;
            case 11: other.shape.out_width = other.shape.out_width + 1; break;
            case 12: ++other.shape.stride_height; break;
            case 13: ++other.shape.stride_width; break;
            case 14: ++other.shape.dilation_height; break;
            case 15: ++other.shape.dilation_width; break;
            case 16: ++other.shape.pad_top; break;
            case 17: ++other.shape.pad_left; break;
            default: ++other.shape.groups; break;
        }
        INFO("change " << change);
        CHECK_FALSE(key == other);
        CHECK(ConvolutionKeyHash{}(key) != ConvolutionKeyHash{}(other));
    }
}

}  // namespace kasmina::cudnn_plans_test
