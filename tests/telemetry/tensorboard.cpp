// The TensorBoard sink: checksums, bytes, what a reader gets back, and what breaks.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/telemetry/sink.hpp>
#include <kasmina/telemetry/tensorboard.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"
#include "telemetry/event_file.hpp"
#include "telemetry/events.hpp"
#include "telemetry/full_disk.hpp"

namespace kasmina::tensorboard_test {
namespace {

using telemetry::crc32c;
using telemetry::TensorBoardSink;
namespace event_file = test::event_file;
namespace tensorboard = telemetry::tensorboard;

static_assert(telemetry::Sink<TensorBoardSink>);
static_assert(crc32c("123456789") == 0xE3069283U, "the check value of CRC-32C");

TEST_CASE("checksums are those of RFC 3720", "[T-2]") {
    std::string rising;
    for (char byte = 0; byte < 32; ++byte) rising.push_back(byte);
    CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AAU);
    CHECK(crc32c(std::string(32, '\xFF')) == 0x62A8AB43U);
    CHECK(crc32c(rising) == 0x46DD794EU);
    CHECK(crc32c(std::string(rising.rbegin(), rising.rend())) == 0x113FDB5CU);
    CHECK(crc32c("") == 0U);
}

// As TensorFlow writes it, but for the time.
TEST_CASE("a file begins with the version, byte for byte", "[T-2]") {
    using std::string_view_literals::operator""sv;
    CHECK(tensorboard::record(tensorboard::file_version_event(0.0)) ==
          "\x18\0\0\0\0\0\0\0\xA3\x7F\x4B\x22"
          "\x09\0\0\0\0\0\0\0\0\x1A\x0D"
          "brain.Event:2"
          "\xEE\xDF\x28\xA3"sv);
}

TEST_CASE("numbers of any size come back", "[T-2]") {
    tensorboard::Summary summary;
    const std::string long_tag(300, 't');
    summary.scalar(long_tag, -0.1);
    summary.scalar("huge", 1e300);
    summary.scalar("none", std::numeric_limits<double>::quiet_NaN());
    summary.text("words", std::string(70'000, 'w'));
    for (const std::int64_t step : {std::int64_t{0}, std::int64_t{127}, std::int64_t{128},
                                    std::numeric_limits<std::int64_t>::max()}) {
        const auto event =
            event_file::event(tensorboard::summary_event(1.75e9 + 0.125, step, summary));
        CHECK(event.wall_time == 1.75e9 + 0.125);
        CHECK(event.step == step);
        REQUIRE(event.values.size() == 4);
        CHECK(event.values[0].tag == long_tag);
        CHECK(event.values[0].scalar == -0.1F);
        CHECK(event.values[1].scalar == std::numeric_limits<float>::infinity());
        CHECK(std::isnan(event.values[2].scalar.value()));
        CHECK(event.values[3].text == std::string(70'000, 'w'));
        CHECK(event.values[3].plugin == "text");
    }
}

TEST_CASE("what is not UTF-8 is replaced byte by byte, and what is stays", "[T-2]") {
    const std::string bad = "\xEF\xBF\xBD";
    for (const char* fine : {"", "r0c0", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x8C\xB1",
                             "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"}) {
        CHECK(tensorboard::valid_utf8(fine) == fine);
    }
    CHECK(tensorboard::valid_utf8("a\xFFz") == "a" + bad + "z");
    CHECK(tensorboard::valid_utf8("\xC0\x80") == bad + bad);            // overlong
    CHECK(tensorboard::valid_utf8("\xE0\x9F\xBF") == bad + bad + bad);  // overlong
    CHECK(tensorboard::valid_utf8("\xED\xA0\x80") == bad + bad + bad);  // a surrogate
    CHECK(tensorboard::valid_utf8("\xF0\x8F\xBF\xBF") == bad + bad + bad + bad);
    CHECK(tensorboard::valid_utf8("\xF4\x90\x80\x80") == bad + bad + bad + bad);
    CHECK(tensorboard::valid_utf8("\xE2\x82") == bad + bad);  // cut short
    CHECK(tensorboard::valid_utf8("\x80z") == bad + "z");
}

std::set<std::string> tags_of(const event_file::LoggedEvent& event) {
    std::set<std::string> tags;
    for (const auto& value : event.values) tags.insert(value.tag);
    return tags;
}

const event_file::Value& value_of(const event_file::LoggedEvent& event, const std::string& tag) {
    for (const auto& value : event.values) {
        if (value.tag == tag) return value;
    }
    throw std::runtime_error("no " + tag);
}

TEST_CASE("a reader gets version, steps and values back, while the file is being written",
          "[T-2]") {
    const test::TemporaryFolder folder;
    TensorBoardSink sink(folder / "runs" / "one");
    CHECK(sink.path().parent_path() == folder / "runs" / "one");
    CHECK(sink.path().filename().string().starts_with("events.out.tfevents."));
    auto events = event_file::read(sink.path());
    REQUIRE(events.size() == 1);
    CHECK(events[0].file_version == "brain.Event:2");
    CHECK(events[0].wall_time > 1.7e9);

    sink.emit(telemetry::GateEvaluated{test::measured_seed(), "G3", true, 0.75, {}, "G3 passed"});
    sink.emit(telemetry::StageChanged{{.slot = "r1c0", .stage = "training"}, "a", "b", 4});
    events = event_file::read(sink.path());
    REQUIRE(events.size() == 3);
    CHECK(events[1].file_version.empty());
    CHECK(events[1].step == 9);
    const std::string prefix = "environment_3/r0c1/";
    const auto scalar = [&](const std::string& name) {
        return value_of(events[1], prefix + name).scalar;
    };
    CHECK(events[1].values.size() == 16);
    CHECK(scalar("alpha") == 0.5F);
    CHECK(scalar("epochs_in_stage") == 2.0F);
    CHECK(scalar("improvement") == 1.5F);
    CHECK(scalar("blending_delta") == 0.25F);
    CHECK(scalar("readiness") == 0.375F);
    CHECK(scalar("readiness_error") == 0.0625F);
    CHECK(scalar("dependence") == 12.5F);
    CHECK(scalar("contribution") == -0.75F);
    CHECK(scalar("contribution_error") == 0.5F);
    CHECK(scalar("gradient_ratio") == 0.125F);
    CHECK(scalar("vanishing") == 0.0F);
    CHECK(scalar("exploding") == 1.0F);
    CHECK(scalar("seed_parameters") == 129.0F);
    CHECK(scalar("G3/passed") == 1.0F);
    CHECK(scalar("G3/score") == 0.75F);
    CHECK(value_of(events[1], prefix + "events").text == "G3 passed");

    // What was never measured has no point, rather than one at 0.
    CHECK(events[2].step == 0);
    CHECK(tags_of(events[2]) == std::set<std::string>{"r1c0/alpha", "r1c0/epochs_in_stage",
                                                      "r1c0/improvement", "r1c0/blending_delta",
                                                      "r1c0/seed_parameters", "r1c0/events"});
}

TEST_CASE("every event is told in words", "[T-2]") {
    const telemetry::SeedContext seed = test::measured_seed();
    CHECK(telemetry::sentence(telemetry::SeedGerminated{seed, 10}) ==
          "norm germinated with 129 parameters");
    CHECK(telemetry::sentence(telemetry::StageChanged{seed, "training", "blending", 4}) ==
          "training to blending after 4 epochs");
    CHECK(telemetry::sentence(telemetry::GateEvaluated{seed, "G2", true, 1.0, {}, "G2 passed"}) ==
          "G2 passed");
    CHECK(telemetry::sentence(telemetry::SeedFossilized{seed}) == "norm fossilized");
    CHECK(telemetry::sentence(telemetry::SeedPruned{seed, "holding", "no gain", "user", false}) ==
          "norm pruned from holding by user: no gain");
}

TEST_CASE("a slot's steps only rise, seed after seed, each slot and environment by itself",
          "[T-2]") {
    const test::TemporaryFolder folder;
    TensorBoardSink sink(folder.path());
    const auto at = [&](const char* slot, std::int64_t epochs,
                        std::optional<std::int64_t> environment = std::nullopt) {
        sink.emit(telemetry::SeedFossilized{
            {.slot = slot, .environment = environment, .epochs_total = epochs}});
        return event_file::read(sink.path()).back().step;
    };
    CHECK(at("r0c0", 0) == 0);
    CHECK(at("r0c0", 5) == 5);
    CHECK(at("r0c0", 5) == 5);
    CHECK(at("r1c0", 2) == 2);
    CHECK(at("r0c0", 0) == 5);
    CHECK(at("r0c0", 3) == 8);
    CHECK(at("r0c0", 3, 1) == 3);
    CHECK(at("r0c0", 1) == 9);
    CHECK(at("r1c0", 4) == 4);
}

TEST_CASE("a reader notices any byte that changed, and any cut", "[T-2]") {
    const test::TemporaryFolder folder;
    TensorBoardSink sink(folder.path());
    sink.emit(telemetry::SeedFossilized{test::measured_seed()});
    const std::string whole = event_file::bytes_of(sink.path());
    REQUIRE(event_file::records(whole).size() == 2);
    const std::size_t first = event_file::records(whole)[0].size() + 16;
    for (std::size_t i = 0; i < whole.size(); ++i) {
        INFO(i);
        std::string changed = whole;
        changed[i] = static_cast<char>(changed[i] ^ 0x10);
        REQUIRE_THROWS_AS(event_file::records(changed), event_file::Broken);
        if (i == 0 || i == first) continue;
        REQUIRE_THROWS_AS(event_file::records(whole.substr(0, i)), event_file::Broken);
    }
}

TEST_CASE("two runs in one folder write to files of their own", "[T-2]") {
    const test::TemporaryFolder folder;
    TensorBoardSink one(folder.path());
    TensorBoardSink two(folder.path());
    TensorBoardSink three(folder.path());
    CHECK(std::set{one.path(), two.path(), three.path()}.size() == 3);
    two.emit(telemetry::SeedFossilized{});
    CHECK(event_file::read(one.path()).size() == 1);
    CHECK(event_file::read(two.path()).size() == 2);
}

TEST_CASE("a sink goes on in its file after a move", "[T-2]") {
    const test::TemporaryFolder folder;
    TensorBoardSink sink(folder.path());
    sink.emit(telemetry::SeedFossilized{{.slot = "r0c0", .epochs_total = 4}});
    TensorBoardSink moved(std::move(sink));
    moved.emit(telemetry::SeedFossilized{{.slot = "r0c0", .epochs_total = 1}});
    CHECK(event_file::read(moved.path()).back().step == 5);
}

TEST_CASE("a folder that cannot be made is an error that names it", "[T-2][E-2]") {
    const test::TemporaryFolder folder;
    std::ofstream(folder / "a file") << "in the way";
    const std::string text =
        test::error_text<DataError>([&] { const TensorBoardSink sink(folder / "a file"); });
    CHECK(test::mentions(text, "a file"));
    CHECK_THROWS_AS(TensorBoardSink(folder / "a file" / "below"), DataError);
}

TEST_CASE("a full disk is an error, and no broken record is left for what follows", "[T-2][T-3]") {
    const test::TemporaryFolder folder;
    TensorBoardSink sink(folder.path());
    sink.emit(telemetry::SeedFossilized{});
    const std::string before = event_file::bytes_of(sink.path());
    {
        const test::FullDisk full(before.size() + 10);
        CHECK_THROWS_AS(sink.emit(telemetry::SeedFossilized{}), DataError);
    }
    CHECK(event_file::bytes_of(sink.path()) == before);
    sink.emit(telemetry::SeedFossilized{});
    CHECK(event_file::read(sink.path()).size() == 3);
}

}  // namespace
}  // namespace kasmina::tensorboard_test
