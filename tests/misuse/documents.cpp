// Where a document says what code does: the sentence is there, and so is what it says.
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "misuse/small_network.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::test::documents_test {
namespace {

/// A document's text, with every run of white space as one blank.
[[nodiscard]] std::string document(const std::string& path) {
    std::ifstream file(KASMINA_SOURCE_DIR "/" + path);
    const std::string raw{std::istreambuf_iterator<char>(file), {}};
    std::string text;
    for (const char letter : raw) {
        const bool blank = letter == ' ' || letter == '\n';
        if (!blank) text += letter;
        if (blank && (text.empty() || text.back() != ' ')) text += ' ';
    }
    return text;
}

}  // namespace

TEST_CASE("architecture.md on cross-entropy with every target ignored", "[H-7]") {
    CHECK(
        mentions(document("docs/architecture.md"),
                 "*Cross-entropy with every target ignored* is an error, where PyTorch gives NaN"));
    Cpu::Context context;
    Tape<Cpu> tape(context);
    const Variable<Cpu> logits = tape.leaf({2, 2}, std::vector<float>(4));
    const std::vector<std::int32_t> ignored{-100, -100};
    CHECK_THROWS_AS(ops::cross_entropy(logits, ignored), NumericError);
    CHECK_THROWS_AS(ops::cross_entropy(logits, ClassLabels<Cpu>(context, ignored, 2)),
                    NumericError);
}

TEST_CASE("the README on steps that the table does not have", "[L-4]") {
    const std::string readme = document("README.md");
    CHECK(mentions(readme, "of a typed seed such a step does not compile"));
    CHECK(mentions(readme, "of a slot it is a typed error"));
    // That the one does not compile: tests/must_not_compile/training_to_fossilized.cpp.
    Cpu::Context context;
    Network model = network(context);
    grow(model.slot("r0c0"), Stage::training);
    CHECK_THROWS_AS(model.slot("r0c0").advance(Stage::fossilized), LifecycleError);
}

TEST_CASE("the README on which gates to take", "[S-13]") {
    CHECK(mentions(document("README.md"), "`DefaultGates`, which `DefaultPolicies` names"));
    static_assert(std::same_as<DefaultPolicies::Gates, DefaultGates>);
    static_assert(std::same_as<Network, MorphogeneticModel<hosts::Cnn<Cpu>, CnnBlueprints>>);
}

TEST_CASE("architecture.md on what a model does with its host's values", "[E-5]") {
    CHECK(mentions(document("docs/architecture.md"),
                   "A model draws the values of a new host, and keeps those of one that has some"));
    // order_of_calls.cpp: "a model draws over nothing that was put into its host".
}

}  // namespace kasmina::test::documents_test
