// What the library's hosts multiply for one sample on its way forward.
#pragma once

#include <string>

#include <kasmina/hosts/cnn.hpp>
#include <kasmina/hosts/mlp.hpp>
#include <kasmina/hosts/resnet.hpp>

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

/// Of images of any size.
[[nodiscard]] inline HostWork work_of(hosts::CnnOptions options, Index height, Index width) {
    options.height = height;
    options.width = width;
    return work_of(options);
}

[[nodiscard]] inline HostWork work_of(const hosts::ResNetOptions& options, Index height,
                                      Index width) {
    HostWork work;
    work.layer(9 * options.in_channels * options.base, height * width);
    Index inputs = options.base;
    for (Index stage = 0; stage < options.stages; ++stage) {
        const Index outputs = options.base << stage;
        if (stage > 0) {
            height = (height + 1) / 2;
            width = (width + 1) / 2;
        }
        for (Index block = 0; block < options.blocks; ++block) {
            const bool projects = inputs != outputs || (stage > 0 && block == 0);
            work.layer(9 * inputs * outputs, height * width);
            work.layer(9 * outputs * outputs, height * width);
            if (projects) work.layer(inputs * outputs, height * width);
            inputs = outputs;
        }
        work.slot("r0c" + std::to_string(stage), height * width);
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
