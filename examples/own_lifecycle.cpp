// A lifecycle of your own: how a new version of a model goes live, with the compiler's proofs.
#include <array>
#include <cstdio>

#include <kasmina/lifecycle/proofs.hpp>

#include "support/arguments.hpp"

enum class Phase { idle, shadow, canary, live };
enum class Check { none, loads, agrees, fast };  // `none` marks a step that nothing guards
constexpr const char* phases[] = {"idle", "shadow", "canary", "live"};
constexpr const char* checks[] = {"none", "loads", "agrees", "fast"};

struct Rollout {
    using enum Phase;
    using Row = kasmina::Transition<Phase, Check>;
    static constexpr kasmina::TransitionTable table{std::to_array<Row>({
        {idle, shadow, Check::loads},
        {shadow, canary, Check::agrees},
        {canary, live, Check::fast},
        {shadow, idle},  // a step back is always free
        {canary, idle},
    })};
    static constexpr std::array stages{idle, shadow, canary, live};
    static constexpr Phase first = idle, rest = idle, final = live;
    static constexpr std::array influence{idle, shadow, canary, live};
    static constexpr std::array milestones{shadow, canary};
};
static_assert(kasmina::ProvenLifecycle<Rollout>::value);  // or an error with rule and stages
static_assert(!Rollout::table.allows(Phase::idle, Phase::live));

struct Hasty : Rollout {  // a way round the canary, which the proofs find
    static constexpr kasmina::TransitionTable table{
        std::to_array<Row>({{idle, shadow, Check::loads},
                            {shadow, canary, Check::agrees},
                            {canary, idle},
                            {shadow, live, Check::agrees},
                            {canary, live, Check::fast}})};
};
constexpr auto in_order =
    kasmina::LifecycleRule::every_path_to_the_final_stage_passes_the_milestones_in_order;
static_assert(kasmina::keeps_rule<Rollout, in_order> && !kasmina::keeps_rule<Hasty, in_order>);

int main(int argc, char** argv) {
    const kasmina::examples::Arguments none(argc, argv);
    Phase now = Phase::idle;
    double agreement = 0.97;  // with the version in use, measured in the shadow
    const auto go = [&](Phase to) {
        const auto check = Rollout::table.gate(now, to);  // absent where the step is illegal
        const bool holds = check != Check::agrees || agreement >= 0.99;
        const char* outcome = !check ? "illegal" : holds ? "done" : "refused";
        std::printf("%s -> %s: %s, gate: %s\n", phases[int(now)], phases[int(to)], outcome,
                    checks[int(check.value_or(Check::none))]);
        if (check && holds) now = to;
    };
    go(Phase::live);
    go(Phase::shadow);
    go(Phase::canary);
    go(Phase::idle);
    agreement = 0.995;
    while (const auto next = Rollout::table.forward_step(now)) go(*next);
}
