// expects: capability::Pointwise
// A blueprint on a backend that lacks what it needs: the message names the capability (B-6).
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn.hpp>

/// Holds tensors, and no more.
struct StorageOnly : private kasmina::backends::Eigen<float> {
    using Full = kasmina::backends::Eigen<float>;
    using Full::Buffer;
    using Full::Context;
    using Full::Reading;
    using Full::Scalar;

    using Full::acquire;
    using Full::add;
    using Full::copy;
    using Full::fill;
    using Full::persistent;
    using Full::read;
    using Full::synchronise;
    using Full::upload;
};

#ifdef KASMINA_MUST_NOT_COMPILE
using Chosen = StorageOnly;
#else
using Chosen = kasmina::backends::Eigen<float>;
#endif

auto make(Chosen::Context& context, kasmina::Generator& generator) {
    return kasmina::make_seed<kasmina::cnn::Norm, Chosen>(context, 8, {}, generator);
}
