// network_contents: parameters and states of a network in which seeds of some stages count.
#pragma once

#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/nn/parameters.hpp>

namespace kasmina {

/// Contents of the host as "host/...", and of the seeds whose stage `counts` says yes to as
/// "slots/<id>/seed/..." and "slots/<id>/gate/...".
template <class Model, class Predicate>
[[nodiscard]] nn::Contents<typename Model::Backend> network_contents(Model& model,
                                                                     Predicate counts) {
    nn::Contents<typename Model::Backend> all;
    all.append("host/", nn::contents<typename Model::Backend>(model.host()));
    for (auto& slot : model.slots()) {
        if (counts(slot.stage())) all.append("slots/" + slot.name() + "/", slot.contents());
    }
    return all;
}

}  // namespace kasmina
