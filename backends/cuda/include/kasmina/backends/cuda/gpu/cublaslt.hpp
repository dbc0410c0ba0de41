// CublasLt: products by NVIDIA's library, each shape's algorithm chosen once and kept.
#pragma once

#include <kasmina/requirements.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <cublasLt.h>

#include <kasmina/backend/matrix.hpp>
#include <kasmina/backend/precision.hpp>
#include <kasmina/backends/cuda/gpu/memory.hpp>

namespace kasmina::backends::cuda_detail {

/// Errors: CudaError where the library says that a call did not succeed.
inline void check_cublas(cublasStatus_t status, const char* what) {
    if (status == CUBLAS_STATUS_SUCCESS) return;
    throw CudaError(
        "cuBLASLt failed", what, "success",
        std::string(cublasLtGetStatusName(status)) + " (" + cublasLtGetStatusString(status) + ")",
        "look for an earlier error of the card, and whether its memory is full");
}

/// All of a product but its addresses: what decides which algorithm is best.
struct ProductKey {
    Index m = 0;
    Index n = 0;
    Index k = 0;
    Index batch = 1;
    Index stride_a = 0;
    Index stride_b = 0;
    Index stride_c = 0;
    int alignment = 16;  ///< of all addresses, in bytes
    bool transpose_a = false;
    bool transpose_b = false;
    bool bias = false;
    bool accumulate = false;
    bool wide = false;  ///< double
    Precision precision = Precision::full;

    friend auto operator<=>(const ProductKey&, const ProductKey&) = default;
};

/// A product's descriptions, and its algorithm. The library's matrices are stored by columns, so
/// it is asked for the transpose of c, whose memory is the same: b's transpose times a's.
class ProductPlan {
public:
    /// Errors: CudaError when the library knows no algorithm.
    ProductPlan(cublasLtHandle_t handle, const ProductKey& key, std::size_t workspace_bytes) {
        const cudaDataType_t type = key.wide ? CUDA_R_64F : CUDA_R_32F;
        const cublasComputeType_t compute = key.wide ? CUBLAS_COMPUTE_64F
                                            : key.precision == Precision::fast
                                                ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                : CUBLAS_COMPUTE_32F;
        check_cublas(cublasLtMatmulDescCreate(&operation_, compute, type), "a product");
        set(CUBLASLT_MATMUL_DESC_TRANSA, key.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
        set(CUBLASLT_MATMUL_DESC_TRANSB, key.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
        if (key.bias) set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
        left_ = key.transpose_b ? layout(type, key.k, key.n, key.batch, key.stride_b)
                                : layout(type, key.n, key.k, key.batch, key.stride_b);
        right_ = key.transpose_a ? layout(type, key.m, key.k, key.batch, key.stride_a)
                                 : layout(type, key.k, key.m, key.batch, key.stride_a);
        result_ = layout(type, key.n, key.m, key.batch, key.stride_c);
        choose(handle, key, workspace_bytes);
    }
    ProductPlan(const ProductPlan&) = delete;
    ProductPlan& operator=(const ProductPlan&) = delete;
    ~ProductPlan() {
        cublasLtMatrixLayoutDestroy(result_);
        cublasLtMatrixLayoutDestroy(right_);
        cublasLtMatrixLayoutDestroy(left_);
        cublasLtMatmulDescDestroy(operation_);
    }

    template <class T>
    void run(cublasLtHandle_t handle, const Gemm<T>& call, void* workspace,
             std::size_t workspace_bytes, cudaStream_t stream) {
        const T one = T{1};
        const T beta = call.accumulate ? T{1} : T{0};
        if (call.bias != nullptr) set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, call.bias);
        check_cublas(cublasLtMatmul(handle, operation_, &one, call.b, left_, call.a, right_, &beta,
                                    call.c, result_, call.c, result_, &algorithm_, workspace,
                                    workspace_bytes, stream),
                     "a product");
    }

private:
    template <class V>
    void set(cublasLtMatmulDescAttributes_t attribute, V value) {
        check_cublas(cublasLtMatmulDescSetAttribute(operation_, attribute, &value, sizeof value),
                     "a product");
    }

    static cublasLtMatrixLayout_t layout(cudaDataType_t type, Index rows, Index columns,
                                         Index batch, Index stride) {
        cublasLtMatrixLayout_t made = nullptr;
        check_cublas(cublasLtMatrixLayoutCreate(&made, type, static_cast<std::uint64_t>(rows),
                                                static_cast<std::uint64_t>(columns), rows),
                     "a product");
        if (batch > 1) {
            const auto count = static_cast<std::int32_t>(batch);
            const std::int64_t apart = stride;
            check_cublas(cublasLtMatrixLayoutSetAttribute(made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
                                                          &count, sizeof count),
                         "a product");
            check_cublas(
                cublasLtMatrixLayoutSetAttribute(made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                                 &apart, sizeof apart),
                "a product");
        }
        return made;
    }

    void choose(cublasLtHandle_t handle, const ProductKey& key, std::size_t workspace_bytes) {
        cublasLtMatmulPreference_t wishes = nullptr;
        check_cublas(cublasLtMatmulPreferenceCreate(&wishes), "a product");
        const auto wish = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
            check_cublas(
                cublasLtMatmulPreferenceSetAttribute(wishes, attribute, &value, sizeof value),
                "a product");
        };
        wish(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{workspace_bytes});
        const auto alignment = static_cast<std::uint32_t>(key.alignment);
        wish(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment);
        wish(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment);
        wish(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment);
        wish(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment);
        cublasLtMatmulHeuristicResult_t best{};
        int found = 0;
        const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
            handle, operation_, left_, right_, result_, result_, wishes, 1, &best, &found);
        cublasLtMatmulPreferenceDestroy(wishes);
        check_cublas(status, "the choice of a product's algorithm");
        if (found == 0) {
            check_cublas(CUBLAS_STATUS_NOT_SUPPORTED, "the choice of a product's algorithm");
        }
        algorithm_ = best.algo;
    }

