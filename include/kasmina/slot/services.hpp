// What the slots of a model share: its policies, backend context, random stream and numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <kasmina/backend/context_reference.hpp>
#include <kasmina/distributed/solo.hpp>
#include <kasmina/gates/evidence.hpp>
#include <kasmina/gates/gate_set.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/statistics/score_kind.hpp>
#include <kasmina/telemetry/sink.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// The policies of a model and its slots, in one place. Derive and replace what differs.
struct DefaultPolicies {
    using Gates = DefaultGates;
    using Sink = telemetry::NullSink;
    using Communicator = Solo;
};

/// Lies at an address that survives moves of the model.
template <class B, class Policies>
struct SlotServices {
    ContextReference<typename B::Context> context{};  ///< makes seeds; outlives the slots
    ScoreKind score = ScoreKind::accuracy();
    typename Policies::Gates gates{};
    typename Policies::Sink sink{};
    typename Policies::Communicator communicator{};
    telemetry::Failures telemetry_failures{};
    Generator generator{};  ///< initial values of seeds
    Index host_parameters = 0;
    std::optional<std::int64_t> environment{};
    std::optional<std::string> correlation_id{};

    /// The gates, for a decision. Errors: those of check_thresholds.
    [[nodiscard]] const typename Policies::Gates& checked_gates() const {
        check_gates(gates, score);
        return gates;
    }
};

}  // namespace kasmina
