// What a step of a transformer multiplies (work.hpp).
#pragma once

#include <string>

#include <kasmina/hosts/transformer.hpp>

#include "work.hpp"

namespace kasmina::examples {

/// Of the library's transformer host, for a sequence as long as its block: the products of its
/// layers, those of queries with keys and of shares with values, half of which the mask leaves out,
/// and the head. Include this in front of what calls it (run.hpp).
[[nodiscard]] inline HostWork work_of(const hosts::TransformerOptions& options) {
    HostWork work;
    const Index each = options.layers / options.segments;
    for (Index layer = 0; layer < options.layers; ++layer) {
        work.layer(12 * options.width * options.width, options.block);
        work.layer(options.block * options.width, options.block);
        if ((layer + 1) % each == 0) {
            work.slot("r0c" + std::to_string(layer / each), options.block);
        }
    }
    return work.layer(options.vocabulary * options.width, options.block);
}

}  // namespace kasmina::examples
