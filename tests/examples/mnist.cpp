// The MNIST loader: plain and gzip, whole and halved, and files that are not right.
#include <cstdlib>
#include <string>

#include "byte_files.hpp"
#include "mnist.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::examples::mnist_test {

namespace mnist = kasmina::examples::mnist;
using kasmina::tests::Bytes;
using kasmina::tests::TemporaryFolder;
using kasmina::tests::write_bytes;
using kasmina::tests::write_gzip;

namespace {

using test::mentions;

void append_word(Bytes& bytes, std::uint32_t word) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        bytes.push_back(static_cast<std::uint8_t>(word >> shift));
    }
}

Bytes images(std::uint32_t count) {
    Bytes bytes;
    for (const std::uint32_t word : {2051U, count, 4U, 5U}) append_word(bytes, word);
    for (std::uint32_t i = 0; i < count * 20; ++i) {
        bytes.push_back(static_cast<std::uint8_t>(i / 20));
    }
    return bytes;
}

Bytes labels(std::uint32_t count) {
    Bytes bytes;
    for (const std::uint32_t word : {2049U, count}) append_word(bytes, word);
    for (std::uint32_t i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(i % 10));
    return bytes;
}

std::string error_of_load(const TemporaryFolder& folder) {
    try {
        (void)mnist::load(folder.path(), 1, 0.2);
    } catch (const kasmina::DataError& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("with the t10k files alone four fifths train and the rest tests", "[examples]") {
    const TemporaryFolder folder;
    write_gzip(folder / "t10k-images-idx3-ubyte.gz", images(100));
    write_gzip(folder / "t10k-labels-idx1-ubyte.gz", labels(100));
    const auto splits = mnist::load(folder.path(), 1, 0.25);
    CHECK(splits.training.count() + splits.validation.count() == 80);
    CHECK(splits.training.height == 4);
    CHECK(splits.training.width == 5);
    CHECK(splits.training.channels == 1);
    const auto test = splits.open_test();
    REQUIRE(test.count() == 20);
    CHECK(test.labels[3] == 3);
    // Pixels are the image's number here, so the test part starts above all of training.
    for (const float pixel : splits.training.pixels) REQUIRE(pixel < test.pixels.front());
}

TEST_CASE("plain and gzip MNIST files read the same", "[examples]") {
    const TemporaryFolder folder;
    write_bytes(folder / "plain-images", images(7));
    write_bytes(folder / "plain-labels", labels(7));
    write_gzip(folder / "packed-images", images(7));
    write_gzip(folder / "packed-labels", labels(7));
    const auto plain = mnist::read_pair(folder / "plain-images", folder / "plain-labels");
    const auto packed = mnist::read_pair(folder / "packed-images", folder / "packed-labels");
    CHECK(plain.pixels == packed.pixels);
    CHECK(plain.labels == packed.labels);
    CHECK(plain.pixels[20 * 6] == 6);
}

TEST_CASE("with both pairs of files the t10k files are the test", "[examples]") {
    const TemporaryFolder folder;
    write_bytes(folder / "train-images-idx3-ubyte", images(100));
    write_bytes(folder / "train-labels-idx1-ubyte", labels(100));
    write_gzip(folder / "t10k-images-idx3-ubyte.gz", images(30));
    write_gzip(folder / "t10k-labels-idx1-ubyte.gz", labels(30));
    const auto splits = mnist::load(folder.path(), 1, 0.2);
    CHECK(splits.training.count() == 80);
    CHECK(splits.validation.count() == 20);
    CHECK(splits.open_test().count() == 30);
    CHECK_FALSE(splits.augmentation.flip);
}

TEST_CASE("wrong MNIST files are errors that name file and figure", "[examples][E-2]") {
    const TemporaryFolder folder;
    const auto image_file = folder / "t10k-images-idx3-ubyte";
    const auto label_file = folder / "t10k-labels-idx1-ubyte";
    write_bytes(image_file, images(100));
    write_bytes(label_file, labels(100));
    REQUIRE(error_of_load(folder) == "no error");
    SECTION("a missing file") {
        std::filesystem::remove(label_file);
        CHECK(mentions(error_of_load(folder), "t10k-labels-idx1-ubyte: a data file is missing"));
    }
    SECTION("half of the training pair") {
        write_bytes(folder / "train-images-idx3-ubyte", images(100));
        CHECK(mentions(error_of_load(folder), "train-labels-idx1-ubyte: a data file is missing"));
    }
    SECTION("exchanged files") {
        write_bytes(image_file, labels(100));
        CHECK(mentions(error_of_load(folder), "wrong magic number; expected 2051; got 2049"));
    }
    SECTION("a header cut short") {
        write_bytes(image_file, Bytes(15, 0));
        CHECK(mentions(error_of_load(folder), "a header of 16 bytes; got 15 bytes"));
    }
    SECTION("a header of four bytes and no more") {
        write_bytes(image_file, {0, 0, 8, 3});
        CHECK(mentions(error_of_load(folder), "a header of 16 bytes; got 4 bytes"));
    }
    SECTION("pixels cut short") {
        Bytes bytes = images(100);
        bytes.pop_back();
        write_bytes(image_file, bytes);
        CHECK(mentions(error_of_load(folder), "100 x 4 x 5 bytes after the header; got 1999"));
    }
    SECTION("extents whose product overflows") {
        Bytes bytes;
        append_word(bytes, 2051);
        for (int axis = 0; axis < 3; ++axis) append_word(bytes, 0xFFFFFFFFU);
        write_bytes(image_file, bytes);
        CHECK(mentions(error_of_load(folder), "contradicts its header"));
    }
    SECTION("an extent of zero") {
        Bytes bytes;
        for (const std::uint32_t word : {2049U, 0U}) append_word(bytes, word);
        write_bytes(label_file, bytes);
        CHECK(mentions(error_of_load(folder), "contradicts its header"));
    }
    SECTION("fewer labels than images") {
        write_bytes(label_file, labels(99));
        CHECK(mentions(error_of_load(folder), "expected 100 labels; got 99"));
    }
    SECTION("a label out of range") {
        Bytes bytes = labels(100);
        bytes[8 + 42] = 11;
        write_bytes(label_file, bytes);
        const std::string error = error_of_load(folder);
        CHECK(mentions(error, "t10k-labels-idx1-ubyte, record 42"));
        CHECK(mentions(error, "got 11"));
    }
    SECTION("a truncated gzip") {
        std::filesystem::remove(image_file);
        write_gzip(folder / "t10k-images-idx3-ubyte.gz", images(100));
        Bytes packed = kasmina::tests::read_bytes(folder / "t10k-images-idx3-ubyte.gz");
        packed.resize(packed.size() - 12);
        write_bytes(folder / "t10k-images-idx3-ubyte.gz", packed);
        CHECK(mentions(error_of_load(folder), "truncated or damaged"));
    }
    SECTION("a gzip with a flipped bit") {
        std::filesystem::remove(image_file);
        write_gzip(folder / "t10k-images-idx3-ubyte.gz", images(100));
        Bytes packed = kasmina::tests::read_bytes(folder / "t10k-images-idx3-ubyte.gz");
        packed[packed.size() - 6] ^= 1U;
        write_bytes(folder / "t10k-images-idx3-ubyte.gz", packed);
        CHECK(mentions(error_of_load(folder), "truncated or damaged"));
    }
}

TEST_CASE("MNIST files are found by the names that copies of it have", "[examples]") {
    const TemporaryFolder folder;
    write_bytes(folder / "t10k-images.idx3-ubyte", images(100));
    write_gzip(folder / "t10k-labels.idx1-ubyte.gz", labels(100));
    CHECK(mnist::load(folder.path(), 1, 0.25).sealed_test.count() == 20);
}

TEST_CASE("the real MNIST sample loads where KASMINA_DATA points to it", "[examples]") {
    const char* data = std::getenv("KASMINA_DATA");
    if (data == nullptr) return;
    const auto splits = mnist::load(std::filesystem::path(data) / "mnist", 1);
    CHECK(splits.training.count() + splits.validation.count() == 8000);
    CHECK(splits.open_test().count() == 2000);
}

}  // namespace kasmina::examples::mnist_test
