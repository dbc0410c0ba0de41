// Convolutions and pools with options against PyTorch's numbers, forward and all gradients.
#include "support/golden.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <kasmina/autodiff/ops/average_pool.hpp>
#include <kasmina/autodiff/ops/conv1d.hpp>
#include <kasmina/autodiff/ops/conv2d.hpp>
#include <kasmina/autodiff/ops/conv_transpose2d.hpp>
#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/autodiff/ops/upsample_nearest.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/golden_module.hpp"

namespace kasmina {
namespace {

/// One case: its operation, applied to leaves "input", "weight" and perhaps "bias".
template <class B>
class Case {
public:
    using Scalar = typename B::Scalar;

    explicit Case(const test::GoldenCase& golden) : golden_(golden), tape_(context_) {
        for (const auto& [name, recorded] : golden.tensors()) {
            const bool parameter = name.starts_with("param.");
            if (name != "input" && !parameter) continue;
            leaves_.emplace(parameter ? name.substr(6) : name,
                            tape_.leaf(test::shape_of(recorded), recorded.template as<Scalar>()));
        }
    }

    void check() {
        const Variable<B> y = apply();
        CHECK(y.shape() == test::shape_of(golden_.at("grad_output")));
        CHECK(test::agrees(y.to_host(), golden_.at("output")));
        tape_.backward(y, golden_.at("grad_output").as<Scalar>());
        for (const auto& [name, leaf] : leaves_) {
            INFO(name);
            const auto& recorded = golden_.at(name == "input" ? "grad_input" : "grad." + name);
            CHECK(test::agrees(tape_.gradient(leaf), recorded));
        }
    }

private:
    Variable<B> apply() {
        const std::string& op = golden_.option("op");
        const Variable<B>& input = leaves_.at("input");
        if (op == "conv2d") {
            return ops::conv2d(
                input, leaves_.at("weight"),
                {.stride = pair("stride"),
                 .padding = same() ? ops::Padding::same()
                                   : ops::Padding(pair("padding").height, pair("padding").width),
                 .dilation = pair("dilation"),
                 .groups = golden_.count("groups")},
                bias());
        }
        if (op == "conv1d") {
            return ops::conv1d(input, leaves_.at("weight"),
                               {.stride = golden_.count("stride"),
                                .padding = same() ? ops::Padding1d::same()
                                                  : ops::Padding1d(golden_.count("padding")),
                                .dilation = golden_.count("dilation"),
                                .groups = golden_.count("groups")},
                               bias());
        }
        if (op == "conv_transpose2d") {
            return ops::conv_transpose2d(input, leaves_.at("weight"),
                                         {.stride = pair("stride"),
                                          .padding = pair("padding"),
                                          .output_padding = pair("output_padding"),
                                          .dilation = pair("dilation"),
                                          .groups = golden_.count("groups")},
                                         bias());
        }
        if (op == "max_positions") return ops::max_positions(input);
        if (op == "upsample_nearest") return ops::upsample_nearest(input, pair("factor"));
        const ops::HeightWidth stride = pair("stride");
        if (op == "max_pool") {
            return ops::max_pool(input, {.window = pair("window"),
                                         .stride = {stride.height, stride.width},
                                         .padding = pair("padding")});
        }
        if (op == "average_pool" || op == "average_pool_of_map") {
            return ops::average_pool(input, {.window = pair("window"),
                                             .stride = {stride.height, stride.width},
                                             .padding = pair("padding"),
                                             .count_padding = op == "average_pool"});
        }
        throw test::GoldenError(golden_.file(), "unknown operation " + op);
    }

    [[nodiscard]] ops::HeightWidth pair(const std::string& name) const {
        return {golden_.count(name + "_height"), golden_.count(name + "_width")};
    }
    [[nodiscard]] bool same() const { return golden_.count("same") == 1; }
    [[nodiscard]] std::optional<Variable<B>> bias() const {
        const auto at = leaves_.find("bias");
        if (at == leaves_.end()) return std::nullopt;
        return at->second;
    }

    const test::GoldenCase& golden_;
    typename B::Context context_{};
    Tape<B> tape_;
    std::map<std::string, Variable<B>> leaves_;
};

TEMPLATE_TEST_CASE("convolutions and pools with options agree with PyTorch, forward and backward",
                   "[B-7][N-1]", test::Eigen32, test::Eigen64, test::Oracle) {
    std::size_t cases = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(KASMINA_GOLDEN_DIR) + "/conv")) {
        const std::string name = "conv/" + entry.path().stem().string();
        INFO(name);
        const test::GoldenCase golden = test::read_golden(name);
        Case<TestType>(golden).check();
        ++cases;
    }
    CHECK(cases == 28);
}

}  // namespace
}  // namespace kasmina
