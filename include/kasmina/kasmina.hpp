// Everything of the library but backends, files, and what networks are built from by name.
#pragma once

// These say which rule a user's own part breaks. From the bottom up and before all others, so that
// each is included from here: the compiler lists the way to a header in front of what it says.
#include <kasmina/pointwise/any_number.hpp>

#include <kasmina/autodiff/ops/pointwise.hpp>

#include <kasmina/gates/gate_set.hpp>

#include <kasmina/blueprints/registry.hpp>

#include <kasmina/hosts/host.hpp>

#include <kasmina/slot/slot.hpp>

#include <kasmina/model/model.hpp>

#include <kasmina/model/analyse_slots.hpp>
#include <kasmina/model/mean_scores.hpp>

#include <kasmina/policy/grower.hpp>

#include <kasmina/train/learn.hpp>

#include <kasmina/train/learner.hpp>
#include <kasmina/train/trainer.hpp>

// Everything else.
#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/autodiff/ops/reduce.hpp>
#include <kasmina/autodiff/recompute.hpp>
#include <kasmina/backend/offset_by.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/model_restore.hpp>
#include <kasmina/nn/dropout.hpp>
#include <kasmina/nn/embedding.hpp>
#include <kasmina/nn/layer_norm.hpp>
#include <kasmina/optim/adamw.hpp>
#include <kasmina/optim/clip_gradients.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/pointwise/dual.hpp>
#include <kasmina/policy/heuristic_controller.hpp>
#include <kasmina/policy/idle_controller.hpp>
#include <kasmina/slot/typed_seed.hpp>
#include <kasmina/telemetry/fan_out.hpp>
#include <kasmina/telemetry/memory_sink.hpp>
#include <kasmina/version.hpp>
