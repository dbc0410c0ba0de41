// A host without statistics of a batch, in double precision, and batches for it.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/train/learner.hpp>

#include "slot/open_gates.hpp"
#include "stripes.hpp"
#include "support/backend.hpp"
#include "train/small_run.hpp"

namespace kasmina::test {

using StillBackend = Eigen64;
using StillModel =
    MorphogeneticModel<examples::PointCnn<StillBackend>, CnnBlueprints, OpenPolicies>;
using StillBatch = LabelledBatch<StillBackend>;

[[nodiscard]] inline StillModel still_model(StillBackend::Context& context) {
    Generator generator(3);
    return {context, examples::PointCnn<StillBackend>(context), CnnBlueprints{}, generator};
}

/// Two batches as one.
[[nodiscard]] inline StillBatch together(StillBackend::Context& context, const StillBatch& a,
                                         const StillBatch& b) {
    auto values = a.input.to_host(context);
    const auto more = b.input.to_host(context);
    values.insert(values.end(), more.begin(), more.end());
    auto labels = a.labels.tensor().to_host(context);
    const auto more_labels = b.labels.tensor().to_host(context);
    labels.insert(labels.end(), more_labels.begin(), more_labels.end());
    return {Tensor<StillBackend>::from_host(
                context, {a.input.shape()[0] + b.input.shape()[0], 8, 8, 1}, values),
            ClassLabels<StillBackend>(context, labels, 2)};
}

}  // namespace kasmina::test
