// BasicCuda: all capabilities of the CUDA backend, on a card or on the tests' emulation of one.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/backend.hpp>
#include <kasmina/backends/cuda/buffer.hpp>
#include <kasmina/backends/cuda/kernels/attention.hpp>
#include <kasmina/backends/cuda/kernels/batch_norm.hpp>
#include <kasmina/backends/cuda/kernels/convolution.hpp>
#include <kasmina/backends/cuda/kernels/depthwise_convolution.hpp>
#include <kasmina/backends/cuda/kernels/embedding.hpp>
#include <kasmina/backends/cuda/kernels/group_norm.hpp>
#include <kasmina/backends/cuda/kernels/loss.hpp>
#include <kasmina/backends/cuda/kernels/matrix.hpp>
#include <kasmina/backends/cuda/kernels/multi_tensor.hpp>
#include <kasmina/backends/cuda/kernels/pointwise.hpp>
#include <kasmina/backends/cuda/kernels/pooling.hpp>
#include <kasmina/backends/cuda/kernels/random.hpp>
#include <kasmina/backends/cuda/kernels/rearrange.hpp>
#include <kasmina/backends/cuda/kernels/row_gradient.hpp>
#include <kasmina/backends/cuda/kernels/softmax.hpp>
#include <kasmina/backends/cuda/kernels/storage.hpp>
#include <kasmina/backends/cuda/recordings.hpp>

namespace kasmina::backends {

/// One base per capability; `D` is the device on which kernels run (cuda/device.hpp). See
/// kasmina/backend/ for what each function does. Every call is ordered on the context's stream and
/// returns at once; nothing but `get()` of a reading and `synchronise` waits.
template <class T, cuda_detail::Device D>
struct BasicCuda : cuda_detail::Storage<T, D>,
                   cuda_detail::Pointwise<T, D>,
                   cuda_detail::Matrices<T, D>,
                   cuda_detail::Convolutions<T, D>,
                   cuda_detail::DepthwiseConvolutions<T, D>,
                   cuda_detail::GroupNorms<T, D>,
                   cuda_detail::BatchNorms<T, D>,
                   cuda_detail::Pooling<T, D>,
                   cuda_detail::Losses<T, D>,
                   cuda_detail::MultiTensors<T, D>,
                   cuda_detail::Randoms<T, D>,
                   cuda_detail::Dropouts<T, D>,
                   cuda_detail::Embeddings<T, D>,
                   cuda_detail::RowGradients<T, D>,
                   cuda_detail::Attentions<T, D>,
                   cuda_detail::Rearranges<T, D>,
                   cuda_detail::Softmaxes<T, D>,
                   cuda_detail::Recordings<D> {
    using Scalar = T;
    using Context = typename D::Context;
    template <class V>
    using Buffer = cuda_detail::Buffer<V, D>;
    template <class V>
    using Reading = cuda_detail::Reading<V, D>;
};

}  // namespace kasmina::backends
