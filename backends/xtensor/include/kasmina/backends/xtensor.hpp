// Xtensor<T>: the reference backend, plain and obviously right, that others are held against.
#pragma once

#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#error \
    "kasmina::xtensor is what other backends are held against, NaNs included: compile without -ffast-math and -Ofast"
#endif

#include <kasmina/backend/backend.hpp>
#include <kasmina/backends/xtensor/attention.hpp>
#include <kasmina/backends/xtensor/convolution.hpp>
#include <kasmina/backends/xtensor/cross_entropy.hpp>
#include <kasmina/backends/xtensor/embedding.hpp>
#include <kasmina/backends/xtensor/multi_tensor.hpp>
#include <kasmina/backends/xtensor/normalisation.hpp>
#include <kasmina/backends/xtensor/pointwise.hpp>
#include <kasmina/backends/xtensor/pooling.hpp>
#include <kasmina/backends/xtensor/products.hpp>
#include <kasmina/backends/xtensor/random.hpp>
#include <kasmina/backends/xtensor/rearrange.hpp>
#include <kasmina/backends/xtensor/row_gradient.hpp>
#include <kasmina/backends/xtensor/softmax.hpp>
#include <kasmina/backends/xtensor/storage.hpp>

namespace kasmina::backends {

/// The oracle of the conformance tests: one thread, no tricks, every kernel reads like its
/// formula. One base per capability. See kasmina/backend/ for what each function does.
template <class T = double>
struct Xtensor : xtensor_detail::Storage<T>,
                 xtensor_detail::Pointwise<T>,
                 xtensor_detail::Matrices<T>,
                 xtensor_detail::Convolutions<T>,
                 xtensor_detail::DepthwiseConvolutions<T>,
                 xtensor_detail::GroupNorms<T>,
                 xtensor_detail::BatchNorms<T>,
                 xtensor_detail::Pooling<T>,
                 xtensor_detail::AveragePooling<T>,
                 xtensor_detail::Losses<T>,
                 xtensor_detail::MultiTensors<T>,
                 xtensor_detail::Randoms<T>,
                 xtensor_detail::Dropouts<T>,
                 xtensor_detail::Embeddings<T>,
                 xtensor_detail::RowGradients<T>,
                 xtensor_detail::Rearranging<T>,
                 xtensor_detail::Softmaxes<T>,
                 xtensor_detail::Attentions<T> {
    using Scalar = T;
    using Context = xtensor_detail::Context;
    template <class V>
    using Buffer = xtensor_detail::Buffer<V>;
    template <class V>
    using Reading = xtensor_detail::Reading<V>;
};

}  // namespace kasmina::backends
