// Data that is something else than it should be: each is told in one sentence before training.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "situations.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::tests::situations_test {
namespace {

/// A folder of data that is not what it should be, and what is said of it.
struct WrongData {
    const char* what;
    const char* option;
    std::function<void(const files::path&)> prepare;
    std::vector<std::string> told;
};

const std::vector<WrongData> wrong_data{
    {"a page of HTML in place of a batch",
     "--data",
     [](const auto& folder) {
         write_text(folder / "data_batch_2.bin", "\n<!DOCTYPE html><html><body>Sign in</body>");
     },
     {"data_batch_2.bin", "HTML"}},
    {"a pointer of Git LFS in place of the test batch",
     "--data",
     [](const auto& folder) {
         write_text(folder / "test_batch.bin",
                    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 30730000\n");
     },
     {"test_batch.bin", "Git LFS", "git lfs pull"}},
    {"an answer of a server in place of a batch",
     "--data",
     [](const auto& folder) { write_text(folder / "data_batch_1.bin", "404: Not Found\n"); },
     {"a text that begins with \"404: Not Found\""}},
    {"a zip archive in place of a batch",
     "--data",
     [](const auto& folder) {
         write_text(folder / "data_batch_1.bin", std::string("PK\x03\x04\x14\x00", 6));
     },
     {"a zip archive"}},
    {"a tar archive in place of a batch",
     "--data",
     [](const auto& folder) {
         std::string archive = "cifar-10-batches-bin/";
         archive.resize(257, '\0');
         write_text(folder / "data_batch_1.bin", archive + "ustar  " + std::string(248, '\0'));
     },
     {"a tar archive"}},
    {"a pickle of Python under the name of a batch",
     "--data",
     [](const auto& folder) { write_text(folder / "data_batch_4.bin", "\x80\x02}q\x01(U\x0b"); },
     {"data_batch_4.bin", "a pickle", "binary version"}},
    {"the folder of CIFAR-100",
     "--data",
     [](const auto& folder) {
         for (const auto& entry : files::directory_iterator(folder)) files::remove(entry.path());
         write_bytes(folder / "train.bin", Bytes(3074, 0));
         write_bytes(folder / "test.bin", Bytes(3074, 0));
     },
     {"the folder is of CIFAR-100"}},
    {"a file of CIFAR-100 under the name of a batch",
     "--data",
     [](const auto& folder) { write_bytes(folder / "data_batch_1.bin", Bytes(20 * 3074, 0)); },
     {"a file is of CIFAR-100", "3073", "3074"}},
    {"the folder of the Python version",
     "--data",
     [](const auto& folder) {
         files::rename(folder / "data_batch_1.bin", folder / "data_batch_1");
     },
     {"Python version"}},
    {"an archive that nobody unpacked",
     "--data",
     [](const auto& folder) {
         files::rename(folder / "data_batch_1.bin", folder / "cifar-10-binary.tar.gz");
     },
     {"not unpacked", "cifar-10-binary.tar.gz"}},
    {"the folder above the data",
     "--data",
     [](const auto& folder) {
         files::create_directory(folder / "cifar-10-batches-bin");
         files::rename(folder / "data_batch_1.bin",
                       folder / "cifar-10-batches-bin" / "data_batch_1.bin");
     },
     {"one folder further down", "cifar-10-batches-bin"}},
    {"digits in place of CIFAR-10",
     "--data",
     [](const auto& folder) {
         files::remove(folder / "data_batch_1.bin");
         write_digits(folder);
     },
     {"the folder is of MNIST", "--mnist"}},
    {"a missing batch",
     "--data",
     [](const auto& folder) { files::remove(folder / "data_batch_5.bin"); },
     {"data_batch_5.bin", "nothing there"}},
    {"a folder in place of the test batch",
     "--data",
     [](const auto& folder) {
         files::remove(folder / "test_batch.bin");
         files::create_directory(folder / "test_batch.bin");
     },
     {"test_batch.bin", "got a folder"}},
    {"an empty test batch",
     "--data",
     [](const auto& folder) { write_text(folder / "test_batch.bin", ""); },
     {"test_batch.bin", "empty"}},
    {"a label out of range in the test batch",
     "--data",
     [](const auto& folder) {
         Bytes records = cifar_records(20);
         records[19 * 3073] = 77;
         write_bytes(folder / "test_batch.bin", records);
     },
     {"test_batch.bin, record 19", "got 77"}},
    {"CIFAR-10 in place of digits",
     "--mnist",
     [](const auto& folder) {
         files::remove(folder / "t10k-images-idx3-ubyte");
         write_cifar(folder);
     },
     {"the folder is of CIFAR-10", "--data"}},
    {"the folder above the digits",
     "--mnist",
     [](const auto& folder) {
         files::create_directories(folder / "MNIST/raw");
         files::rename(folder / "t10k-images-idx3-ubyte",
                       folder / "MNIST/raw/t10k-images-idx3-ubyte");
     },
     {"further down", "MNIST/raw"}},
    {"arrays of NumPy in place of IDX files",
     "--mnist",
     [](const auto& folder) {
         files::rename(folder / "t10k-images-idx3-ubyte", folder / "mnist.npz");
     },
     {"arrays of NumPy", "mnist.npz"}},
    {"a little-endian IDX file",
     "--mnist",
     [](const auto& folder) {
         write_bytes(folder / "t10k-images-idx3-ubyte",
                     idx({0x03080000, 40U << 24U, 8U << 24U, 8U << 24U}, Bytes(40 * 64, 9)));
     },
     {"t10k-images-idx3-ubyte", "little-endian"}},
    {"an IDX file of floats",
     "--mnist",
     [](const auto& folder) {
         write_bytes(folder / "t10k-images-idx3-ubyte",
                     idx({0x00000D03, 40, 8, 8}, Bytes(40 * 64 * 4, 0)));
     },
     {"does not hold bytes", "floats of 32 bits"}},
    {"images with an axis of channels (NCHW)",
     "--mnist",
     [](const auto& folder) {
         write_bytes(folder / "t10k-images-idx3-ubyte",
                     idx({0x00000804, 40, 1, 8, 8}, Bytes(40 * 64, 9)));
     },
     {"an axis too many", "40 x 1 x 8 x 8", "NCHW"}},
    {"labels as rows of zeros and ones",
     "--mnist",
     [](const auto& folder) {
         write_bytes(folder / "t10k-labels-idx1-ubyte", idx({0x00000802, 40, 10}, Bytes(400, 0)));
     },
     {"t10k-labels-idx1-ubyte", "40 x 10", "numbers from 0 to 9"}},
    {"test images as large as the training images and of another shape",
     "--mnist",
     [](const auto& folder) {
         write_bytes(folder / "train-images-idx3-ubyte", digits(40, 8, 8));
         write_bytes(folder / "train-labels-idx1-ubyte", digit_labels(40));
         write_bytes(folder / "t10k-images-idx3-ubyte", digits(40, 4, 16));
     },
     {"t10k-images-idx3-ubyte", "of another size", "8 x 8 x 1", "4 x 16 x 1"}},
    {"too few test labels",
     "--mnist",
     [](const auto& folder) {
         write_bytes(folder / "train-images-idx3-ubyte", digits(40, 8, 8));
         write_bytes(folder / "train-labels-idx1-ubyte", digit_labels(40));
         write_bytes(folder / "t10k-labels-idx1-ubyte", digit_labels(39));
     },
     {"t10k-labels-idx1-ubyte", "40 labels", "got 39"}},
    {"test images whose gzip was cut short",
     "--mnist",
     [](const auto& folder) {
         write_bytes(folder / "train-images-idx3-ubyte", digits(40, 8, 8));
         write_bytes(folder / "train-labels-idx1-ubyte", digit_labels(40));
         files::remove(folder / "t10k-images-idx3-ubyte");
         const files::path packed = folder / "t10k-images-idx3-ubyte.gz";
         write_gzip(packed, digits(40, 8, 8));
         files::resize_file(packed, files::file_size(packed) - 9);
     },
     {"t10k-images-idx3-ubyte.gz", "truncated or damaged"}},
    {"images too small for the network",
     "--mnist",
     [](const auto& folder) { write_bytes(folder / "t10k-images-idx3-ubyte", digits(40, 4, 4)); },
     {"height", "4"}},
    {"too few images to hold any back",
     "--mnist",
     [](const auto& folder) { write_digits(folder, 2); },
     {"too few images", "larger data set"}},
};

TEST_CASE("data that is something else is told in one sentence, and nothing of the user's changes",
          "[examples][E-2]") {
    for (const WrongData& wrong : wrong_data) {
        CAPTURE(wrong.what);
        const TemporaryFolder folder;
        const files::path data = folder / "data";
        files::create_directory(data);
        if (wrong.option == std::string("--data")) {
            write_cifar(data);
        } else {
            write_digits(data);
        }
        wrong.prepare(data);
        std::vector<std::string> arguments{wrong.option, data.string(), "--epochs", "1"};
        for (const char* output : {"summary", "report", "telemetry"}) {
            write_text(folder / output, "of another run");
            write_text(folder / (std::string(output) + ".tmp"), "the user's");
            write_text(folder / (std::string(output) + ".probe"), "the user's");
            arguments.push_back("--" + std::string(output));
            arguments.push_back((folder / output).string());
        }
        const auto before = contents_of(folder.path());
        check_one_clear_error(run(arguments), wrong.told);
        CHECK(contents_of(folder.path()) == before);
    }
}

}  // namespace
}  // namespace kasmina::tests::situations_test
