// GpuContext: a card as one thread of work uses it - a stream, its memory, and the libraries.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include <cuda_runtime_api.h>

#include <kasmina/backend/context_reference.hpp>
#include <kasmina/backend/mask_tile_cache.hpp>
#include <kasmina/backend/precision.hpp>
#include <kasmina/backends/cuda/gpu/cublaslt.hpp>
#include <kasmina/backends/cuda/gpu/gpu_block.hpp>
#include <kasmina/backends/cuda/gpu/memory.hpp>
#include <kasmina/backends/cuda/gpu/reading.hpp>
#include <kasmina/backends/cuda/gpu/staging.hpp>
#include <kasmina/backends/cuda/gpu/step_graph.hpp>
#include <kasmina/backends/cuda/launch.hpp>
#if defined(KASMINA_CUDA_HAS_CUDNN)
#include <kasmina/backends/cuda/gpu/cudnn.hpp>
#endif

namespace kasmina::backends {

/// How a context works.
struct CudaOptions {
    int device = 0;                       ///< as CUDA numbers them
    bool wait_after_each_kernel = false;  ///< to find which one fails; slow
    bool record_steps = true;             ///< training steps may be recorded (step_graph.hpp)
    /// From Hopper on a kernel may be brought to the card while the one before it still runs, for
    /// whose end it waits there; the numbers are the same. On an H200 steps took 0.94 to 1.03 of
    /// their time so in TF32, and 1.05 to 1.21 in full precision (docs/benchmarks.md).
    bool overlap_launches = false;
};

namespace cuda_detail {

/// One per training loop, for one thread at a time. Tapes and models that were made on it notice
/// when it has gone; its memory and its stream go with the last that holds some.
class GpuContext {
public:
    /// Errors: ResourceError when there is no such device, or its driver is too old.
    explicit GpuContext(const CudaOptions& options = {})
        : options_(options), memory_(std::make_shared<GpuMemory>(options.device)) {}
    GpuContext(const GpuContext&) = delete;
    GpuContext& operator=(const GpuContext&) = delete;
    ~GpuContext() = default;

    [[nodiscard]] const std::shared_ptr<GpuMemory>& memory() const noexcept { return memory_; }
    /// `statistics()`, `reset_peak()`, `trim()`.
    [[nodiscard]] GpuMemory& pool() const noexcept { return *memory_; }
    [[nodiscard]] std::weak_ptr<const void> lifetime() const noexcept { return lifetime_.watch(); }
    [[nodiscard]] const CudaOptions& options() const noexcept { return options_; }
    [[nodiscard]] cudaStream_t stream() const noexcept { return memory_->stream(); }

    /// Capability: ComputePrecisionBackend. `fast` multiplies in TF32.
    [[nodiscard]] Precision precision() const noexcept { return precision_; }
    void set_precision(Precision precision) noexcept { precision_ = precision; }

    /// Capability: AttentionBackend.
    [[nodiscard]] MaskTileCache& mask_tiles() noexcept { return mask_tiles_; }

    /// How often the host stood still until work was done.
    [[nodiscard]] std::uint64_t waits() const noexcept { return memory_->waits(); }
    /// How many kernels and library calls were ordered, copies from the host, and copies to it.
    [[nodiscard]] std::uint64_t launches() const noexcept { return launches_; }
    [[nodiscard]] std::uint64_t uploads() const noexcept { return uploads_; }
    [[nodiscard]] std::uint64_t reads() const noexcept { return reads_; }

    void upload(const void* host, void* to, std::size_t bytes) {
        ++uploads_;
        ++unrepeatable_;
        memory_->order();
        staging_.upload(host, to, bytes);
    }
    void copy(const void* from, void* to, std::size_t bytes) {
        memory_->order();
        memory_->activate();
        check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream()), "a copy");
    }
    [[nodiscard]] GpuReading read(const void* from, std::size_t bytes) {
        ++reads_;
        ++unrepeatable_;
        return {memory_, from, bytes};
    }

    /// Orders `kernel`. Errors: CudaError names it.
    template <class Kernel>
    void launch(const Launch& grid, const Kernel& kernel) {
        static_assert(std::is_trivially_copyable_v<Kernel>, "a kernel's arguments are bytes");
        static_assert(sizeof(Kernel) <= 4096, "a kernel takes at most 4 KiB of arguments");
        if (grid.blocks == 0) return;
        if constexpr (requires { kernel.draw; }) {
            Kernel drawing = kernel;
            if (const auto draw = draws_.recorded(memory_, kernel.draw, recording_)) {
                drawing.draw = *draw;
            } else {
                ++unrepeatable_;
            }
            order(grid, drawing);
        } else {
            order(grid, kernel);
        }
    }

    /// Called behind each kernel and library call: waits for it where the options say so. Errors:
    /// CudaError names what failed.
    void finish(const char* name) {
        if (!options_.wait_after_each_kernel) return;
        ++unrepeatable_;
        check(cudaStreamSynchronize(stream()), name);
    }

