// Backend: all capabilities that the library's hosts, blueprints and optimisers need together.
#pragma once

#include <kasmina/backend/attention.hpp>
#include <kasmina/backend/batch_norm.hpp>
#include <kasmina/backend/convolution.hpp>
#include <kasmina/backend/depthwise_convolution.hpp>
#include <kasmina/backend/dropout.hpp>
#include <kasmina/backend/embedding.hpp>
#include <kasmina/backend/group_norm.hpp>
#include <kasmina/backend/loss.hpp>
#include <kasmina/backend/matrix.hpp>
#include <kasmina/backend/multi_tensor.hpp>
#include <kasmina/backend/pointwise.hpp>
#include <kasmina/backend/pooling.hpp>
#include <kasmina/backend/precision.hpp>
#include <kasmina/backend/random.hpp>
#include <kasmina/backend/rearrange.hpp>
#include <kasmina/backend/softmax.hpp>
#include <kasmina/backend/storage.hpp>

/// \file
/// One capability is one header: its concept, the plain structs that its functions take and what
/// they do. Every function is called `B::name(context, arguments)`, is ordered on the context and
/// may be done later (see storage.hpp); the struct itself is read before the call returns. Pointers
/// in a struct are the backend's memory; spans are host memory. Every kernel is deterministic for a
/// given shape, whatever the context's thread count (E-1).
namespace kasmina {

template <class B>
concept CompleteBackend =
    StorageBackend<B> && PointwiseBackend<B> && MatrixBackend<B> && ConvolutionBackend<B> &&
    DepthwiseConvolutionBackend<B> && GroupNormBackend<B> && BatchNormBackend<B> &&
    PoolingBackend<B> && LossBackend<B> && MultiTensorBackend<B> && RandomBackend<B> &&
    DropoutBackend<B> && EmbeddingBackend<B> && AveragePoolingBackend<B> && RearrangeBackend<B> &&
    SoftmaxBackend<B> && AttentionBackend<B>;

}  // namespace kasmina
