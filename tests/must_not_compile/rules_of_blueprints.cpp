// A blueprint that lacks something: what, and what to write, is among the first lines.
// no_name expects: HasName: add `static constexpr std::string_view name` to the blueprint
// no_name expects: Mine
// no_topology expects: HasTopology: add `static constexpr Topology topology`
// options_without_fields expects: HasOptions: add an aggregate `struct Options`
// options_without_fields expects: `using Fields = reflect::List<&Options::first, ...>`
// options_are_no_aggregate expects: HasOptions: add an aggregate `struct Options`
// no_count expects: add `static constexpr Index parameter_count(Index width, const Options&)`
// count_is_no_constant expects: HasExactParameterCount: add `static constexpr Index
// no_check expects: add `static constexpr void check(Index width, const Options&)`
// no_quiet_birth expects: SaysHowItIsBornQuietly: add `static constexpr QuietBirth
// quiet_option_lacks expects: SaysHowItIsBornQuietly: add `static constexpr QuietBirth
// quiet_option_lacks expects: and the option that it names
// no_needs expects: add `using Needs = kasmina::Needs<capability::...>`
#include <kasmina/kasmina.hpp>

using namespace kasmina;

struct Mine {
#ifndef no_name
    static constexpr std::string_view name = "mine";
#endif
#ifndef no_topology
    static constexpr Topology topology = Topology::cnn;
#endif
#ifdef quiet_option_lacks
    static constexpr QuietBirth quiet_birth = QuietBirth::zero_init_final_layer;
#elif !defined(no_quiet_birth)
    static constexpr QuietBirth quiet_birth = QuietBirth::built_in;
#endif
#ifndef no_needs
    using Needs = kasmina::Needs<capability::Pointwise>;
#endif
    // With a default: what the assertions say must compile for such options too.
    struct Options {
        Index hidden = 4;
#ifdef options_are_no_aggregate
        Options() {}
#endif
#ifndef options_without_fields
        using Fields = reflect::List<&Options::hidden>;
#endif
    };
#ifndef no_check
    static constexpr void check(Index, const Options&) {}
#endif
#if defined(count_is_no_constant)
    static Index parameter_count(Index, const Options&);
#elif !defined(no_count)
    static constexpr Index parameter_count(Index, const Options&) { return 0; }
#endif
    template <class B>
    struct Module : nn::Visitable<Module<B>> {
        Module(typename B::Context&, Index, const Options&, Generator&) {}
        Variable<B> forward(Pass<B>&, const Variable<B>& x) const { return x; }
        static constexpr auto members() { return kasmina::nn::members(); }
    };
};
static_assert(CnnBlueprints::with<Mine>::size == 9);
