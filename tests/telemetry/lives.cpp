// Whole lives of seeds as sinks see them: every event, in order, and as docs/telemetry.md says.
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn/norm.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/telemetry/fan_out.hpp>
#include <kasmina/telemetry/json_lines.hpp>
#include <kasmina/telemetry/memory_sink.hpp>
#include <kasmina/telemetry/tensorboard.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "telemetry/event_file.hpp"
#include "telemetry/schema.hpp"
#include "telemetry/throwing_sink.hpp"

namespace kasmina::lives_test {
namespace {

using nlohmann::ordered_json;
using telemetry::Event;
using telemetry::FanOutSink;
using telemetry::MemorySink;
using telemetry::SinkReference;

using B = backends::Eigen<double>;
template <class S>
struct Policies : DefaultPolicies {
    using Gates = test::OpenGates;
    using Sink = S;
};
template <class S>
using Model = MorphogeneticModel<hosts::Cnn<B>, BlueprintList<cnn::Norm>, Policies<S>>;

template <class S>
Model<S> make_model(S sink, std::optional<std::int64_t> environment = std::nullopt) {
    static B::Context context;
    Generator generator(5);
    return Model<S>(
        context,
        hosts::Cnn<B>(context, {.classes = 3, .base = 4, .blocks = 2, .height = 8, .width = 8}),
        BlueprintList<cnn::Norm>{}, generator,
        ModelOptions<Policies<S>>{.sink = std::move(sink), .environment = environment});
}

/// A sink of the one type that most of these models have, so that the compiler sees few models.
template <class S>
FanOutSink to(S& sink) {
    return std::move(FanOutSink().add(SinkReference<S>(sink)));
}

/// What a training run would have found out of a seed in training.
template <class SlotType>
void measure(SlotType& slot) {
    slot.record_gradients({.norm = 2.0, .parameters = 400, .measured = true},
                          {.norm = 1.0, .parameters = 100, .measured = true},
                          std::vector<double>{0.5, 1e-9}, true);
    for (const double gain : {0.0, 0.5, 1.0}) slot.record_readiness(gain);
}

/// germinated to fossilized at r0c0, with a refusal and measurements on the way.
template <class S>
void live_and_fossilize(Model<S>& model) {
    auto& slot = model.slot("r0c0");
    slot.germinate("norm");
    model.gates().thresholds.alpha_tolerance = test::shut;
    slot.advance();
    model.gates().thresholds = {.min_blending_epochs = 1};
    slot.advance();
    slot.record_score(40.0);
    slot.step_epoch();
    slot.record_score(42.5);
    measure(slot);
    slot.advance();
    while (slot.alpha() < 1.0) slot.step_epoch();
    slot.record_score(43.0);
    slot.record_dependence(12.5);
    slot.advance();
    for (const double lead : {-1.0, -0.5, -0.75}) slot.record_lead(lead);
    slot.advance();
}

/// Pruned at once by the governor at r0c1; after the cooldown the next seed germinates.
template <class S>
void live_and_be_pruned(Model<S>& model) {
    auto& slot = model.slot("r0c1");
    slot.germinate("norm", {.seed_id = "doomed"});
    slot.advance();
    slot.step_epoch();
    slot.step_epoch();
    slot.prune("governor_nan", "governor");
    while (slot.stage() != Stage::dormant) slot.step_epoch();
    slot.germinate("norm");
}

/// A prune scheduled from holding at r1c0, over three epochs.
template <class S>
void live_and_be_blended_out(Model<S>& model) {
    auto& slot = model.slot("r1c0");
    slot.germinate("norm");
    slot.advance();
    slot.advance();
    while (slot.alpha() < 1.0) slot.step_epoch();
    slot.advance();
    slot.schedule_prune(3, AlphaCurve::cosine, default_steepness, "no gain");
    for (int epoch = 0; epoch < 3; ++epoch) slot.step_epoch();
}

template <class S>
void live_all(Model<S>& model) {
    live_and_fossilize(model);
    model.set_correlation_id("second part");
    live_and_be_pruned(model);
    live_and_be_blended_out(model);
}

/// All lives, first in a model without an environment, then in environment 0.
template <class S>
void live_twice(S& sink) {
    auto alone = make_model(to(sink));
    live_all(alone);
    auto among_others = make_model(to(sink), 0);
    live_all(among_others);
    REQUIRE(alone.telemetry_failures().count == 0);
    REQUIRE(among_others.telemetry_failures().count == 0);
}

const telemetry::SeedContext& seed_of(const Event& event) {
    return std::visit([](const auto& typed) -> const auto& { return typed.seed; }, event);
}

std::vector<std::string> outlines(const std::vector<Event>& events) {
    std::vector<std::string> lines;
    for (const Event& event : events) {
        std::string line =
            std::visit([](const auto& typed) { return std::string(typed.name); }, event);
        if (const auto* change = std::get_if<telemetry::StageChanged>(&event)) {
            line = change->from + " -> " + change->to;
        } else if (const auto* verdict = std::get_if<telemetry::GateEvaluated>(&event)) {
            line = verdict->gate + (verdict->passed ? " passed" : " refused");
        }
        lines.push_back(line);
    }
    return lines;
}

template <class Live>
std::vector<Event> events_of(Live&& live) {
    MemorySink sink;
    auto model = make_model(to(sink));
    live(model);
    return sink.events();
}

TEST_CASE("a seed that is kept is told from germination to fossilization", "[T-1]") {
    std::optional<double> error_of_readiness;
    std::optional<double> error_of_contribution;
    const auto events = events_of([&](auto& model) {
        live_and_fossilize(model);
        const SeedMetrics& metrics = model.slot("r0c0").record()->metrics;
        error_of_readiness = metrics.readiness->standard_error;
        error_of_contribution = metrics.contribution->standard_error;
    });
    CHECK(outlines(events) ==
          std::vector<std::string>{"dormant -> germinated", "seed_germinated", "G1 refused",
                                   "G1 passed", "germinated -> training", "G2 passed",
                                   "training -> blending", "G3 passed", "blending -> holding",
                                   "G5 passed", "holding -> fossilized", "seed_fossilized"});
    CHECK(std::get<telemetry::GateEvaluated>(events[2]).checks_failed ==
          std::vector<std::string>{"open"});
    CHECK(std::get<telemetry::StageChanged>(events[6]).epochs_in_from == 1);
    const telemetry::SeedContext& end = seed_of(events.back());
    CHECK(end.slot == "r0c0");
    CHECK(end.seed_id == "r0c0-norm");
    CHECK(end.blueprint == "norm");
    CHECK(end.stage == "fossilized");
    CHECK(end.alpha == 1.0);
    CHECK(end.improvement == 3.0);
    CHECK(end.blending_delta == 0.5);
    CHECK(end.readiness == 0.5);
    CHECK(end.readiness_error == error_of_readiness);
    CHECK(end.dependence == 12.5);
    REQUIRE(end.contribution.has_value());
    CHECK(*end.contribution == Approx(-0.75));
    CHECK(end.contribution_error == error_of_contribution);
    CHECK(error_of_readiness != error_of_contribution);  // or one could stand for the other
    CHECK(end.contribution_by == "shadow");
    CHECK(end.gradient_ratio == 1.0);
    CHECK(end.vanishing == true);
    CHECK(end.exploding == false);
    CHECK(end.seed_parameters > 0);
    CHECK_FALSE(seed_of(events.front()).readiness.has_value());
    CHECK_FALSE(seed_of(events.front()).readiness_error.has_value());
    CHECK_FALSE(seed_of(events.front()).dependence.has_value());
    CHECK_FALSE(seed_of(events.front()).contribution.has_value());
    CHECK_FALSE(seed_of(events.front()).contribution_error.has_value());
    CHECK_FALSE(seed_of(events.front()).contribution_by.has_value());
}

TEST_CASE("the error of a contribution is absent while there are too few measurements for one",
          "[T-1][J-1]") {
    const auto events = events_of([](auto& model) {
        auto& slot = model.slot("r1c1");
        slot.germinate("norm");
        while (slot.stage() != Stage::holding) slot.advance();
        slot.record_lead(1.0);
        slot.prune("why");
    });
    const telemetry::SeedContext& end = seed_of(events.back());
    CHECK(end.contribution == 1.0);
    CHECK(end.contribution_by == "shadow");
    CHECK_FALSE(end.contribution_error.has_value());
}

TEST_CASE("the error of a readiness is absent while there are too few measurements for one",
          "[T-1][G-10]") {
    const auto error_after = [](int measurements) {
        const auto events = events_of([measurements](auto& model) {
            auto& slot = model.slot("r1c1");
            slot.germinate("norm");
            slot.advance();
            for (int i = 0; i < measurements; ++i) slot.record_readiness(i);
            slot.prune("why");
        });
        REQUIRE(seed_of(events.back()).readiness.has_value());
        return seed_of(events.back()).readiness_error;
    };
    CHECK_FALSE(error_after(1).has_value());
    CHECK_FALSE(error_after(2).has_value());
    CHECK(error_after(3).value_or(0.0) > 0.0);
}

TEST_CASE("a seed that is pruned is told up to the end of its cooldown, and so is the next",
          "[T-1]") {
    const auto events = events_of([](auto& model) { live_and_be_pruned(model); });
    CHECK(outlines(events) ==
          std::vector<std::string>{"dormant -> germinated", "seed_germinated", "G1 passed",
                                   "germinated -> training", "training -> pruned", "seed_pruned",
                                   "pruned -> embargoed", "embargoed -> resetting",
                                   "dormant -> germinated", "seed_germinated"});
    const auto& pruned = std::get<telemetry::SeedPruned>(events[5]);
    CHECK(pruned.from == "training");
    CHECK(pruned.reason == "governor_nan");
    CHECK(pruned.initiator == "governor");
    CHECK(pruned.automatic);
    CHECK(pruned.seed.seed_id == "doomed");
    CHECK(pruned.seed.epochs_total == 2);
}

TEST_CASE("a scheduled prune is told when its ramp begins and when it is done", "[T-1][S-5]") {
    const auto events = events_of([](auto& model) { live_and_be_blended_out(model); });
    const auto lines = outlines(events);
    REQUIRE(lines.size() > 3);
    CHECK(std::vector<std::string>(lines.end() - 4, lines.end()) ==
          std::vector<std::string>{"blending -> holding", "holding -> blending",
                                   "blending -> pruned", "seed_pruned"});
    const auto& pruned = std::get<telemetry::SeedPruned>(events.back());
    CHECK(pruned.from == "blending");
    CHECK(pruned.reason == "no gain");
    CHECK(pruned.initiator == "user");
    CHECK_FALSE(pruned.automatic);
}

TEST_CASE("environment and correlation id are in every event, and absent where there is none",
          "[T-1]") {
    MemorySink sink;
    live_twice(sink);
    std::set<std::optional<std::int64_t>> environments;
    std::set<std::optional<std::string>> correlation_ids;
    for (const Event& event : sink.events()) {
        const telemetry::SeedContext& seed = seed_of(event);
        environments.insert(seed.environment);
        correlation_ids.insert(seed.correlation_id);
        CHECK(seed.correlation_id.has_value() == (seed.slot != "r0c0"));
    }
    CHECK(environments == std::set<std::optional<std::int64_t>>{std::nullopt, 0});
    CHECK(correlation_ids == std::set<std::optional<std::string>>{std::nullopt, "second part"});
}

TEST_CASE("every line of whole lives is as documented, and all that is documented comes",
          "[T-1][T-2]") {
    const test::TemporaryFolder folder;
    const test::Schema schema(KASMINA_DOCS_DIR "/telemetry.md");
    {
        telemetry::JsonLinesSink sink(folder / "events.jsonl");
        live_twice(sink);
    }
    std::set<std::string> missing;
    for (const auto& field : schema.common()) {
        missing.insert(field.name);
        if (field.may_be_null) missing.insert(field.name + " null");
    }
    for (const auto& [name, fields] : schema.events()) {
        missing.insert(name);
        for (const auto& field : fields) missing.insert(name + "." + field.name);
    }
    for (const std::string& stage : schema.types().at("stage")) missing.insert("at " + stage);

    std::ifstream file(folder / "events.jsonl");
    for (std::string line; std::getline(file, line);) {
        INFO(line);
        const ordered_json object = ordered_json::parse(line);
        CHECK(schema.problem(object) == "");
        const std::string event = object.at("event");
        missing.erase(event);
        for (const auto& [key, value] : object.items()) {
            missing.erase(value.is_null() ? key + " null" : key);
            missing.erase(event + "." + key);
        }
        missing.erase("at " + object.at("stage").get<std::string>());
        if (event == "stage_changed") missing.erase("at " + object.at("from").get<std::string>());
    }
    CHECK(missing == std::set<std::string>{});
}

TEST_CASE("the documented lists of names are the library's", "[T-1]") {
    const auto types = test::Schema(KASMINA_DOCS_DIR "/telemetry.md").types();
    std::vector<std::string> stages;
    for (const Stage stage : all_stages) {
        if (stage != Stage::unknown) stages.emplace_back(name_of(stage));
    }
    CHECK(types.at("stage") == stages);
    for (const std::string& curve : types.at("curve"))
        CHECK(reflect::enumerator_named<AlphaCurve>(curve));
    CHECK(types.at("curve").size() == 3);
    std::vector<std::string> gates;
    for (const Gate gate : {Gate::g1, Gate::g2, Gate::g3, Gate::g5}) {
        gates.emplace_back(name_of(gate));
    }
    CHECK(types.at("gate") == gates);
    std::vector<std::string> measures;
    for (const auto kind : reflect::Enumerators<judge::MeasureKind>::all) {
        if (kind != judge::MeasureKind::none) measures.emplace_back(name_of(kind));
    }
    CHECK(types.at("measure") == measures);
}

TEST_CASE("the check against the document finds what is wrong with a line", "[T-1]") {
    const test::Schema schema(KASMINA_DOCS_DIR "/telemetry.md");
    const ordered_json right = telemetry::to_json(telemetry::GateEvaluated{
        {.slot = "r0c0", .stage = "training", .curve = "linear"}, "G2", true, 1.0, {"a"}, "b"});
    REQUIRE(schema.problem(right) == "");
    const auto with = [&right](const char* key, const ordered_json& value) {
        ordered_json object = right;
        object[key] = value;
        return object;
    };
    CHECK(schema.problem(with("event", "seed_moved")) == "unknown event");
    CHECK(schema.problem(with("extra", 1)) == "extra is not documented");
    CHECK(schema.problem(with("alpha", nullptr)) == "alpha is null");
    CHECK(schema.problem(with("alpha", 1)) == "alpha is 1");
    CHECK(schema.problem(with("epochs_total", 1.5)) == "epochs_total is 1.5");
    CHECK(schema.problem(with("environment", "one")) == "environment is \"one\"");
    CHECK(schema.problem(with("stage", "growing")) == "stage is \"growing\"");
    CHECK(schema.problem(with("passed", 1)) == "passed is 1");
    CHECK(schema.problem(with("checks_failed", {1})) == "checks_failed is [1]");
    CHECK(schema.problem(with("message", false)) == "message is false");
    ordered_json shorter = right;
    shorter.erase("message");
    CHECK(schema.problem(shorter) == "message is missing");
    shorter.erase("gate");
    CHECK(schema.problem(shorter) == "passed instead of gate");
    CHECK(schema.problem(ordered_json::array()) == "does not begin with event");
}

TEST_CASE("the event file of whole lives has the documented tags, and the events' numbers",
          "[T-2]") {
    const test::TemporaryFolder folder;
    MemorySink memory;
    telemetry::TensorBoardSink tensorboard(folder.path());
    FanOutSink both;
    both.add(SinkReference<MemorySink>(memory))
        .add(SinkReference<telemetry::TensorBoardSink>(tensorboard));
    live_twice(both);

    const auto logged = test::event_file::read(tensorboard.path());
    REQUIRE(logged.size() == 1 + memory.events().size());
    std::set<std::string> tags;
    for (std::size_t i = 0; i < memory.events().size(); ++i) {
        const telemetry::SeedContext& seed = seed_of(memory.events()[i]);
        const std::string prefix = (seed.environment ? "environment_0/" : "") + seed.slot + "/";
        for (const auto& value : logged[i + 1].values) {
            INFO(value.tag);
            REQUIRE(value.tag.starts_with(prefix));
            std::string tag = value.tag.substr(prefix.size());
            if (tag == "alpha") CHECK(value.scalar == static_cast<float>(seed.alpha));
            if (tag == "improvement") CHECK(value.scalar == static_cast<float>(seed.improvement));
            if (tag[0] == 'G') tag = "<gate>" + tag.substr(2);
            tags.insert(tag);
        }
    }
    const auto documented = test::Schema(KASMINA_DOCS_DIR "/telemetry.md").tags();
    CHECK(tags == std::set<std::string>(documented.begin(), documented.end()));
}

/// All of a model's slots with what became of their seeds.
template <class S>
std::vector<std::string> fates(const Model<S>& model) {
    std::vector<std::string> lines;
    for (const auto& slot : model.slots()) {
        std::string line = slot.name() + " " + std::to_string(slot.alpha());
        if (const SeedRecord* record = slot.record()) {
            for (const StageEntry& entry : record->history) {
                line += " " + std::string(name_of(entry.to));
            }
        }
        lines.push_back(line);
    }
    return lines;
}

TEST_CASE("a sink that throws at every event changes no life; it is counted and told once",
          "[T-3]") {
    auto silent = make_model(FanOutSink());
    live_all(silent);
    auto broken = make_model(test::ThrowingSink{});
    live_all(broken);
    MemorySink memory;
    auto half_broken = make_model(
        std::move(FanOutSink().add(test::ThrowingSink{}).add(SinkReference<MemorySink>(memory))));
    live_all(half_broken);

    CHECK(fates(broken) == fates(silent));
    CHECK(fates(half_broken) == fates(silent));
    const std::size_t events = events_of([](auto& model) { live_all(model); }).size();
    CHECK(memory.events().size() == events);
    CHECK(broken.sink().calls == static_cast<int>(events));
    CHECK(broken.telemetry_failures().count == static_cast<std::int64_t>(events));
    CHECK(broken.telemetry_failures().first == "call 1");
    CHECK(half_broken.telemetry_failures().count == static_cast<std::int64_t>(events));
    CHECK(half_broken.sink().failures()[0].count == static_cast<std::int64_t>(events));
    CHECK(half_broken.sink().failures()[1].count == 0);
}

}  // namespace
}  // namespace kasmina::lives_test
