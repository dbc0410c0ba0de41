// What slot operations answer: whether they were done, and if not, why.
#pragma once

#include <string>

#include <kasmina/gates/result.hpp>
#include <kasmina/lifecycle/stage.hpp>

namespace kasmina {

/// Of an advance or a germination: the gate's verdict, and what came of it.
struct AdvanceResult {
    GateResult gate;
    Stage from;
    Stage to;
    bool advanced = false;          ///< rank 0's decision, acted on by every rank (D-1)
    bool verdict_differed = false;  ///< this rank's own verdict was another one
};

/// Of an operation that may be refused without being an error.
struct Outcome {
    bool done = false;
    std::string reason{};  ///< why it was refused; empty when it was done

    [[nodiscard]] explicit operator bool() const noexcept { return done; }
};

/// Of one epoch's tick (S-7).
struct TickResult {
    bool ramp_ended = false;
    Stage from = Stage::dormant;
    Stage to = Stage::dormant;
    /// What the user should know and the lifecycle does not mind; told once per seed (I-2, E-5).
    std::string notice{};

    [[nodiscard]] bool changed_stage() const noexcept { return from != to; }
};

}  // namespace kasmina
