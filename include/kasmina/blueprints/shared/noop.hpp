// Noop: y = x, the control of an experiment, for any topology.
#pragma once

#include <string_view>

#include <kasmina/blueprints/blueprint.hpp>
#include <kasmina/nn/visit.hpp>

namespace kasmina::shared {

/// y = x. No parameters.
template <Topology Kind>
struct Noop {
    static constexpr std::string_view name = "noop";
    static constexpr Topology topology = Kind;
    static constexpr QuietBirth quiet_birth = QuietBirth::built_in;
    using Needs = kasmina::Needs<>;

    struct Options {};

    static constexpr void check(Index width, const Options& = {}) { require_width(name, width); }

    static constexpr Index parameter_count(Index width, const Options& options = {}) {
        check(width, options);
        return 0;
    }

    template <class B>
    struct Module : nn::Visitable<Module<B>> {
        /// What it makes of a position depends on that position alone.
        static constexpr bool one_position_at_a_time = true;

        Module(typename B::Context&, Index, const Options&, Generator&) {}

        [[nodiscard]] Variable<B> forward(Pass<B>&, const Variable<B>& input) const {
            return input;
        }

        [[nodiscard]] static constexpr auto members() { return nn::members(); }
    };
};

}  // namespace kasmina::shared
