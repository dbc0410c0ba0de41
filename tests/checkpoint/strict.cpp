// Each rule of a checkpoint broken once: refused with its place, and all parts are as they were.
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <kasmina/checkpoint/checkpoint.hpp>

#include "checkpoint/all_of.hpp"
#include "checkpoint/edited.hpp"
#include "checkpoint/file/support.hpp"
#include "checkpoint/life.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::strict_test {
namespace {

using B = test::Eigen32;
using Life = test::Life<B, optim::SgdRule>;
using test::Edited;
using test::Json;

/// A life that is saved, and another one that nothing broken must change.
struct Corpus {
    explicit Corpus(int epochs) : saved(context), life(context, 7) {
        saved.grow(epochs);
        checkpoint::save(folder / "file", saved.model, saved.trainer, saved.diary);
        life.grow(4);
        before = bytes();
    }

    std::string bytes() { return test::all_of(life, folder); }

    /// The text of the error that loading gives; empty when it loads.
    std::string refusal(const Edited& file) {
        file.write(folder / "broken");
        return test::error_text<CheckpointError>(
            [&] { checkpoint::load(folder / "broken", life.model, life.trainer, life.diary); });
    }

    test::TemporaryFolder folder;
    B::Context context;
    Life saved;
    Life life;
    std::string before;
};

/// "$.slots[].stage": where a value is, for one of each kind.
void walk(const Json& value, const std::string& pointer, const std::string& kind,
          std::set<std::string>& seen,
          const std::function<void(const std::string&, const std::string&)>& found) {
    if (seen.insert(kind).second && !pointer.empty()) found(pointer, kind);
    if (value.is_object()) {
        for (const auto& [key, each] : value.items()) {
            std::string escaped;
            for (const char letter : key) {
                if (letter == '~')
                    escaped += "~0";
                else if (letter == '/')
                    escaped += "~1";
                else
                    escaped += letter;
            }
            walk(each, pointer + "/" + escaped, kind + "." + key, seen, found);
        }
    } else if (value.is_array() && !value.empty()) {
        // The last one: a list of groups ends in that of the seeds.
        walk(value.back(), pointer + "/" + std::to_string(value.size() - 1), kind + "[]", seen,
             found);
    }
}

TEST_CASE("no field may lack, be of another kind or have a neighbour that is not known",
          "[C-2][C-3]") {
    Corpus corpus(10);
    const Edited whole(corpus.folder / "file");
    int tried = 0;
    for (const std::string key : {"kasmina", "kasmina/model", "kasmina/trainer", "kasmina/diary"}) {
        const Json record = whole.record(key);
        std::set<std::string> seen;
        walk(record, "", "$", seen, [&](const std::string& pointer, const std::string& kind) {
            CAPTURE(key, kind);
            const Json::json_pointer place(pointer);
            const auto refused = [&](const Json& broken) {
                Edited file = whole;
                file.set_record(key, broken);
                const std::string text = corpus.refusal(file);
                INFO(text);
                CHECK(test::mentions(text, "broken: " + key + ": $"));
                CHECK(test::mentions(text, "expected "));
                ++tried;
            };
            if (!kind.ends_with("]")) {
                Json without = record;
                without[place.parent_pointer()].erase(place.back());
                refused(without);
            }
            Json other = record;
            other[place] = record[place].is_structured() ? Json(1) : Json(Json::array({1}));
            if (record[place].is_array() && record[place].empty()) other[place] = Json::object();
            refused(other);
            if (record[place].is_object()) {
                Json more = record;
                more[place]["unheard_of"] = 1;
                refused(more);
            }
        });
    }
    CHECK(tried > 250);
    CHECK(corpus.bytes() == corpus.before);
}

TEST_CASE("contradictions are refused by the name of what cannot be", "[C-2][C-3][C-8]") {
    Corpus corpus(10);  // "late" is fossilized, "early" blends by a gate network
    const Edited whole(corpus.folder / "file");
    struct Broken {
        std::string key;
        std::string pointer;
        Json value;
        std::string mentioned;
    };
    const std::string early = "/slots/0";
    const std::string late = "/slots/1";
    const Json amplitude{{"schema", 1},       {"alpha", 0.3},     {"start", 0.3},
                         {"target", 0.3},     {"mode", "hold"},   {"curve", "linear"},
                         {"steepness", 12.0}, {"steps_total", 0}, {"steps_done", 0}};
    const Json group{{"options",
                      {{"schema", 1},
                       {"learning_rate", 0.1},
                       {"momentum", 0.0},
                       {"weight_decay", 0.0},
                       {"nesterov", false}}},
                     {"parameters", Json::array()}};
    for (const auto& [key, pointer, value, mentioned] : std::vector<Broken>{
             {"model", early + "/seed/has_gate_network", false, "seed.has_gate_network"},
             {"model", early + "/seed/blend/algorithm", "add", "seed.has_gate_network"},
             {"model", late + "/seed/has_gate_network", true, "seed.has_gate_network"},
             {"model", early + "/stage", "holding", "early"},
             {"model", late + "/alpha/alpha", 0.3, "alpha.target"},
             {"model", late + "/alpha", amplitude, "alpha.alpha"},
             {"model", late + "/stage", "dormant", "record"},
             {"model", late + "/stage", "pruned", "seed"},
             {"model", late + "/stage", "unknown", "stage"},
             {"model", late + "/stage", "(retired)", "$.slots[1].stage"},
             {"model", late + "/stage", "shadowing", "one of unknown, dormant"},
             {"model", late + "/record", nullptr, "record"},
             {"model", late + "/seed", nullptr, "seed"},
             {"model", late + "/alpha", nullptr, "alpha"},
             {"model", late + "/embargo_ticks_left", 1, "embargo_ticks_left"},
             {"model",
              early + "/scheduled_prune",
              {{"reason", "r"}, {"initiator", "user"}},
              "scheduled_prune"},
             {"model", late + "/seed/isolated", true, "seed.isolated"},
             {"model", late + "/seed/random/word", 4, "seed.random.word"},
             {"model", late + "/seed/parameters/0/name", "seed/other", "seed/other"},
             {"model", late + "/seed/parameters", Json::array(), "seed.parameters"},
             {"model", late + "/seed/parameters/0/thaws_after_ramp", true, "thaws_after_ramp"},
             {"model", late + "/record/blueprint", "unheard_of", "record.blueprint"},
             {"model", late + "/seed/blueprint_options", Json::array(), "seed.blueprint_options"},
             {"model", late + "/record/seed_id", "", "seed_id"},
             {"model", late + "/record/history", Json::array(), "history"},
             {"model", late + "/record/history/1/to", "fossilized", "history"},
             {"model", late + "/record/metrics/epochs_total", -1, "epochs_total"},
             {"model", late + "/record/metrics/seed_parameters", 3, "seed_parameters"},
             {"model", late + "/record/metrics/gradient_ratio", 11.0, "gradient_ratio"},
             {"model", late + "/record/metrics/auto_pruned", true, "auto_pruned"},
             {"model", late + "/name", "later", "name"},
             {"model", late + "/width", 5, "width"},
             {"model", late + "/topology", "transformer", "topology"},
             {"model", late + "/options/embargo_ticks", 0, "embargo_ticks"},
             {"model", early + "/alpha/steps_done", 99, "early"},
             {"model", early + "/alpha/target", 1.5, "early"},
             {"model", early + "/seed/blend/tempo_epochs", 0, "tempo_epochs"},
             {"model", "/slots", Json::array(), "slots"},
             {"model", "/host", Json::array(), "host"},
             {"model", "/host/0/name", "host/other", "host/other"},
             {"model", "/random/word", 9, "word"},
             {"trainer", "/epochs", 0, "epochs"},
             {"trainer", "/grower/epoch", -1, "epoch"},
             {"trainer", "/grower/governor/strikes", -1, "strikes"},
             {"trainer", "/grower/governor/next", 99, "next"},
             {"trainer", "/grower/governor/options/strikes", 0, "strikes"},
             {"trainer",
              "/under_way",
              {{"steps", -1}, {"losses", 0.0}, {"scores", 0.0}, {"samples", 0}},
              "under_way"},
             {"trainer", "/learner/random/word", 4, "word"},
             {"trainer", "/learner/optimiser/rule", "adamw", "adamw"},
             {"trainer", "/learner/optimiser/groups/-", group, "another number of groups"},
             {"trainer", "/learner/optimiser/groups/0/options/learning_rate", -1.0,
              "learning_rate"},
             {"trainer", "/learner/optimiser/groups/0/parameters/0/steps", 0, "incomplete"},
             {"trainer", "/learner/judge/shadow/slot", "nowhere", "nowhere"},
             {"trainer", "/learner/judge/shadow/steps", -1, "steps"},
             {"trainer", "/learner/judge/shadow/seed_streams", Json::array(), "late"},
             {"trainer", "/source/random/word", 4, "word"},
         }) {
        CAPTURE(key, pointer, value.dump());
        Edited file = whole;
        Json record = file.record("kasmina/" + key);
        record[Json::json_pointer(pointer)] = value;
        file.set_record("kasmina/" + key, record);
        const std::string text = corpus.refusal(file);
        INFO(text);
        CHECK(test::mentions(text, "broken: kasmina/" + key));
        CHECK(test::mentions(text, mentioned));
    }
    CHECK(corpus.bytes() == corpus.before);
}

TEST_CASE("tensors that lack, are too many, or of another shape or kind are refused by name",
          "[C-2][C-3]") {
    Corpus corpus(10);
    const Edited whole(corpus.folder / "file");
    const std::string moment =
        "trainer/learner/optimiser/groups/0/parameters/host/conv1.weight/first";
    const auto refused = [&](const Edited& file, const std::string& name,
                             const std::string& mentioned) {
        const std::string text = corpus.refusal(file);
        INFO(text);
        CHECK(test::mentions(text, "broken: tensor \"" + name + "\""));
        CHECK(test::mentions(text, mentioned));
    };
    for (const std::string& name :
         {std::string("host/conv1.weight"), std::string("host/norm1.running_mean"),
          std::string("slots/late/seed/conv.weight"), std::string("slots/early/gate/score.weight"),
          moment,
          std::string("trainer/learner/judge/shadow/values/parameters/host/conv1.weight/values"),
          std::string("trainer/grower/snapshot/states/host/norm1.running_var/values")}) {
        CAPTURE(name);
        {
            Edited file = whole;
            file.remove_tensor(name);
            refused(file, name, "a tensor is missing");
        }
        {
            Edited file = whole;
            file.tensor(name).entry.shape.push_back(1);
            const std::string text = corpus.refusal(file);
            INFO(text);
            CHECK_FALSE(text.empty());
        }
        {
            Edited file = whole;
            auto& tensor = file.tensor(name);
            tensor.entry.type = checkpoint::file::ElementType::i32;
            const std::string text = corpus.refusal(file);
            INFO(text);
            CHECK_FALSE(text.empty());
        }
    }
    {
        Edited file = whole;
        file.tensor("host/conv1.weight").entry.shape = {4, 3, 9};
        refused(file, "host/conv1.weight", "expected (4, 3, 3, 3); got (4, 3, 9)");
    }
    {
        Edited file = whole;
        file.tensor("host/conv1.weight").entry.type = checkpoint::file::ElementType::u32;
        refused(file, "host/conv1.weight", "expected F32; got U32");
    }
    for (const std::string name : {"host/more", "slots/late/seed/more", "trainer/more", "more",
                                   "slots/nowhere/seed/conv.weight", "stranger/more"}) {
        CAPTURE(name);
        Edited file = whole;
        file.tensors.push_back(file.tensors[0]);
        file.tensors.back().entry.name = name;
        refused(file, name, "a tensor too many");
    }
    {
        // A moment that stands for another.
        Edited file = whole;
        Json record = file.record("kasmina/trainer");
        Json& entries = record["learner"]["optimiser"]["groups"][0]["parameters"];
        entries[1]["first"] = entries[0]["first"];
        file.set_record("kasmina/trainer", record);
        const std::string text = corpus.refusal(file);
        INFO(text);
        CHECK(test::mentions(text, "$.learner.optimiser.groups[0].parameters[1].first"));
        CHECK(test::mentions(text, "a tensor of another name"));
    }
    CHECK(corpus.bytes() == corpus.before);
}

TEST_CASE("a table that does not fit the records is refused, and so is a file of strangers",
          "[C-2][C-3]") {
    Corpus corpus(2);
    const Edited whole(corpus.folder / "file");
    const auto refused = [&](const std::string& mentioned, const auto& change) {
        Edited file = whole;
        change(file);
        const std::string text = corpus.refusal(file);
        INFO(text);
        CHECK(test::mentions(text, mentioned));
    };
    const auto set_parts = [](const Json& parts) {
        return [parts](Edited& file) {
            Json table = file.record("kasmina");
            table["parts"] = parts;
            file.set_record("kasmina", table);
        };
    };
    refused("a record of no part", set_parts({"model", "trainer"}));
    refused("a part that is there twice", set_parts({"model", "trainer", "diary", "diary"}));
    refused("a part without a record", set_parts({"model", "trainer", "diary", "more"}));
    refused("a record of no part", [](Edited& file) { file.metadata["kasmina/more"] = "{}"; });
    refused("a record of no part", [](Edited& file) { file.metadata["format"] = "pt"; });
    refused("not a checkpoint of this library", [](Edited& file) { file.metadata.clear(); });
    refused("this is not JSON", [](Edited& file) { file.metadata["kasmina/diary"] = "{"; });
    refused("a key that stands twice", [](Edited& file) {
        file.metadata["kasmina/diary"] = R"({"schema":1,"losses":[],"last":"","last":"x"})";
    });
    refused("$.losses", [](Edited& file) {
        file.metadata["kasmina/diary"] = R"({"schema":1,"losses":[1e999],"last":""})";
    });
    refused("this is not JSON", [](Edited& file) {
        file.metadata["kasmina/diary"] = R"({"schema":1,"losses":[NaN],"last":""})";
    });
    CHECK(corpus.bytes() == corpus.before);
}

TEST_CASE("records that are changed at random load or are refused, and nothing else happens",
          "[C-7][C-3]") {
    Corpus corpus(10);
    const Edited whole(corpus.folder / "file");
    Generator random(17);
    int refused = 0;
    for (int i = 0; i < 150; ++i) {
        Edited file = whole;
        const std::string key = random.below(2) == 0 ? "kasmina/model" : "kasmina/trainer";
        std::string& text = file.metadata.at(key);
        for (std::uint32_t change = 0; change < 1 + random.below(3); ++change) {
            const auto at = random.below(static_cast<std::uint32_t>(text.size() - 40));
            switch (random.below(3)) {
                case 0: text[at] = static_cast<char>(' ' + random.below(95)); break;
                case 1: text.erase(at, 1 + random.below(30)); break;
                default: text.insert(at, text.substr(random.below(at + 1), 1 + random.below(30)));
            }
        }
        CAPTURE(i, key);
        file.write(corpus.folder / "broken");
        try {
            checkpoint::load(corpus.folder / "broken", corpus.life.model, corpus.life.trainer,
                             corpus.life.diary);
            corpus.before = corpus.bytes();
        } catch (const CheckpointError&) {
            ++refused;
            if (i % 10 == 0) CHECK(corpus.bytes() == corpus.before);
        }
    }
    CHECK(refused > 100);
    CHECK(corpus.bytes() == corpus.before);
}

}  // namespace
}  // namespace kasmina::strict_test
