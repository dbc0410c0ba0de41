// TokenCnn: a user's own host, the CNN host seen as one of transformer topology.
//
// Its slots are fed maps as rows of positions, (batch, positions, channels), and its blueprints are
// those of CNNs on such rows. So the rules for transformer hosts meet numbers recorded for CNNs.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include <kasmina/autodiff/ops/alias.hpp>
#include <kasmina/hosts/cnn.hpp>

namespace kasmina::test {

/// (batch, height, width, channels) as (batch, positions, channels).
template <class B>
[[nodiscard]] Variable<B> as_rows(const Variable<B>& map) {
    const Shape& shape = map.shape();
    return ops::reshape(map, {shape[0], shape[1] * shape[2], shape[3]});
}

/// The way back: a square map where the positions make one, else one row.
template <class B>
[[nodiscard]] Variable<B> as_map(const Variable<B>& rows) {
    const Shape& shape = rows.shape();
    Index side = 1;
    while (side * side < shape[1]) ++side;
    const Index height = side * side == shape[1] ? side : 1;
    return ops::reshape(rows, {shape[0], height, shape[1] / height, shape[2]});
}

/// For square images.
template <class B>
class TokenCnn {
public:
    using Backend = B;
    using Input = Tensor<B>;
    static constexpr Topology topology = Topology::transformer;

    TokenCnn(typename B::Context& context, const hosts::CnnOptions& options)
        : cnn_(context, options) {}

    void initialise(typename B::Context& context, Generator& generator) {
        cnn_.initialise(context, generator);
    }

    [[nodiscard]] std::span<const hosts::InjectionPoint> injection_points() const noexcept {
        return cnn_.injection_points();
    }

    [[nodiscard]] Variable<B> stem(Pass<B>& pass, const Tensor<B>& images) const {
        return cnn_.stem(pass, images);
    }

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& state, std::size_t from,
                                      std::size_t to) const {
        const bool fed_rows = from != hosts::start_boundary;
        const Variable<B> after = cnn_.forward(pass, fed_rows ? as_map(state) : state, from, to);
        return to != hosts::start_boundary ? as_rows(after) : after;
    }

    [[nodiscard]] Variable<B> head(Pass<B>& pass, const Variable<B>& rows) const {
        return cnn_.head(pass, as_map(rows));
    }

    template <class Visitor>
    void visit(Visitor&& visitor) {
        cnn_.visit(visitor);
    }
    template <class Visitor>
    void visit(Visitor&& visitor) const {
        cnn_.visit(visitor);
    }

private:
    hosts::Cnn<B> cnn_;
};

/// A blueprint of CNNs on rows of positions.
template <class CnnBlueprint>
struct OnRows : CnnBlueprint {
    static constexpr Topology topology = Topology::transformer;

    template <class B>
    struct Module : CnnBlueprint::template Module<B> {
        using OnMaps = typename CnnBlueprint::template Module<B>;
        using OnMaps::OnMaps;

        [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& rows) const {
            return as_rows(OnMaps::forward(pass, as_map(rows)));
        }
    };
};

}  // namespace kasmina::test
