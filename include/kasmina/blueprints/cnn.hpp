// CnnBlueprints: the eight blueprints for feature maps that ship with the library.
#pragma once

#include <kasmina/blueprints/cnn/attention.hpp>
#include <kasmina/blueprints/cnn/bottleneck.hpp>
#include <kasmina/blueprints/cnn/conv_heavy.hpp>
#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/blueprints/cnn/conv_small.hpp>
#include <kasmina/blueprints/cnn/depthwise.hpp>
#include <kasmina/blueprints/cnn/noop.hpp>
#include <kasmina/blueprints/cnn/norm.hpp>
#include <kasmina/blueprints/registry.hpp>

namespace kasmina {

/// Extended by a user's own with `CnnBlueprints::with<Mine>`.
using CnnBlueprints =
    BlueprintList<cnn::Noop, cnn::Norm, cnn::Attention, cnn::Depthwise, cnn::Bottleneck,
                  cnn::ConvSmall, cnn::ConvLight, cnn::ConvHeavy>;

}  // namespace kasmina
