// The CIFAR-10 loader: what it reads, and what it says of files that are not right.
#include <cstdlib>
#include <string>

#include "byte_files.hpp"
#include "cifar10.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::examples::cifar10_test {

using kasmina::tests::Bytes;
using kasmina::tests::TemporaryFolder;
using kasmina::tests::write_bytes;

namespace {

using test::mentions;

/// `count` records, labels in turn; pixel i of plane c is 60 c + i % 50 + label.
Bytes records(int count) {
    Bytes bytes;
    for (int r = 0; r < count; ++r) {
        bytes.push_back(static_cast<std::uint8_t>(r % 10));
        for (int c = 0; c < 3; ++c) {
            for (int i = 0; i < 1024; ++i) {
                bytes.push_back(static_cast<std::uint8_t>(60 * c + i % 50 + r % 10));
            }
        }
    }
    return bytes;
}

void write_data_set(const TemporaryFolder& folder) {
    for (int b = 1; b <= 5; ++b) {
        write_bytes(folder / ("data_batch_" + std::to_string(b) + ".bin"), records(20));
    }
    write_bytes(folder / "test_batch.bin", records(11));
}

std::string error_of_load(const TemporaryFolder& folder) {
    try {
        (void)cifar10::load(folder.path(), 1);
    } catch (const kasmina::DataError& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("CIFAR-10 records become channels-last images with their labels", "[examples]") {
    const TemporaryFolder folder;
    write_bytes(folder / "one.bin", records(3));
    kasmina::examples::RawImages images{32, 32, 3, 10, {}, {}};
    cifar10::append_file(folder / "one.bin", images);
    REQUIRE(images.labels == std::vector<std::int32_t>{0, 1, 2});
    REQUIRE(images.pixels.size() == 3 * 3072);
    // Image 2, row 1, column 5: position 37 of each plane.
    const std::size_t at = 2 * 3072 + 37 * 3;
    CHECK(images.pixels[at] == 37 + 2);
    CHECK(images.pixels[at + 1] == 60 + 37 + 2);
    CHECK(images.pixels[at + 2] == 120 + 37 + 2);
}

TEST_CASE("CIFAR-10 splits hold every training record once", "[examples]") {
    const TemporaryFolder folder;
    write_data_set(folder);
    const auto splits = cifar10::load(folder.path(), 1, 0.2);
    CHECK(splits.training.count() == 80);
    CHECK(splits.validation.count() == 20);
    CHECK(splits.open_test().count() == 11);
    CHECK(splits.training.pixels.size() == 80 * 3072);
}

TEST_CASE("the CIFAR-10 test file is checked with the others, and sealed", "[examples]") {
    const TemporaryFolder folder;
    write_data_set(folder);
    const auto splits = cifar10::load(folder.path(), 1);
    std::filesystem::remove(folder / "test_batch.bin");
    CHECK(splits.open_test().count() == 11);
    Bytes wrong = records(1);
    wrong[0] = 10;
    write_bytes(folder / "test_batch.bin", wrong);
    CHECK(mentions(error_of_load(folder), "test_batch.bin, record 0"));
}

TEST_CASE("wrong CIFAR-10 files are errors that name file and figure", "[examples][E-2]") {
    const TemporaryFolder folder;
    write_data_set(folder);
    const auto third = folder / "data_batch_3.bin";
    SECTION("a missing folder") {
        CHECK_THROWS_AS(cifar10::load(folder / "nowhere", 1), kasmina::DataError);
    }
    SECTION("a file in place of the folder") {
        CHECK_THROWS_AS(cifar10::load(third, 1), kasmina::DataError);
    }
    SECTION("a missing file") {
        std::filesystem::remove(third);
        CHECK(mentions(error_of_load(folder), "data_batch_3.bin: a data file is missing"));
    }
    SECTION("a missing test file") {
        std::filesystem::remove(folder / "test_batch.bin");
        CHECK(mentions(error_of_load(folder), "test_batch.bin: a data file is missing"));
    }
    SECTION("an empty file") {
        write_bytes(third, {});
        CHECK(mentions(error_of_load(folder), "data_batch_3.bin: a data file is empty"));
    }
    SECTION("a truncated file") {
        Bytes bytes = records(2);
        bytes.pop_back();
        write_bytes(third, bytes);
        const std::string error = error_of_load(folder);
        CHECK(mentions(error, "truncated"));
        CHECK(mentions(error, "expected a multiple of 3073 bytes; got 6145 bytes"));
    }
    SECTION("a truncated test file") {
        write_bytes(folder / "test_batch.bin", Bytes(3072, 0));
        CHECK(mentions(error_of_load(folder), "got 3072 bytes"));
    }
    SECTION("a label out of range") {
        Bytes bytes = records(2);
        bytes[3073] = 10;
        write_bytes(third, bytes);
        const std::string error = error_of_load(folder);
        CHECK(mentions(error, "data_batch_3.bin, record 1"));
        CHECK(mentions(error, "got 10"));
    }
}

TEST_CASE("the real CIFAR-10 sample loads where KASMINA_DATA points to it", "[examples]") {
    const char* data = std::getenv("KASMINA_DATA");
    if (data == nullptr) return;
    const auto splits = cifar10::load(std::filesystem::path(data) / "cifar10", 1);
    CHECK(splits.training.count() > 5 * splits.validation.count());
    CHECK(splits.open_test().count() > 0);
}

}  // namespace kasmina::examples::cifar10_test
