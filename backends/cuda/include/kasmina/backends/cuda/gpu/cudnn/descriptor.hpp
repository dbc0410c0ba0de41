// Descriptor: owns one of cuDNN's backend descriptors; what cuDNN refuses is an error with its
// words.
#pragma once

#include <kasmina/requirements.hpp>

#include <cudnn_graph.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/backends/cuda/gpu/error.hpp>

namespace kasmina::backends::cuda_detail {

/// What cuDNN says about its last refusal in this thread.
[[nodiscard]] inline std::string cudnn_words(cudnnStatus_t status) {
    char text[1024] = "";
    cudnnGetLastErrorString(text, sizeof text);
    return std::string(cudnnGetErrorString(status)) + (text[0] != '\0' ? ": " : "") + text;
}

/// Errors: CudaError, if `status` is one.
inline void check_cudnn(cudnnStatus_t status, const char* what) {
    if (status == CUDNN_STATUS_SUCCESS) return;
    throw CudaError(std::string("cuDNN cannot ") + what, "backends::Cuda",
                    "cuDNN 9.11 or later for the driver's version of CUDA, and a GPU",
                    cudnn_words(status),
                    "check that all of cuDNN's libraries are found and are of one version");
}

/// The type by which cuDNN knows a C++ type, where there is only one.
template <class V>
struct CudnnType;
template <>
struct CudnnType<std::int64_t> {
    static constexpr cudnnBackendAttributeType_t value = CUDNN_TYPE_INT64;
};
template <>
struct CudnnType<float> {
    static constexpr cudnnBackendAttributeType_t value = CUDNN_TYPE_FLOAT;
};
template <>
struct CudnnType<void*> {
    static constexpr cudnnBackendAttributeType_t value = CUDNN_TYPE_VOID_PTR;
};
template <>
struct CudnnType<cudnnHandle_t> {
    static constexpr cudnnBackendAttributeType_t value = CUDNN_TYPE_HANDLE;
};
template <>
struct CudnnType<cudnnDataType_t> {
    static constexpr cudnnBackendAttributeType_t value = CUDNN_TYPE_DATA_TYPE;
};
template <>
struct CudnnType<cudnnConvolutionMode_t> {
    static constexpr cudnnBackendAttributeType_t value = CUDNN_TYPE_CONVOLUTION_MODE;
};
template <>
struct CudnnType<cudnnBackendHeurMode_t> {
    static constexpr cudnnBackendAttributeType_t value = CUDNN_TYPE_HEUR_MODE;
};
template <>
struct CudnnType<cudnnBackendNumericalNote_t> {
    static constexpr cudnnBackendAttributeType_t value = CUDNN_TYPE_NUMERICAL_NOTE;
};

class Descriptor {
public:
    explicit Descriptor(cudnnBackendDescriptorType_t type) {
        check_cudnn(cudnnBackendCreateDescriptor(type, &handle_), "make a descriptor");
    }
    Descriptor(Descriptor&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Descriptor() {
        if (handle_ != nullptr) cudnnBackendDestroyDescriptor(handle_);
    }

    [[nodiscard]] cudnnBackendDescriptor_t get() const noexcept { return handle_; }

    template <class V>
    void set(cudnnBackendAttributeName_t name, std::span<const V> values) {
        set(name, CudnnType<V>::value, static_cast<std::int64_t>(values.size()), values.data());
    }
    template <class V>
    void set(cudnnBackendAttributeName_t name, const V& value) {
        set(name, CudnnType<V>::value, 1, &value);
    }
    void set(cudnnBackendAttributeName_t name, const Descriptor& other) {
        set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &other.handle_);
    }
    void set(cudnnBackendAttributeName_t name, const std::string& text) {
        set(name, CUDNN_TYPE_CHAR, static_cast<std::int64_t>(text.size()), text.data());
    }
    void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
             const void* values) {
        check_cudnn(cudnnBackendSetAttribute(handle_, name, type, count, values),
                    "set an attribute");
    }

    /// Up to `most` values of an attribute.
    template <class V>
    [[nodiscard]] std::vector<V> get(cudnnBackendAttributeName_t name, std::int64_t most) const {
        std::vector<V> values(static_cast<std::size_t>(most));
        std::int64_t count = 0;
        check_cudnn(cudnnBackendGetAttribute(handle_, name, CudnnType<V>::value, most, &count,
                                             values.data()),
                    "read an attribute");
        values.resize(static_cast<std::size_t>(count < most ? count : most));
        return values;
    }
    /// Fills a descriptor with what an attribute holds.
    void get(cudnnBackendAttributeName_t name, Descriptor& into) const {
        std::int64_t count = 0;
        check_cudnn(cudnnBackendGetAttribute(handle_, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                                             &count, &into.handle_),
                    "read a descriptor");
    }

    /// Errors: CudaError.
    void finalise(const char* what) { check_cudnn(cudnnBackendFinalize(handle_), what); }
    /// Whether cuDNN agrees: engines refuse what they cannot do.
    [[nodiscard]] bool try_finalise() {
        return cudnnBackendFinalize(handle_) == CUDNN_STATUS_SUCCESS;
    }

private:
    cudnnBackendDescriptor_t handle_ = nullptr;
};

}  // namespace kasmina::backends::cuda_detail
