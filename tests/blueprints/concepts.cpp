// The blueprint concept: what fits, and a near miss per requirement (B-1, B-6).
#include <concepts>
#include <string_view>

#include <kasmina/blueprints/cnn.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::concepts_test {
namespace {

using B = test::Eigen32;

static_assert(BlueprintFor<cnn::Noop, B>);
static_assert(BlueprintFor<cnn::Norm, B>);
static_assert(BlueprintFor<cnn::Attention, B>);
static_assert(BlueprintFor<cnn::Depthwise, B>);
static_assert(BlueprintFor<cnn::Bottleneck, B>);
static_assert(BlueprintFor<cnn::ConvSmall, B>);
static_assert(BlueprintFor<cnn::ConvLight, B>);
static_assert(BlueprintFor<cnn::ConvHeavy, B>);
static_assert(BlueprintFor<cnn::ConvHeavy, test::Oracle>);

/// Fits; the near misses below each lack one thing.
struct Whole {
    static constexpr std::string_view name = "whole";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::built_in;
    using Needs = kasmina::Needs<>;
    struct Options {};
    static constexpr void check(Index, const Options& = {}) {}
    static constexpr Index parameter_count(Index, const Options& = {}) { return 0; }
};
static_assert(Blueprint<Whole>);
static_assert(!HasModule<Whole, B>);
static_assert(!BlueprintFor<Whole, B>);

struct MutableName : Whole {
    [[maybe_unused]] static inline std::string_view name = "changes";
};
static_assert(!HasName<MutableName> && !Blueprint<MutableName>);

struct NoTopology : Whole {
    static constexpr int topology = 0;
};
static_assert(!HasTopology<NoTopology> && !Blueprint<NoTopology>);

struct OptionsAreNoAggregate : Whole {
    class Options {
    public:
        explicit Options(int value) : value_(value) {}
        int value_;
    };
};
static_assert(!HasOptions<OptionsAreNoAggregate> && !Blueprint<OptionsAreNoAggregate>);

struct OptionsWithoutFields : Whole {
    struct Options {
        int rank = 1;
    };
};
static_assert(!HasOptions<OptionsWithoutFields> && !Blueprint<OptionsWithoutFields>);

struct OptionsThatNoRecordHolds : Whole {
    struct Options {
        const char* path = nullptr;
        using Fields = reflect::List<&Options::path>;
    };
};
static_assert(!HasOptions<OptionsThatNoRecordHolds> && !Blueprint<OptionsThatNoRecordHolds>);

struct CountsAtRunTimeOnly : Whole {
    static Index parameter_count(Index, const Options& = {}) { return 0; }
};
static_assert(!HasExactParameterCount<CountsAtRunTimeOnly> && !Blueprint<CountsAtRunTimeOnly>);

struct CountsFractions : Whole {
    static constexpr double parameter_count(Index, const Options& = {}) { return 0.5; }
};
static_assert(!HasExactParameterCount<CountsFractions>);

struct ChecksNothing : Whole {
    static constexpr int check = 0;
};
static_assert(!ChecksItsOptions<ChecksNothing> && !Blueprint<ChecksNothing>);

struct SilentAboutBirth : Whole {
    static constexpr int quiet_birth = 0;
};
static_assert(!SaysHowItIsBornQuietly<SilentAboutBirth> && !Blueprint<SilentAboutBirth>);

struct NamesNoCapabilities {
    [[maybe_unused]] static constexpr std::string_view name = "nameless";
};
static_assert(!NamesItsCapabilities<NamesNoCapabilities>);

/// A backend without depthwise convolution; what it has stems from the CPU backend.
struct WithoutDepthwise {
    using Scalar = B::Scalar;
    using Context = B::Context;
    template <class T>
    using Buffer = B::Buffer<T>;
    template <class... Arguments>
    static auto map(Arguments&&... arguments) -> decltype(B::map(arguments...)) {
        return B::map(arguments...);
    }
    template <class... Arguments>
    static auto map_pullback(Arguments&&... arguments) -> decltype(B::map_pullback(arguments...)) {
        return B::map_pullback(arguments...);
    }
    static void conv2d(Context&, const Conv2d<Scalar>&) {}
    static void conv2d_pullback_input(Context&, const Conv2dPullbackInput<Scalar>&) {}
    static void conv2d_pullback_weight(Context&, const Conv2dPullbackWeight<Scalar>&) {}
};

TEST_CASE("what a backend lacks for a blueprint has a name", "[B-6]") {
    static_assert(PointwiseBackend<WithoutDepthwise> && ConvolutionBackend<WithoutDepthwise>);
    static_assert(RunsOn<cnn::Noop, WithoutDepthwise>);
    static_assert(!RunsOn<cnn::Depthwise, WithoutDepthwise>);
    static_assert(std::same_as<MissingCapability<WithoutDepthwise, cnn::Depthwise::Needs>,
                               capability::DepthwiseConvolution>);
    static_assert(std::same_as<MissingCapability<WithoutDepthwise, cnn::ConvLight::Needs>,
                               capability::GroupNorm>);
    static_assert(std::same_as<MissingCapability<B, cnn::Depthwise::Needs>, NoCapability>);
    SUCCEED();
}

}  // namespace
}  // namespace kasmina::concepts_test
