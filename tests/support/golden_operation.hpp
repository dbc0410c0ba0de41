// Golden operations: applies one operation to a recorded case's leaves and compares both ways.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/autodiff/tape.hpp>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/golden_module.hpp"

namespace kasmina::test {

/// One recorded case of an operation, on a tape of its own. Its leaves are "input" and what the
/// case holds of "param.", by the name that follows.
template <class B>
class GoldenOperation {
public:
    using Scalar = typename B::Scalar;

    explicit GoldenOperation(const GoldenCase& golden) : golden_(golden), tape_(context_) {
        for (const auto& entry : golden.tensors()) {
            const std::string& name = entry.first;
            const GoldenTensor& recorded = entry.second;
            const bool parameter = name.starts_with("param.");
            if (name != "input" && !parameter) continue;
            leaves_.emplace(parameter ? name.substr(6) : name,
                            tape_.leaf(shape_of(recorded), recorded.as<Scalar>()));
        }
    }

    [[nodiscard]] const GoldenCase& golden() const { return golden_; }
    [[nodiscard]] typename B::Context& context() { return context_; }
    [[nodiscard]] Tape<B>& tape() { return tape_; }
    [[nodiscard]] bool contains(const std::string& name) const { return leaves_.contains(name); }
    [[nodiscard]] const Variable<B>& leaf(const std::string& name) const {
        return leaves_.at(name);
    }

    /// Holds what the operation reads again on the way back, until the tape is gone.
    template <class T>
    T& keep(T value) {
        const auto kept = std::make_shared<T>(std::move(value));
        kept_.push_back(kept);
        return *kept;
    }

    /// Compares what `apply`, called with this, gives, and the gradients of all leaves. A case
    /// without "grad_output" is a loss.
    template <class Apply>
    void check(const Apply& apply) {
        const Variable<B> y = apply(*this);
        const GoldenTensor& output = golden_.at("output");
        CAPTURE(relative_error(y.to_host(), output));
        CHECK(agrees(y.to_host(), output));
        if (golden_.contains("grad_output")) {
            const GoldenTensor& upstream = golden_.at("grad_output");
            CHECK(y.shape() == shape_of(upstream));
            tape_.backward(y, upstream.as<Scalar>());
        } else {
            tape_.backward(y);
        }
        for (const auto& [name, leaf] : leaves_) {
            INFO(name);
            const GoldenTensor& recorded =
                golden_.at(name == "input" ? "grad_input" : "grad." + name);
            const auto gradient = tape_.gradient(leaf);
            CAPTURE(relative_error(gradient, recorded));
            CHECK(agrees(gradient, recorded));
        }
    }

private:
    const GoldenCase& golden_;
    typename B::Context context_{};
    std::vector<std::shared_ptr<void>> kept_;
    Tape<B> tape_;
    std::map<std::string, Variable<B>> leaves_;
};

/// Checks every case of a folder, as "conv/", by what `apply` - a callable on a GoldenOperation -
/// gives; `cases` is how many the folder holds.
template <class B, class Apply>
void check_golden_operations(const std::string& folder, std::size_t cases, const Apply& apply) {
    const std::vector<std::string> names = golden_cases(folder);
    CHECK(names.size() == cases);
    for (const std::string& name : names) {
        INFO(name);
        const GoldenCase golden = read_golden(name);
        GoldenOperation<B>(golden).check(apply);
    }
}

}  // namespace kasmina::test
