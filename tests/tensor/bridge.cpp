// The bridge: tensors to xtensor and to NumPy files and back, and files that are not well.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <kasmina/backends/xtensor/bridge.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::bridge_test {
namespace {

/// A file that goes when the test does.
class TemporaryFile {
public:
    explicit TemporaryFile(const std::string& name)
        : path_(std::filesystem::temp_directory_path() / ("kasmina_test_bridge_" + name)) {}
    ~TemporaryFile() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

    [[nodiscard]] std::string read() const {
        std::ifstream file(path_, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    void write(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }

private:
    std::filesystem::path path_;
};

}  // namespace

TEMPLATE_TEST_CASE("a tensor survives the way to xtensor and back", "[B-7]", test::Eigen32,
                   test::Oracle) {
    using Scalar = typename TestType::Scalar;
    typename TestType::Context context{};
    const auto tensor =
        Tensor<TestType>::from_host(context, Shape{2, 3}, std::vector<Scalar>{1, 2, 3, 4, 5, 6});
    const xt::xarray<Scalar> array = to_xarray(context, tensor);
    CHECK(array.dimension() == 2);
    CHECK(array(1, 0) == Scalar{4});
    const auto doubled = from_xarray<TestType>(context, 2 * xt::transpose(array));
    CHECK(doubled.shape() == Shape{3, 2});
    CHECK(doubled.to_host(context) == std::vector<Scalar>{2, 8, 4, 10, 6, 12});
}

TEST_CASE("an expression of another type is converted", "[B-7]") {
    test::Eigen32::Context context;
    const xt::xarray<int> array{{1, 2}, {3, 4}};
    CHECK(from_xarray<test::Eigen32>(context, array).to_host(context) ==
          std::vector<float>{1, 2, 3, 4});
    CHECK(from_xarray<test::Eigen32, std::int32_t>(context, array).to_host(context) ==
          std::vector<std::int32_t>{1, 2, 3, 4});
    const xt::xarray<int> too_deep = xt::zeros<int>({1, 1, 1, 1, 1, 1, 1});
    CHECK_THROWS_AS(from_xarray<test::Eigen32>(context, too_deep), ShapeError);
}

TEMPLATE_TEST_CASE("a tensor survives the way to a NumPy file and back", "[B-7]", test::Eigen32,
                   test::Oracle) {
    using Scalar = typename TestType::Scalar;
    typename TestType::Context context{};
    const TemporaryFile file("round_trip.npy");
    for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 3, 1, 4}}) {
        std::vector<Scalar> values(static_cast<std::size_t>(shape.elements()));
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<Scalar>(i) / 3;
        save_npy(context, file.path(), Tensor<TestType>::from_host(context, shape, values));
        const auto loaded = load_npy<TestType>(context, file.path());
        CHECK(loaded.shape() == shape);
        CHECK(loaded.to_host(context) == values);
    }
}

TEMPLATE_TEST_CASE("integers survive the way to a NumPy file and back", "[B-7]", test::Eigen32,
                   test::Device64) {
    typename TestType::Context context{};
    const TemporaryFile file("integers.npy");
    const std::vector<std::int32_t> values{-3, 0, 2147483647, 7};
    save_npy(context, file.path(),
             Tensor<TestType, std::int32_t>::from_host(context, Shape{2, 2}, values));
    const auto loaded = load_npy<TestType, std::int32_t>(context, file.path());
    CHECK(loaded.shape() == Shape{2, 2});
    CHECK(loaded.to_host(context) == values);
    CHECK_THROWS_AS(load_npy<TestType>(context, file.path()), DataError);
}

TEST_CASE("a NumPy file in Fortran order is read by its indices", "[B-7]") {
    test::Oracle::Context context;
    const TemporaryFile file("fortran.npy");
    xt::xarray<double, xt::layout_type::column_major> array({{1, 2, 3}, {4, 5, 6}});
    xt::dump_npy(file.path().string(), array);
    const auto loaded = load_npy<test::Oracle>(context, file.path());
    CHECK(loaded.shape() == Shape{2, 3});
    CHECK(loaded.to_host(context) == std::vector<double>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("a NumPy file that is missing, cut, of another kind or type is one clear error",
          "[E-2]") {
    test::Oracle::Context context;
    test::Eigen32::Context other;
    const TemporaryFile file("broken.npy");
    CHECK_THROWS_AS(load_npy<test::Oracle>(context, file.path()), DataError);
    CHECK_THROWS_WITH(load_npy<test::Oracle>(context, file.path()),
                      Catch::Contains("kasmina_test_bridge_broken.npy"));

    save_npy(context, file.path(), Tensor<test::Oracle>::full(context, Shape{4, 4}, 1.5));
    const std::string whole = file.read();
    CHECK_NOTHROW(load_npy<test::Oracle>(context, file.path()));
    CHECK_THROWS_WITH(load_npy<test::Eigen32>(other, file.path()), Catch::Contains("float32"));

    file.write(whole.substr(0, whole.size() - 1));
    CHECK_THROWS_WITH(load_npy<test::Oracle>(context, file.path()), Catch::Contains("ends before"));
    for (const std::size_t length : {std::size_t{0}, std::size_t{7}, std::size_t{9}}) {
        file.write(whole.substr(0, length));
        CHECK_THROWS_AS(load_npy<test::Oracle>(context, file.path()), DataError);
    }
    file.write("PK" + whole.substr(2));
    CHECK_THROWS_AS(load_npy<test::Oracle>(context, file.path()), DataError);

    const TemporaryFile nowhere("no_such_folder/x.npy");
    CHECK_THROWS_AS(
        save_npy(context, nowhere.path(), Tensor<test::Oracle>::full(context, Shape{1}, 0)),
        DataError);
}

}  // namespace kasmina::bridge_test