    /// Waits for all that was ordered. Errors: CudaError when some of it failed.
    void synchronise() {
        const std::uint64_t ticket = memory_->ordered();
        check(cudaStreamSynchronize(stream()), "what was ordered before");
        if (!memory_->has_seen(ticket)) memory_->saw(ticket);
    }

    /// Capability: RecordingBackend. One at a time.
    void begin_recording() {
        memory_->activate();
        unrepeatable_before_ = unrepeatable_;
        memory_->begin_recording();
        const cudaError_t status = cudaStreamBeginCapture(stream(), cudaStreamCaptureModeRelaxed);
        recording_ = status == cudaSuccess;
        if (recording_) return;
        static_cast<void>(memory_->end_recording());
        memory_->let_go_of_recording();
        refuse(status, "a recording");
    }
    [[nodiscard]] StepGraph end_recording() {
        recording_ = false;
        cudaGraph_t captured = nullptr;
        const cudaError_t status = cudaStreamEndCapture(stream(), &captured);
        const bool whole = memory_->end_recording() && unrepeatable_ == unrepeatable_before_;
        if (status == cudaSuccess && whole) return {memory_, captured};
        static_cast<void>(cudaGetLastError());
        if (captured != nullptr) static_cast<void>(cudaGraphDestroy(captured));
        memory_->let_go_of_recording();
        return {};
    }
    void draw_from(const Generator::State& random) noexcept { draws_.draw_from(random); }
    void replay(StepGraph& graph, std::uint64_t words) {
        if (const auto kernel = draws_.move(words)) launch({1, warp_size, 0}, *kernel);
        ++launches_;
        graph.launch();
    }
    [[nodiscard]] std::uint64_t unrepeatable() const noexcept { return unrepeatable_; }

    /// Products, made when the first is asked for. Errors: CudaError.
    [[nodiscard]] CublasLt& cublaslt() {
        ++launches_;
        if (!cublaslt_) cublaslt_ = std::make_unique<CublasLt>(memory_);
        return *cublaslt_;
    }
#if defined(KASMINA_CUDA_HAS_CUDNN)
    /// Convolutions, made when the first is asked for. Errors: CudaError.
    [[nodiscard]] Cudnn& cudnn() {
        if (!cudnn_) cudnn_ = std::make_unique<Cudnn>(options_.device, stream());
        return *cudnn_;
    }
#endif

private:
    template <class Kernel>
    void order(const Launch& grid, const Kernel& kernel) {
        void* arguments[] = {const_cast<void*>(static_cast<const void*>(&kernel))};
        const auto* function = reinterpret_cast<const void*>(&run_kernel<Kernel>);
        launch_function(Kernel::name, function, grid, arguments,
                        options_.overlap_launches && waits_by_itself<Kernel>(function));
    }

    /// Whether the kernel's code on this card waits for the work before it: of old code, which
    /// does not, a kernel must not begin early.
    template <class Kernel>
    [[nodiscard]] static bool waits_by_itself(const void* function) {
        static const bool waits = [function] {
            cudaFuncAttributes attributes{};
            check(cudaFuncGetAttributes(&attributes, function), Kernel::name);
            return attributes.binaryVersion >= first_overlapping_architecture &&
                   attributes.ptxVersion >= first_overlapping_architecture;
        }();
        return waits;
    }

    void launch_function(const char* name, const void* function, const Launch& grid,
                         void** arguments, bool overlaps) {
        ++launches_;
        memory_->order();
        memory_->activate();
        if (grid.shared_bytes > shared_bytes_at_hand) {
            check(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                       grid.shared_bytes),
                  name);
        }
        cudaLaunchAttribute overlap{};
        overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
        overlap.val.programmaticStreamSerializationAllowed = 1;
        cudaLaunchConfig_t how{};
        how.gridDim = dim3(static_cast<unsigned>(grid.blocks));
        how.blockDim = dim3(static_cast<unsigned>(grid.threads));
        how.dynamicSmemBytes = static_cast<std::size_t>(grid.shared_bytes);
        how.stream = stream();
        how.attrs = &overlap;
        how.numAttrs = overlaps ? 1 : 0;
        check(cudaLaunchKernelExC(&how, function, arguments), name);
        if (!options_.record_steps) ++unrepeatable_;
        finish(name);
    }

    CudaOptions options_;
    std::shared_ptr<GpuMemory> memory_;
    Staging staging_{memory_};
    std::unique_ptr<CublasLt> cublaslt_;
#if defined(KASMINA_CUDA_HAS_CUDNN)
    std::unique_ptr<Cudnn> cudnn_;
#endif
    std::uint64_t launches_ = 0;
    std::uint64_t uploads_ = 0;
    std::uint64_t reads_ = 0;
    std::uint64_t unrepeatable_ = 0;
    std::uint64_t unrepeatable_before_ = 0;
    Precision precision_ = Precision::full;
    MaskTileCache mask_tiles_;
    RecordedDraws<GpuMemory> draws_;
    bool recording_ = false;
    ContextLifetime lifetime_;
};

}  // namespace cuda_detail
}  // namespace kasmina::backends
