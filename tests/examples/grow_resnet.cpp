// The program grow_resnet as a user runs it: it trains, grows, names itself, and writes its
// summary.
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "program.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::tests::grow_resnet_test {
namespace {

// Four images of each class, all of them grey: what is looked at is that it runs to the end.
TEST_CASE("grow_resnet trains a residual network, alone and growing, and counts its work",
          "[examples][N-5]") {
    const test::TemporaryFolder folder;
    write_cifar(folder.path());
    const auto summary_file = folder / "summary.json";
    const Outcome outcome =
        run({"--data", folder.path().string(), "--epochs", "8", "--blueprint", "norm", "--judge",
             "ablation", "--summary", summary_file.string()});
    CAPTURE(outcome.out, outcome.err);
    REQUIRE(outcome.code == 0);
    const auto summary = nlohmann::json::parse(text_of(summary_file));
    CHECK(summary.at("host_parameters") == 5214);
    CHECK(summary.at("germinated") == 1);
    // 3x3 and 1x1 convolutions at 32x32, 16x16 and 8x8, and the classifier; there and both ways
    // back, for 80 images in 8 epochs.
    const double forward =
        (108 + 288) * 1024.0 + (288 + 576 + 32) * 256.0 + (1152 + 2304 + 128) * 64.0 + 160.0;
    CHECK(summary.at("host_multiplications") == 3.0 * 80.0 * 8.0 * forward);
    CHECK(summary.at("grown_multiplications").get<double>() >
          summary.at("host_multiplications").get<double>());
    const Outcome wrong = run({"--slots", "r9c9"});
    CHECK(wrong.code == 2);
    CHECK(wrong.err.starts_with("grow_resnet: "));
    CHECK(wrong.err.find("r0c0, r0c1, r0c2") != std::string::npos);
}

}  // namespace
}  // namespace kasmina::tests::grow_resnet_test
