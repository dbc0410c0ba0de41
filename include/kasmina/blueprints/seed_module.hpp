// SeedModule: a seed's module behind one interface, so that what holds seeds knows no blueprint.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include <kasmina/autodiff/pass.hpp>
#include <kasmina/blueprints/blueprint.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/topology.hpp>

namespace kasmina {

/// The module of any blueprint. It stays where it is: what `contents()` points to is valid as long
/// as it lives. Made by `make_seed`.
template <class B>
class SeedModule {
public:
    SeedModule(const SeedModule&) = delete;
    SeedModule& operator=(const SeedModule&) = delete;
    virtual ~SeedModule() = default;

    /// (batch, ..., width) to the same shape.
    [[nodiscard]] virtual Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const = 0;

    /// Parameters and states with the module's own names, "conv.weight". Listed once, when the
    /// seed is made.
    [[nodiscard]] const nn::Contents<B>& contents() const noexcept { return contents_; }

    /// Number of values in all parameters, frozen ones included.
    [[nodiscard]] Index parameter_count() const noexcept { return parameter_count_; }

    /// The blueprint's name.
    [[nodiscard]] std::string_view blueprint() const noexcept { return blueprint_; }
    [[nodiscard]] Topology topology() const noexcept { return topology_; }
    /// The width that it was made for.
    [[nodiscard]] Index width() const noexcept { return width_; }
    /// Whether what it makes of a position depends on that one alone, and on earlier ones as far as
    /// a pass's key-value cache holds them: the module has `one_position_at_a_time`.
    [[nodiscard]] bool one_position_at_a_time() const noexcept { return one_position_at_a_time_; }

protected:
    SeedModule(std::string_view blueprint, Topology topology, Index width,
               bool one_position_at_a_time) noexcept
        : blueprint_(blueprint),
          topology_(topology),
          width_(width),
          one_position_at_a_time_(one_position_at_a_time) {}

    /// For the derived class, once its module stands.
    KASMINA_RARE void list(nn::Contents<B> owned) {
        contents_ = std::move(owned);
        parameter_count_ = nn::parameter_count(contents_);
    }

private:
    std::string_view blueprint_;  // of static storage
    Topology topology_;
    Index width_;
    bool one_position_at_a_time_;
    nn::Contents<B> contents_{};
    Index parameter_count_ = 0;
};

/// The module of a blueprint that is known, with the options that it was made with. Two blueprints
/// may share one module template: their seeds are still of different types.
template <class Blueprint, class B>
class SeedModuleOf final : public SeedModule<B> {
public:
    using Module = typename Blueprint::template Module<B>;
    using Options = typename Blueprint::Options;

    KASMINA_RARE SeedModuleOf(typename B::Context& context, Index width, const Options& options,
                              Generator& generator);

    KASMINA_RARE ~SeedModuleOf() override;

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const override;

    [[nodiscard]] const Options& options() const noexcept { return options_; }

    /// Its values may be written; it may not be replaced by another module.
    [[nodiscard]] Module& module() noexcept { return module_; }
    [[nodiscard]] const Module& module() const noexcept { return module_; }

private:
    Options options_;
    Module module_;
};

template <class Blueprint, class B>
SeedModuleOf<Blueprint, B>::SeedModuleOf(typename B::Context& context, Index width,
                                         const Options& options, Generator& generator)
    : SeedModule<B>(
          Blueprint::name, Blueprint::topology, width,
          requires { requires Module::one_position_at_a_time; }),
      options_(options),
      module_(context, width, options, generator) {
    this->list(nn::contents<B>(module_));
}

template <class Blueprint, class B>
SeedModuleOf<Blueprint, B>::~SeedModuleOf() = default;

template <class Blueprint, class B>
Variable<B> SeedModuleOf<Blueprint, B>::forward(Pass<B>& pass, const Variable<B>& input) const {
    return module_.forward(pass, input);
}

/// The seed as that of a blueprint; null when it was made from another one.
template <class Blueprint, class B>
[[nodiscard]] SeedModuleOf<Blueprint, B>* seed_as(SeedModule<B>& seed) noexcept {
    return dynamic_cast<SeedModuleOf<Blueprint, B>*>(&seed);
}

template <class Blueprint, class B>
[[nodiscard]] const SeedModuleOf<Blueprint, B>* seed_as(const SeedModule<B>& seed) noexcept {
    return dynamic_cast<const SeedModuleOf<Blueprint, B>*>(&seed);
}

}  // namespace kasmina
