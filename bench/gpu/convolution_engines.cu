// Prints how long each of cuDNN's engines and our own products take for the host's convolutions.
#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <vector>

#include <kasmina/backends/cuda.hpp>

/// \file
/// One line of JSON for each convolution, its microseconds in the order of cuDNN's heuristics, of
/// which the backend takes the first. The first line is the card's description: with it, plans can
/// be made on machines without the card.
namespace {

using namespace kasmina;
using namespace kasmina::backends::cuda_detail;

/// The card without a library of convolutions.
struct WithoutLibrary {
    using Context = GpuContext;
    using Memory = GpuMemory;
    using Reading = GpuReading;

    template <class T>
    static void gemm(Context& context, const Gemm<T>& call) {
        Gpu::gemm(context, call);
    }
};
using Own = Convolutions<float, WithoutLibrary>;
using Both = Convolutions<float, Gpu>;

class Timer {
public:
    explicit Timer(GpuContext& context) : context_(&context) {
        check(cudaEventCreate(&start_), "cudaEventCreate");
        check(cudaEventCreate(&end_), "cudaEventCreate");
    }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() {
        static_cast<void>(cudaEventDestroy(start_));
        static_cast<void>(cudaEventDestroy(end_));
    }

    /// The least of three means over `repeats`.
    template <class Work>
    double microseconds(const Work& work) const {
        constexpr int repeats = 8;
        work();
        float least = 0.0F;
        for (int round = 0; round < 3; ++round) {
            check(cudaEventRecord(start_, context_->stream()), "cudaEventRecord");
            for (int i = 0; i < repeats; ++i) work();
            check(cudaEventRecord(end_, context_->stream()), "cudaEventRecord");
            check(cudaEventSynchronize(end_), "cudaEventSynchronize");
            float milliseconds = 0.0F;
            check(cudaEventElapsedTime(&milliseconds, start_, end_), "cudaEventElapsedTime");
            least = round == 0 ? milliseconds : std::min(least, milliseconds);
        }
        return static_cast<double>(least) * 1000.0 / repeats;
    }

private:
    GpuContext* context_;
    cudaEvent_t start_ = nullptr;
    cudaEvent_t end_ = nullptr;
};

const char* name_of(ConvolutionKind kind) {
    switch (kind) {
        case ConvolutionKind::to_input: return "to input";
        case ConvolutionKind::to_weight: return "to weight";
        case ConvolutionKind::forward: break;
    }
    return "forward";
}

/// The maps and the weight of one convolution.
struct Problem {
    GpuContext* context;
    ConvShape shape;
    Buffer<float, Gpu> x;
    Buffer<float, Gpu> y;
    Buffer<float, Gpu> weight;

    Problem(GpuContext& on, const ConvShape& of)
        : context(&on),
          shape(of),
          x(on.memory(), input_size(of)),
          y(on.memory(), output_size(of)),
          weight(on.memory(), weight_size(of)) {
        using Numbers = Storage<float, Gpu>;
        for (auto* buffer : {&x, &y, &weight}) {
            Numbers::fill(on, buffer->data(), buffer->size(), 0.5F);
        }
    }

    template <class Convolution>
    void run(ConvolutionKind kind) {
        switch (kind) {
            case ConvolutionKind::forward:
                Convolution::conv2d(*context, {shape, x.data(), weight.data(), y.data()});
                break;
            case ConvolutionKind::to_input:
                Convolution::conv2d_pullback_input(
                    *context, {shape, weight.data(), y.data(), {x.data(), false}});
                break;
            case ConvolutionKind::to_weight:
                Convolution::conv2d_pullback_weight(
                    *context, {shape, x.data(), y.data(), {weight.data(), false}});
                break;
        }
    }
};

void report(GpuContext& context, const Timer& timer, const ConvShape& shape) {
    Problem problem(context, shape);
    for (const auto kind :
         {ConvolutionKind::forward, ConvolutionKind::to_input, ConvolutionKind::to_weight}) {
        for (const Precision precision : {Precision::full, Precision::fast}) {
            context.set_precision(precision);
            const double own = timer.microseconds([&] { problem.run<Own>(kind); });
            std::printf(
                "{\"batch\": %td, \"side\": %td, \"channels\": [%td, %td], \"kernel\": %td, "
                "\"stride\": %td, \"groups\": %td, \"way\": \"%s\", \"precision\": \"%s\", "
                "\"own_us\": %.1f, \"library_us\": %.1f",
                shape.batch, shape.height, shape.in_channels, shape.out_channels,
                shape.kernel_height, shape.stride_height, shape.groups, name_of(kind),
                precision == Precision::full ? "full" : "fast", own,
                timer.microseconds([&] { problem.run<Both>(kind); }));
#if defined(KASMINA_CUDA_HAS_CUDNN)
            const ConvolutionKey key{kind, precision, false, shape};
            std::printf(", \"engines\": [");
            const char* before = "";
            for (const ConvolutionPlan& plan :
                 convolution_plans(key, context.cudnn().device(), 10)) {
                const double time = timer.microseconds([&] {
                    context.cudnn().execute<Gpu>(context, plan, problem.x.data(),
                                                 problem.weight.data(), problem.y.data());
                });
                std::printf("%s[%lld, %lld, %.1f]", before, static_cast<long long>(plan.engine),
                            static_cast<long long>(plan.workspace_bytes), time);
                before = ", ";
            }
            std::printf("]");
#endif
            std::printf("}\n");
        }
    }
}

ConvShape halving_stage(Index batch, Index side, Index in, Index out, Index kernel, Index groups) {
    ConvShape shape = keeping_size({batch, side, side, in, out, kernel, kernel});
    shape.out_height = shape.out_width = side / 2;
    shape.stride_height = shape.stride_width = 2;
    shape.groups = groups;
    return shape;
}

}  // namespace

int main() {
    try {
        GpuContext context;
        const Timer timer(context);
#if defined(KASMINA_CUDA_HAS_CUDNN)
        std::printf("%s\n", context.cudnn().device().text().c_str());
#endif
        for (const Index batch : {32, 128, 512}) {
            // The host's own convolutions, and the seeds' at its slots.
            for (const auto& [side, in, out, kernel] :
                 {std::array<Index, 4>{32, 3, 32, 3}, std::array<Index, 4>{16, 32, 64, 3},
                  std::array<Index, 4>{8, 64, 128, 3}, std::array<Index, 4>{32, 32, 32, 3},
                  std::array<Index, 4>{16, 64, 64, 3}, std::array<Index, 4>{8, 128, 128, 3},
                  std::array<Index, 4>{32, 32, 32, 1}}) {
                report(context, timer, keeping_size({batch, side, side, in, out, kernel, kernel}));
            }
            // Where a residual network's stages begin, and groups.
            for (const Index kernel : {Index{3}, Index{1}}) {
                report(context, timer, halving_stage(batch, 32, 32, 64, kernel, 1));
                report(context, timer, halving_stage(batch, 16, 64, 128, kernel, 1));
            }
            report(context, timer, halving_stage(batch, 32, 64, 128, 3, 4));
        }
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "gpu_convolution_engines: %s\n", error.what());
        return 1;
    }
}
