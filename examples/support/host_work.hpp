// What the library's hosts multiply for one sample on its way forward.
#pragma once

#include <string>

#include <kasmina/hosts/cnn.hpp>
#include <kasmina/hosts/mlp.hpp>

#include "work.hpp"

namespace kasmina::examples {

[[nodiscard]] inline HostWork work_of(const hosts::CnnOptions& options) {
    HostWork work;
    Index height = options.height;
    Index width = options.width;
    Index inputs = options.in_channels;
    for (Index block = 0; block < options.blocks; ++block) {
        const Index outputs = options.base << block;
        work.layer(9 * inputs * outputs, height * width);
        work.slot("r0c" + std::to_string(block), height * width);
        if (block < options.pools.value_or(options.blocks)) {
            height /= 2;
            width /= 2;
        }
        work.slot("r1c" + std::to_string(block), height * width);
        inputs = outputs;
    }
    return work.layer(inputs * options.classes);
}

[[nodiscard]] inline HostWork work_of(const hosts::MlpOptions& options) {
    HostWork work;
    Index inputs = options.inputs;
    for (Index layer = 0; layer < options.layers; ++layer) {
        work.layer(inputs * options.width).slot("r0c" + std::to_string(layer));
        inputs = options.width;
    }
    return work.layer(inputs * options.outputs);
}

}  // namespace kasmina::examples