    cublasLtMatmulDesc_t operation_ = nullptr;
    cublasLtMatrixLayout_t left_ = nullptr;
    cublasLtMatrixLayout_t right_ = nullptr;
    cublasLtMatrixLayout_t result_ = nullptr;
    cublasLtMatmulAlgo_t algorithm_{};
};

/// The library's handle, what was chosen for which shape, and the memory that its algorithms use.
class CublasLt {
public:
    /// Errors: CudaError, ResourceError.
    explicit CublasLt(std::shared_ptr<GpuMemory> memory) : memory_(std::move(memory)) {
        check_cublas(cublasLtCreate(&handle_), "cublasLtCreate");
        workspace_ = memory_->allocate(workspace_bytes);
    }
    CublasLt(const CublasLt&) = delete;
    CublasLt& operator=(const CublasLt&) = delete;
    ~CublasLt() {
        plans_.clear();
        memory_->release(workspace_, workspace_bytes);
        cublasLtDestroy(handle_);
    }

    /// Orders the product; with doubles there may be no bias. Errors: CudaError.
    template <class T>
    void gemm(const Gemm<T>& call, Precision precision) {
        const ProductKey key{.m = call.m,
                             .n = call.n,
                             .k = call.k,
                             .batch = call.batch,
                             .stride_a = call.batch_stride_a,
                             .stride_b = call.batch_stride_b,
                             .stride_c = call.batch_stride_c,
                             .alignment = alignment_of(call.a, call.b, call.c),
                             .transpose_a = call.transpose_a,
                             .transpose_b = call.transpose_b,
                             .bias = call.bias != nullptr,
                             .accumulate = call.accumulate,
                             .wide = std::is_same_v<T, double>,
                             .precision = precision};
        const auto found = plans_.try_emplace(key, nullptr).first;
        if (!found->second) {
            found->second = std::make_unique<ProductPlan>(handle_, key, workspace_bytes);
        }
        memory_->order();
        found->second->run(handle_, call, workspace_, workspace_bytes, memory_->stream());
    }

private:
    /// What NVIDIA advises for Hopper.
    static constexpr std::size_t workspace_bytes = std::size_t{32} << 20U;

    template <class T>
    [[nodiscard]] static int alignment_of(const T* a, const T* b, const T* c) {
        const std::uintptr_t together = reinterpret_cast<std::uintptr_t>(a) |
                                        reinterpret_cast<std::uintptr_t>(b) |
                                        reinterpret_cast<std::uintptr_t>(c);
        return together % 16 == 0 ? 16 : static_cast<int>(sizeof(T));
    }

    std::shared_ptr<GpuMemory> memory_;
    cublasLtHandle_t handle_ = nullptr;
    void* workspace_ = nullptr;
    std::map<ProductKey, std::unique_ptr<ProductPlan>> plans_;
};

}  // namespace kasmina::backends::cuda_detail
