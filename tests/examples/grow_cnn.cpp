// The program grow_cnn as a user runs it: exit codes, the one line of an error, the files it
// writes.
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "program.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "telemetry/event_file.hpp"

namespace kasmina::tests::grow_cnn_test {
namespace {

using test::TemporaryFolder;

void check_one_clear_error(const std::vector<std::string>& arguments,
                           const std::vector<std::string>& parts) {
    tests::check_one_clear_error(run(arguments), parts);
}

/// The data that a report's page draws.
nlohmann::json page_data(const std::string& page) {
    const std::string opening = "id=\"data\">";
    const std::size_t begin = page.find(opening) + opening.size();
    return nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

TEST_CASE("a folder that is not there is one clear error", "[examples][E-2]") {
    const TemporaryFolder folder;
    const std::string nowhere = (folder / "nowhere").string();
    check_one_clear_error({"--data", nowhere}, {nowhere, "expected", "got nothing there"});
    check_one_clear_error({"--mnist", nowhere}, {nowhere, "expected", "got nothing there"});
    const std::string file = (folder / "no" / "such" / "file").string();
    check_one_clear_error({"--summary", file}, {file});
    check_one_clear_error({"--telemetry", file}, {file});
    std::ofstream(folder / "in the way") << "a file";
    const std::string in_the_way = (folder / "in the way").string();
    check_one_clear_error({"--tensorboard", in_the_way}, {in_the_way});
}

TEST_CASE("a CIFAR-10 file cut short, missing or with a wrong label is one clear error",
          "[examples][E-2]") {
    const TemporaryFolder folder;
    write_cifar(folder.path());
    const std::vector<std::string> arguments{"--data", folder.path().string()};
    const auto file = folder / "data_batch_3.bin";

    Bytes records = cifar_records(20);
    records.pop_back();
    write_bytes(file, records);
    check_one_clear_error(arguments, {file.string(), "truncated", "3073", "61459 bytes"});

    records = cifar_records(20);
    records[3 * 3073] = 10;
    write_bytes(file, records);
    check_one_clear_error(arguments, {file.string(), "record 3", "label", "got 10"});

    std::filesystem::remove(file);
    check_one_clear_error(arguments, {file.string(), "missing"});
}

TEST_CASE("a test file cut short is found before training", "[examples][E-2]") {
    const TemporaryFolder folder;
    write_cifar(folder.path());
    const auto file = folder / "test_batch.bin";
    write_bytes(file, Bytes(5000, 1));
    check_one_clear_error({"--data", folder.path().string()},
                          {file.string(), "truncated", "5000 bytes"});
}

TEST_CASE("an MNIST file with a wrong magic number, label or length is one clear error",
          "[examples][E-2]") {
    const TemporaryFolder folder;
    const auto images = folder / "t10k-images-idx3-ubyte";
    const auto labels = folder / "t10k-labels-idx1-ubyte";
    const std::vector<std::string> arguments{"--mnist", folder.path().string()};
    write_bytes(images, digits());
    write_bytes(labels, digits());
    check_one_clear_error(arguments, {labels.string(), "magic number", "2049", "2051"});

    Bytes wrong = digit_labels();
    wrong[8 + 7] = 10;
    write_bytes(labels, wrong);
    check_one_clear_error(arguments, {labels.string(), "record 7", "label", "got 10"});

    write_bytes(labels, digit_labels());
    Bytes cut = digits();
    cut.pop_back();
    write_bytes(images, cut);
    check_one_clear_error(arguments, {images.string(), "40 x 28 x 28", "31359 bytes"});
}

TEST_CASE("a mistake on the command line is one clear error", "[examples][E-2]") {
    check_one_clear_error({"--blueprint", "conv_huge"}, {"conv_huge", "conv_heavy", "--help"});
    check_one_clear_error({"--epochs", "0"}, {"--epochs", "--help"});
    check_one_clear_error({"--slots", "r0c9"}, {"r0c9", "r0c0", "r1c2"});
    check_one_clear_error({"--slots", "r0c0,r0c0"}, {"r0c0", "twice"});
    check_one_clear_error({"--judge", "jury"}, {"--judge", "jury", "--help"});
    check_one_clear_error({"--incubation", "none"}, {"--incubation", "none", "--help"});
    check_one_clear_error({"--threads", "257"}, {"--threads", "256", "--help"});
    check_one_clear_error({"--no-such-option"}, {"no-such-option", "--help"});
    const Outcome help = run({"--help"});
    CHECK(help.code == 0);
    CHECK(help.err.empty());
    CHECK(help.out.find("--telemetry") != std::string::npos);
    CHECK(help.out.find("[1 - 256]") != std::string::npos);
}

TEST_CASE("a whole run on the built-in task says how it went, on the screen and in files",
          "[examples][T-2]") {
    const TemporaryFolder folder;
    const auto summary_file = folder / "summary.json";
    const auto telemetry_file = folder / "events.jsonl";
    const auto report_file = folder / "run.html";
    const Outcome outcome =
        run({"--epochs", "2", "--from-start", "--summary", summary_file.string(), "--telemetry",
             telemetry_file.string(), "--report", report_file.string()});
    CAPTURE(outcome.out, outcome.err);
    REQUIRE(outcome.code == 0);
    CHECK(outcome.err.empty());
    CHECK(outcome.out.find("host alone") != std::string::npos);
    CHECK(outcome.out.find("difference") != std::string::npos);
    CHECK(outcome.out.find('\r') == std::string::npos);  // no bar where there is no terminal

    const auto summary = nlohmann::json::parse(text_of(summary_file));
    std::set<std::string> keys;
    for (const auto& [key, value] : summary.items()) keys.insert(key);
    CHECK(keys ==
          std::set<std::string>{"host_only_accuracy", "grown_accuracy", "from_start_accuracy",
                                "host_parameters", "grown_parameters", "host_multiplications",
                                "grown_multiplications", "from_start_multiplications", "germinated",
                                "fossilized", "pruned", "stages", "judge", "incubation",
                                "contribution", "contributions", "epochs", "seconds"});
    // Nothing grew, so from the start it is the host alone, and is not trained again.
    CHECK(summary.at("from_start_accuracy").is_null());
    CHECK(outcome.out.find("no seed stayed") != std::string::npos);
    CHECK(summary.at("host_multiplications").get<double>() > 1e9);
    CHECK(summary.at("grown_multiplications") == summary.at("host_multiplications"));
    CHECK(summary.at("judge") == "shadow");
    CHECK(summary.at("incubation") == "feedback");
    for (const char* accuracy : {"host_only_accuracy", "grown_accuracy"}) {
        CHECK(summary.at(accuracy).get<double>() >= 0.0);
        CHECK(summary.at(accuracy).get<double>() <= 100.0);
    }
    // Two epochs are too few for a seed to germinate (K): host and growing network are one.
    CHECK(summary.at("host_only_accuracy") == summary.at("grown_accuracy"));
    CHECK(summary.at("host_parameters").get<int>() > 0);
    CHECK(summary.at("grown_parameters") == summary.at("host_parameters"));
    CHECK(summary.at("germinated") == 0);
    CHECK(summary.at("fossilized") == 0);
    CHECK(summary.at("pruned") == 0);
    CHECK(summary.at("stages") == nlohmann::json::array());
    CHECK(summary.at("contribution").is_null());
    CHECK(summary.at("epochs") == 2);
    CHECK(summary.at("seconds").get<double>() > 0.0);
    CHECK(std::filesystem::exists(telemetry_file));
    CHECK(text_of(telemetry_file).empty());

    const auto shown = page_data(text_of(report_file));
    CHECK(shown.at("host").size() == 2);
    CHECK(shown.at("grown") == shown.at("host"));
    REQUIRE(shown.at("slots").size() == 1);
    REQUIRE(shown.at("slots")[0].at("epochs").size() == 2);
    CHECK(shown.at("slots")[0].at("epochs")[1].at("stage") == "dormant");
    CHECK(shown.at("events").empty());
}

// Grey images teach nothing, so accuracy stands still and a seed germinates in the fifth epoch.
TEST_CASE("telemetry is one JSON object a line, and the summary tells the seed's path",
          "[examples][T-1][T-2][K]") {
    const TemporaryFolder folder;
    write_cifar(folder.path());
    const auto summary_file = folder / "summary.json";
    const auto telemetry_file = folder / "events.jsonl";
    const Outcome outcome =
        run({"--data", folder.path().string(), "--epochs", "7", "--blueprint", "norm", "--threads",
             "2", "--summary", summary_file.string(), "--telemetry", telemetry_file.string(),
             "--tensorboard", (folder / "runs").string()});
    CAPTURE(outcome.out, outcome.err);
    REQUIRE(outcome.code == 0);

    const auto summary = nlohmann::json::parse(text_of(summary_file));
    CHECK(summary.at("germinated") == 1);
    REQUIRE(summary.at("stages").size() == 1);
    const auto path = summary.at("stages").at(0).get<std::vector<std::string>>();
    REQUIRE(path.size() >= 3);
    CHECK(path[0] == "dormant");
    CHECK(path[1] == "germinated");
    CHECK(path[2] == "training");

    // The run is too short for a verdict, and what nobody has judged leaves no trace.
    CHECK(path.back() == "pruned");
    CHECK(summary.at("grown_parameters") == summary.at("host_parameters"));
    CHECK(summary.at("grown_accuracy") == summary.at("host_only_accuracy"));

    std::ifstream lines(telemetry_file);
    std::vector<nlohmann::json> events;
    for (std::string line; std::getline(lines, line);) {
        REQUIRE_NOTHROW(events.push_back(nlohmann::json::parse(line)));
        REQUIRE(events.back().is_object());
    }
    CHECK(text_of(telemetry_file).ends_with('\n'));
    std::vector<std::string> told;
    for (const auto& event : events) {
        CHECK(event.at("slot") == events.front().at("slot"));
        CHECK(event.at("blueprint") == "norm");
        CHECK(event.at("seed_parameters") == 2 * 32 + 1);
        if (event.contains("to")) told.push_back(event.at("to").get<std::string>());
    }
    CHECK(told == std::vector<std::string>(path.begin() + 1, path.end()));

    const std::filesystem::directory_iterator runs(folder / "runs");
    const auto logged = test::event_file::read(runs->path());
    REQUIRE(logged.size() == 1 + events.size());
    CHECK(logged.back().step == events.back().at("epochs_total"));
}

// Nothing is learned from grey images, so straight-through and ablation get as far as feedback and
// a shadow.
TEST_CASE("the judge and the incubation are the user's to choose", "[examples][I-9][J-1]") {
    const TemporaryFolder folder;
    write_cifar(folder.path());
    const auto summary_file = folder / "summary.json";
    const Outcome outcome =
        run({"--data", folder.path().string(), "--epochs", "7", "--blueprint", "norm", "--judge",
             "ablation", "--incubation", "straight_through", "--summary", summary_file.string()});
    CAPTURE(outcome.out, outcome.err);
    REQUIRE(outcome.code == 0);
    const auto summary = nlohmann::json::parse(text_of(summary_file));
    CHECK(summary.at("judge") == "ablation");
    CHECK(summary.at("incubation") == "straight_through");
    CHECK(summary.at("germinated") == 1);
}

// A plateau germinates one seed after another, so both are alive at once.
TEST_CASE("several slots grow side by side, each with a line of the table and a band of the report",
          "[examples][K]") {
    const TemporaryFolder folder;
    write_cifar(folder.path());
    const auto summary_file = folder / "summary.json";
    const auto report_file = folder / "run.html";
    const Outcome outcome =
        run({"--data", folder.path().string(), "--epochs", "13", "--blueprint", "norm", "--slots",
             "r0c1,r1c2", "--summary", summary_file.string(), "--report", report_file.string()});
    CAPTURE(outcome.out, outcome.err);
    REQUIRE(outcome.code == 0);
    const auto summary = nlohmann::json::parse(text_of(summary_file));
    CHECK(summary.at("germinated") == 2);
    CHECK(summary.at("stages").size() == 2);
    CHECK(outcome.out.find("interact") != std::string::npos);
    CHECK(outcome.out.find("  r0c1  ") != std::string::npos);
    CHECK(outcome.out.find("  r1c2  ") != std::string::npos);

    const auto data = page_data(text_of(report_file));
    REQUIRE(data.at("slots").size() == 2);
    CHECK(data.at("slots")[0].at("name") == "r0c1");
    CHECK(data.at("slots")[1].at("name") == "r1c2");
    int both_alive = 0;
    for (std::size_t epoch = 0; epoch < 13; ++epoch) {
        int alive = 0;
        for (const auto& slot : data.at("slots")) {
            const auto& seen = slot.at("epochs")[epoch];
            alive += seen.at("alpha").is_null() ? 0 : 1;
        }
        both_alive += alive == 2 ? 1 : 0;
    }
    CHECK(both_alive > 0);
}

}  // namespace
}  // namespace kasmina::tests::grow_cnn_test
