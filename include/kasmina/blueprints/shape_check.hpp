// Shape check: a seed's module returns what it is fed, found out without leaving a trace (B-4).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/autodiff/tape.hpp>
#include <kasmina/blueprints/topology.hpp>
#include <kasmina/error.hpp>
#include <kasmina/nn/parameters.hpp>

namespace kasmina {
namespace detail {

/// Puts a module's buffers back as they were, also when a probe throws.
template <class B, class Module>
class BuffersRestored {
public:
    explicit BuffersRestored(Module& module) {
        for (const auto& named : nn::buffers<B>(module)) {
            saved_.push_back({named.buffer, named.buffer->to_host()});
        }
    }
    BuffersRestored(const BuffersRestored&) = delete;
    BuffersRestored& operator=(const BuffersRestored&) = delete;
    ~BuffersRestored() {
        for (const auto& [buffer, values] : saved_) buffer->assign(values);
    }

private:
    struct Saved {
        Tensor<B>* buffer;
        std::vector<typename B::Scalar> values;
    };
    std::vector<Saved> saved_;
};

}  // namespace detail

/// Runs `module` once on a small probe, on a context and a
/// tape of its own that go with it, recording no gradient, with the module's buffers put back.
/// Errors: ShapeError when the output's shape differs from the probe's.
template <class B, class Module>
void check_shape_preserved(Module& module, std::string_view name, Topology topology, Index width) {
    const Shape probe = topology == Topology::cnn ? Shape{2, 6, 5, width} : Shape{2, 7, width};
    const std::vector<typename B::Scalar> zeros(static_cast<std::size_t>(probe.elements()));
    const detail::BuffersRestored<B, Module> restored(module);
    typename B::Context context{};
    Tape<B> tape(context, Recording::none);
    const Shape result = module.forward(tape, tape.constant(probe, zeros)).shape();
    if (result == probe) return;
    throw ShapeError("a seed's module changes the shape", "blueprint " + std::string(name),
                     to_string(probe), to_string(result),
                     "return what the host's next layer expects: the input's shape");
}

}  // namespace kasmina
