// Plans: how cuDNN will do a convolution on a kind of GPU, chosen by its heuristics, always the
// same.
#pragma once

#include <kasmina/requirements.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/backends/cuda/gpu/cudnn/convolution_graph.hpp>

namespace kasmina::backends::cuda_detail {

/// A kind of GPU as plans see it. Errors: CudaError.
class DeviceDescription {
public:
    /// The GPU of a handle.
    explicit DeviceDescription(cudnnHandle_t handle) {
        properties_.set(CUDNN_ATTR_DEVICEPROP_HANDLE, handle);
        properties_.finalise("describe the GPU");
    }
    /// One that need not be here, as `text` of the same once was.
    explicit DeviceDescription(const std::string& text) {
        properties_.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, text);
        properties_.finalise("read a GPU's description");
    }

    /// The description as JSON, for other machines.
    [[nodiscard]] std::string text() const {
        std::int64_t count = 0;
        check_cudnn(
            cudnnBackendGetAttribute(properties_.get(), CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                                     CUDNN_TYPE_CHAR, 0, &count, nullptr),
            "say what the GPU is");
        std::string text(static_cast<std::size_t>(count), '\0');
        check_cudnn(
            cudnnBackendGetAttribute(properties_.get(), CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                                     CUDNN_TYPE_CHAR, count, &count, text.data()),
            "say what the GPU is");
        while (!text.empty() && text.back() == '\0') text.pop_back();
        return text;
    }

    [[nodiscard]] const Descriptor& properties() const noexcept { return properties_; }

private:
    Descriptor properties_{CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR};
};

/// What is executed, and the memory that it needs for the time.
struct ConvolutionPlan {
    Descriptor plan;
    std::int64_t workspace_bytes;
    std::int64_t engine;  ///< cuDNN's number of the engine, for reports
};

/// Whether an engine with those notes may be used: the same call must give the same bits, and full
/// precision is what floats have. Transforms by Fourier or in large Winograd tiles lose digits.
[[nodiscard]] inline bool fits(Precision precision,
                               const std::vector<cudnnBackendNumericalNote_t>& notes) {
    return std::none_of(notes.begin(), notes.end(), [&](cudnnBackendNumericalNote_t note) {
        switch (note) {
            case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC:
            case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
            case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION:
            case CUDNN_NUMERICAL_NOTE_FFT:
            case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6:
            case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13: return true;
            // Tensor cores multiply floats as TF32.
            case CUDNN_NUMERICAL_NOTE_TENSOR_CORE: return precision == Precision::full;
            default: return false;
        }
    });
}

/// The configurations of engines that cuDNN's heuristics propose, best first.
[[nodiscard]] inline std::vector<Descriptor> proposals(const Descriptor& graph,
                                                       const DeviceDescription& device,
                                                       cudnnBackendHeurMode_t mode) {
    Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, device.properties());
    if (!heuristics.try_finalise()) return {};
    constexpr std::int64_t most = 64;
    std::vector<Descriptor> configurations;
    std::vector<cudnnBackendDescriptor_t> handles;
    for (std::int64_t i = 0; i < most; ++i) {
        configurations.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
        handles.push_back(configurations.back().get());
    }
    std::int64_t count = 0;
    check_cudnn(
        cudnnBackendGetAttribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                 CUDNN_TYPE_BACKEND_DESCRIPTOR, most, &count, handles.data()),
        "propose engines");
    configurations.erase(configurations.begin() + std::min(count, most), configurations.end());
    return configurations;
}

/// A plan for a configuration, if its engine may be used and can do the work.
[[nodiscard]] inline std::optional<ConvolutionPlan> plan_for(const Descriptor& configuration,
                                                             const DeviceDescription& device,
                                                             Precision precision) {
    constexpr std::int64_t most_workspace = std::int64_t{1} << 28U;
    Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    configuration.get(CUDNN_ATTR_ENGINECFG_ENGINE, engine);
    const auto notes = engine.get<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                                               CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
    if (!fits(precision, notes)) return std::nullopt;
    Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, device.properties());
    if (!plan.try_finalise()) return std::nullopt;
    const std::int64_t workspace =
        plan.get<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, 1).at(0);
    if (workspace > most_workspace) return std::nullopt;
    const std::int64_t number = engine.get<std::int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, 1).at(0);
    return ConvolutionPlan{std::move(plan), workspace, number};
}

/// All plans that could be used, in the order of the heuristics, at most `most`.
[[nodiscard]] inline std::vector<ConvolutionPlan> convolution_plans(const ConvolutionKey& key,
                                                                    const DeviceDescription& device,
                                                                    std::size_t most) {
    std::vector<ConvolutionPlan> plans;
    const Descriptor graph = convolution_graph(key);
    for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
        for (const Descriptor& configuration : proposals(graph, device, mode)) {
            if (plans.size() == most) return plans;
            auto plan = plan_for(configuration, device, key.precision);
            if (plan) plans.push_back(std::move(*plan));
        }
    }
    return plans;
}

/// Whether our own kernels are faster than any engine: measured on an H200 in all convolutions of
/// the CNN host and its seeds at batches of 32, 128 and 512, which keep their maps' size. In full
/// precision engines copy maps into another order first; few input channels of large maps are the
/// exception, and so is the way back to the input of a convolution with strides, where our products
/// multiply zeros for the most part (not measured). Groups of few channels make products of
/// nothing.
[[nodiscard]] inline bool own_is_faster(const ConvolutionKey& key) {
    const ConvShape& shape = key.shape;
    const bool few_channels = shape.in_channels < 8;
    const bool large = shape.batch * shape.height * shape.width > 65536;
    const bool strided = shape.stride_height * shape.stride_width > 1;
    if (shape.groups > 1 && std::min(shape.in_channels, shape.out_channels) / shape.groups < 8) {
        return true;
    }
    if (key.precision == Precision::full) {
        if (key.kind == ConvolutionKind::to_input && strided) return false;
        return !(key.kind == ConvolutionKind::forward && few_channels && large);
    }
    return key.kind == ConvolutionKind::to_weight && few_channels && !large;
}

/// The plan to use, of the first that the heuristics propose; none where no engine can do the work.
/// The first is often not the quickest (measured as above): those that need no workspace go before
/// on the way to a map; on the way to a weight, those that do not copy the maps, and not the
/// engines without tiles (0 and 1) and the one that pads few channels twice (40).
[[nodiscard]] inline std::optional<ConvolutionPlan> convolution_plan(
    const ConvolutionKey& key, const DeviceDescription& device) {
    std::vector<ConvolutionPlan> plans = convolution_plans(key, device, 10);
    if (plans.empty()) return std::nullopt;
    const ConvShape& shape = key.shape;
    const std::int64_t map_bytes =
        (input_size(shape) + output_size(shape)) * std::int64_t{sizeof(float)};
    const auto preferred = [&](const ConvolutionPlan& plan) {
        if (key.kind != ConvolutionKind::to_weight) return plan.workspace_bytes <= 256;
        if (shape.in_channels < 8) return plan.engine > 1 && plan.engine != 40;
        return plan.engine > 1 && plan.workspace_bytes > 0 && plan.workspace_bytes < map_bytes;
    };
    auto plan = std::find_if(plans.begin(), plans.end(), preferred);
    if (plan == plans.end()) plan = plans.begin();
    return std::move(*plan);
}

}  // namespace kasmina::backends::cuda_detail
