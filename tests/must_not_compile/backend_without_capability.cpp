// expects: capability::Pointwise
// A blueprint on a backend that lacks what it needs: the message names the capability.
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn.hpp>

struct StorageOnly {
    using Scalar = float;
    using Context = kasmina::backends::Eigen<float>::Context;
    template <class T>
    using Buffer = kasmina::backends::Eigen<float>::Buffer<T>;
};

#ifdef KASMINA_MUST_NOT_COMPILE
using Chosen = StorageOnly;
#else
using Chosen = kasmina::backends::Eigen<float>;
#endif

static_assert(sizeof(kasmina::CnnBlueprints::RequireBackend<Chosen>) > 0);
