// The host concept: what fits, and a near miss per requirement (H-3).
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include <kasmina/autodiff/token_ids.hpp>
#include <kasmina/hosts/host.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::concept_test {
namespace {

using B = test::Eigen32;
using Values = Variable<B>;

/// Fits; the near misses below each lack one thing.
struct Whole : nn::Visitable<Whole> {
    using Backend = B;
    using Input = Tensor<B>;
    static constexpr Topology topology = Topology::cnn;

    [[nodiscard]] std::span<const hosts::InjectionPoint> injection_points() const { return {}; }
    [[nodiscard]] Values stem(Pass<B>& pass, const Tensor<B>& x) const { return pass.constant(x); }
    [[nodiscard]] Values forward(Pass<B>&, const Values& x, std::size_t, std::size_t) const {
        return x;
    }
    [[nodiscard]] Values head(Pass<B>&, const Values& x) const { return x; }
    void initialise(B::Context&, Generator&) {}
    [[nodiscard]] static constexpr auto members() { return nn::members(); }
};
static_assert(hosts::Host<Whole> && hosts::RequireHost<Whole>::value);

struct Copied : Whole {
    Copied(Copied&&) = delete;
};
static_assert(!hosts::Host<Copied>);

struct NoTopology : Whole {
    static constexpr int topology = 0;
};
static_assert(!HasTopology<NoTopology> && !hosts::Host<NoTopology>);

struct NoPoints : Whole {
    static constexpr int injection_points = 0;
};
static_assert(!hosts::HasInjectionPoints<NoPoints> && !hosts::Host<NoPoints>);

struct NoBackend : Whole {
    using Backend = int;
};
static_assert(!hosts::NamesItsBackend<NoBackend>);

struct InputOfUnknownSize : Whole {
    using Input = std::vector<float>;
};
static_assert(!hosts::NamesItsInput<InputOfUnknownSize> && !hosts::Host<InputOfUnknownSize>);

struct ReadsTokens : Whole {
    using Input = TokenIds<B>;
};
static_assert(hosts::NamesItsInput<ReadsTokens> && !hosts::HasStem<ReadsTokens>);

struct Opaque {
    Values inside;
};
struct StateWithoutFeatures : Whole {
    using State = Opaque;
};
static_assert(!hosts::StateHasFeatures<StateWithoutFeatures>);
static_assert(!hosts::Host<StateWithoutFeatures>);

struct NoStem : Whole {
    static constexpr int stem = 0;
};
static_assert(!hosts::HasStem<NoStem> && !hosts::Host<NoStem>);

struct StaysWhereItIs : Whole {
    static constexpr int forward = 0;
};
static_assert(!hosts::ForwardsBetweenBoundaries<StaysWhereItIs> && !hosts::Host<StaysWhereItIs>);

struct NoHead : Whole {
    static constexpr int head = 0;
};
static_assert(!hosts::HasHead<NoHead> && !hosts::Host<NoHead>);

struct PromisesAnotherOutput : Whole {
    using Output = std::tuple<Values, Values>;
};
static_assert(!hosts::HasHead<PromisesAnotherOutput>);

struct NoInitialise : Whole {
    static constexpr int initialise = 0;
};
static_assert(!hosts::HasInitialise<NoInitialise> && !hosts::Host<NoInitialise>);

struct Hidden : Whole {
    static constexpr int visit = 0;
};
static_assert(!nn::VisitableModule<Hidden, B> && !hosts::Host<Hidden>);

TEST_CASE("a tensor, token ids and an aggregate say how many samples they hold", "[P-2]") {
    B::Context context{};
    struct Pair {
        Tensor<B> first;
        Tensor<B, std::int32_t> second;
        [[nodiscard]] Index samples() const { return second.shape()[0]; }
    };
    const Pair pair{Tensor<B>::full(context, {1, 2}, 0),
                    Tensor<B, std::int32_t>::full(context, {7, 2}, 0)};
    CHECK(hosts::samples(pair) == 7);
    CHECK(hosts::samples(pair.first) == 1);
    CHECK(hosts::samples(pair.second) == 7);
    CHECK(hosts::samples(Tensor<B>()) == 0);
    const std::vector<std::int32_t> ids{0, 1, 2, 3};
    CHECK(hosts::samples(TokenIds<B>(context, {4, 1}, ids, 4)) == 4);
}

}  // namespace
}  // namespace kasmina::concept_test
