// The program grow_resnet as a user runs it: it trains, grows, names itself, and writes its summary.
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "program.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::tests {
namespace {

// Four images of each class, all of them grey: what is looked at is that it runs to the end.
TEST_CASE("grow_resnet trains a residual network alone, growing and from the start",
          "[examples][N-5]") {
    const test::TemporaryFolder folder;
    write_cifar(folder.path());
    const auto summary_file = folder / "summary.json";
    const Outcome outcome =
        run({"--data", folder.path().string(), "--epochs", "8", "--blueprint", "norm", "--judge",
             "ablation", "--from-start", "--summary", summary_file.string()});
    CAPTURE(outcome.out, outcome.err);
    REQUIRE(outcome.code == 0);
    const auto summary = nlohmann::json::parse(text_of(summary_file));
    CHECK(summary.at("host_parameters") == 5138);
    CHECK(summary.at("germinated") == 1);
    CHECK(summary.at("host_multiplications").get<double>() > 0.0);
    CHECK(summary.at("grown_multiplications").get<double>() >
          summary.at("host_multiplications").get<double>());
    const Outcome wrong = run({"--slots", "r9c9"});
    CHECK(wrong.code == 2);
    CHECK(wrong.err.starts_with("grow_resnet: "));
    CHECK(wrong.err.find("r0c0, r0c1, r0c2") != std::string::npos);
}

}  // namespace
}  // namespace kasmina::tests
