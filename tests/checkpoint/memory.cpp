// What a save and a load need beside the model: a few pieces of a tensor, and as a rule a load the
// model's tensors once more.
#include <cstddef>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/checkpoint/checkpoint.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/model.hpp>

#include "support/catch.hpp"
#include "support/counting_allocator.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::memory_test {
namespace {

using B = backends::Eigen<float>;
using Model = MorphogeneticModel<hosts::Cnn<B>, CnnBlueprints>;

/// About 14 MB of values.
Model make_model(B::Context& context, std::uint64_t seed) {
    Generator generator(seed);
    return Model(context,
                 hosts::Cnn<B>(context, {.classes = 10, .base = 192, .height = 8, .width = 8}), {},
                 generator);
}

TEST_CASE("a save needs a few pieces of a tensor, and a load the tensors once more", "[C-3][C-7]") {
    B::Context context;
    const test::TemporaryFolder folder;
    Model model = make_model(context, 1);
    const auto bytes = static_cast<std::size_t>(model.total_parameters()) * sizeof(float);
    REQUIRE(bytes > 3 * checkpoint::transfer_bytes);
    constexpr std::size_t records = std::size_t{1} << 20;

    std::size_t before = test::allocated_bytes();
    checkpoint::save(folder / "file", model);
    // Pieces come and go: no more than two of them are there at once, but all are counted.
    const std::size_t for_saving = test::allocated_bytes() - before;
    CHECK(for_saving < bytes + checkpoint::transfer_bytes + records);

    Model other = make_model(context, 2);
    before = test::allocated_bytes();
    checkpoint::load(folder / "file", other);
    const std::size_t for_loading = test::allocated_bytes() - before;
    CHECK(for_loading > bytes);
    // The pool's blocks are up to an eighth larger than what they hold.
    CHECK(for_loading < bytes + bytes / 8 + 2 * checkpoint::transfer_bytes + records);
    CHECK(other.host_parameters()[2].parameter->value().to_host(context) ==
          model.host_parameters()[2].parameter->value().to_host(context));
}

TEST_CASE("with little memory a load needs two pieces of a tensor", "[C-3][C-7]") {
    B::Context context;
    const test::TemporaryFolder folder;
    Model model = make_model(context, 1);
    const auto bytes = static_cast<std::size_t>(model.total_parameters()) * sizeof(float);
    constexpr std::size_t records = std::size_t{1} << 20;
    REQUIRE(bytes > 2 * checkpoint::transfer_bytes + 2 * records);
    checkpoint::save(folder / "file", model);

    Model other = make_model(context, 2);
    std::size_t before = test::forget_most_bytes();
    checkpoint::load(folder / "file", checkpoint::LittleMemory{folder.path()}, other);
    CHECK(test::most_bytes() - before < 2 * checkpoint::transfer_bytes + records);
    CHECK(other.host_parameters()[2].parameter->value().to_host(context) ==
          model.host_parameters()[2].parameter->value().to_host(context));

    before = test::forget_most_bytes();
    checkpoint::load(folder / "file", other);
    CHECK(test::most_bytes() - before > bytes);
}

}  // namespace
}  // namespace kasmina::memory_test
