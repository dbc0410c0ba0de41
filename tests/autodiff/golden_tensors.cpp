// What is built from tensors against PyTorch: rearranging, products, softmax, activations, losses.
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/concatenate.hpp>
#include <kasmina/autodiff/ops/expand.hpp>
#include <kasmina/autodiff/ops/group_norm.hpp>
#include <kasmina/autodiff/ops/losses.hpp>
#include <kasmina/autodiff/ops/matmul.hpp>
#include <kasmina/autodiff/ops/permute.hpp>
#include <kasmina/autodiff/ops/reduce_axes.hpp>
#include <kasmina/autodiff/ops/slice.hpp>
#include <kasmina/autodiff/ops/softmax.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/golden_module.hpp"

namespace kasmina {
namespace {

/// The operation a case is of, applied to its leaves "input" and what it has of "weight", "bias",
/// "b", "target".
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
        CAPTURE(test::relative_error(y.to_host(), golden_.at("output")));
        CHECK(test::agrees(y.to_host(), golden_.at("output")));
        if (golden_.contains("grad_output")) {
            CHECK(y.shape() == test::shape_of(golden_.at("output")));
            tape_.backward(y, golden_.at("grad_output").template as<Scalar>());
        } else {
            tape_.backward(y);
        }
        for (const auto& [name, leaf] : leaves_) {
            INFO(name);
            const auto& recorded = golden_.at(name == "input" ? "grad_input" : "grad." + name);
            CAPTURE(test::relative_error(tape_.gradient(leaf), recorded));
            CHECK(test::agrees(tape_.gradient(leaf), recorded));
        }
    }

private:
    using X = Variable<B>;

    [[nodiscard]] const X& leaf(const char* name) const { return leaves_.at(name); }

    [[nodiscard]] X apply() {
        const std::map<std::string, std::function<X(const X&)>> operations{
            {"gelu", [](const X& x) { return ops::gelu(x); }},
            {"gelu_tanh", [](const X& x) { return ops::gelu_tanh(x); }},
            {"silu", [](const X& x) { return ops::silu(x); }},
            {"leaky_relu",
             [&](const X& x) { return ops::leaky_relu(x, golden_.number("negative_slope")); }},
            {"elu", [&](const X& x) { return ops::elu(x, golden_.number("alpha")); }},
            {"softplus", [&](const X& x) { return ops::softplus(x, golden_.number("beta")); }},
            {"softmax", [&](const X& x) { return ops::softmax(x, golden_.count("axis")); }},
            {"log_softmax", [&](const X& x) { return ops::log_softmax(x, golden_.count("axis")); }},
            {"layer_norm",
             [&](const X& x) { return ops::layer_norm(x, leaf("weight"), leaf("bias")); }},
            {"matmul",
             [&](const X& x) {
                 return ops::matmul(x, leaf("b"),
                                    {.transpose_a = golden_.count("transpose_a") == 1,
                                     .transpose_b = golden_.count("transpose_b") == 1});
             }},
            {"slice", [](const X& x) { return ops::slice(x, 1, 1, 4); }},
            {"permute",
             [](const X& x) {
                 return ops::permute(x, {2, 0, 1});
             }},
            {"transpose", [](const X& x) { return ops::transpose(x, -1, 0); }},
            {"sum",
             [](const X& x) {
                 return ops::sum(x, {0, 2});
             }},
            {"sum_keep", [](const X& x) { return ops::sum(x, 1, true); }},
            {"mean",
             [](const X& x) {
                 return ops::mean(x, {0, 1});
             }},
            {"expand",
             [](const X& x) {
                 return ops::expand(x, {3, 5, 7});
             }},
            {"concatenate",
             [&](const X& x) {
                 return ops::concatenate({x, leaf("b"), x}, 1);
             }},
            {"mean_squared_error",
             [&](const X& x) { return ops::mean_squared_error(x, leaf("target")); }},
            {"l1_loss", [&](const X& x) { return ops::l1_loss(x, leaf("target")); }},
            {"huber_loss",
             [&](const X& x) {
                 return ops::huber_loss(x, leaf("target"), golden_.number("delta"));
             }},
            {"binary_cross_entropy_with_logits",
             [&](const X& x) {
                 return ops::binary_cross_entropy_with_logits(
                     x, leaf("target"), {.positive_weight = golden_.number("positive_weight")});
             }},
            {"kl_divergence",
             [&](const X& x) {
                 return ops::kl_divergence(x, leaf("target"),
                                           {.log_target = golden_.count("log_target") == 1});
             }},
        };
        return operations.at(golden_.option("op"))(leaf("input"));
    }

    const test::GoldenCase& golden_;
    typename B::Context context_{};
    Tape<B> tape_;
    std::map<std::string, X> leaves_;
};

TEMPLATE_TEST_CASE("operations on tensors and losses agree with PyTorch, forward and backward",
                   "[N-2][N-3]", test::Eigen32, test::Eigen64) {
    std::size_t cases = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(KASMINA_GOLDEN_DIR) + "/tensor")) {
        const std::string name = "tensor/" + entry.path().stem().string();
        INFO(name);
        const test::GoldenCase golden = test::read_golden(name);
        Case<TestType>(golden).check();
        ++cases;
    }
    CHECK(cases == 41);
}

}  // namespace
}  // namespace kasmina
