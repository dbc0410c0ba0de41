// make_seed: the one way from a blueprint to a module, with all that blueprints promise checked.
#pragma once

#include <memory>
#include <string>

#include <kasmina/blueprints/blueprint.hpp>
#include <kasmina/blueprints/seed_module.hpp>
#include <kasmina/blueprints/shape_check.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/nn/parameters.hpp>

namespace kasmina {
namespace detail {

/// Names a type in the condition of an assertion, where clang shows it.
template <class Named, bool Kept>
struct Keeps {
    static constexpr bool value = Kept;
};

/// The capability that lacks shows in this struct's argument.
template <class Blueprint, class Backend, class Missing>
struct RequireCapabilities {
    static_assert(Keeps<Missing, MissingNothing<Missing>>::value,
                  "the backend lacks a capability that the blueprint needs: add it to the "
                  "backend, or use another blueprint");
    static constexpr bool value = true;
};

/// The blueprint counts its parameters for everybody who plans with it. Errors: ShapeError when
/// its seed holds another number.
KASMINA_RARE inline void require_count(std::string_view blueprint, Index promised, Index held) {
    if (promised == held) return;
    throw ShapeError("a blueprint miscounts its parameters", "blueprint " + std::string(blueprint),
                     std::to_string(promised) + ", as its parameter_count says",
                     std::to_string(held) + " in the seed's module",
                     "make parameter_count(width, options) the number of values in what the "
                     "module visits");
}

/// What every seed is held to, whichever blueprint made it. Errors: as `make_seed`.
template <class B>
KASMINA_RARE void check_seed(typename B::Context& context, const SeedModule<B>& seed,
                             Index promised) {
    nn::require_distinct_names(seed.contents(), "blueprint " + std::string(seed.blueprint()));
    require_count(seed.blueprint(), promised, seed.parameter_count());
    check_shape_preserved<B>(context, seed);
}

/// What `make_seed` does, its blueprint forgotten: for registries, whose callers name one.
template <class Blueprint, class B>
[[nodiscard]] KASMINA_RARE std::unique_ptr<SeedModule<B>> make_any_seed(
    typename B::Context& context, Index width, const typename Blueprint::Options& options,
    Generator& generator) {
    static_assert(
        RequireCapabilities<Blueprint, B, MissingCapability<B, typename Blueprint::Needs>>::value);
    static_assert(BlueprintFor<Blueprint, B>,
                  "BlueprintFor: the blueprint's Module<B> needs a constructor (context, width, "
                  "options, generator), `forward(pass, input) const` and `visit`");
    Blueprint::check(width, options);
    std::unique_ptr<SeedModule<B>> seed(
        new SeedModuleOf<Blueprint, B>(context, width, options, generator));
    check_seed<B>(context, *seed, Blueprint::parameter_count(width, options));
    return seed;
}

}  // namespace detail

/// A seed's module for `width` channels, its initial values drawn from `generator`. A backend that
/// lacks a capability does not compile, and the message names it (B-6). Errors: OptionError for
/// options or a width that the blueprint refuses (B-2), before anything is made; DuplicateNameError
/// when two of the module's tensors go by one name; ShapeError when `parameter_count` is not what
/// the module holds, or when the module does not preserve shapes, which one run on a small probe
/// on `context` tells (B-4).
template <class Blueprint, class B>
[[nodiscard]] KASMINA_RARE std::unique_ptr<SeedModuleOf<Blueprint, B>> make_seed(
    typename B::Context& context, Index width, const typename Blueprint::Options& options,
    Generator& generator) {
    // Said here too: the first thing that the compiler says is what is wrong.
    static_assert(
        detail::RequireCapabilities<Blueprint, B,
                                    MissingCapability<B, typename Blueprint::Needs>>::value);
    static_assert(BlueprintFor<Blueprint, B>,
                  "BlueprintFor: the blueprint's Module<B> needs a constructor (context, width, "
                  "options, generator), `forward(pass, input) const` and `visit`");
    auto seed = detail::make_any_seed<Blueprint, B>(context, width, options, generator);
    return std::unique_ptr<SeedModuleOf<Blueprint, B>>(
        static_cast<SeedModuleOf<Blueprint, B>*>(seed.release()));
}

}  // namespace kasmina
