// expects: Unlucky
// expects: HasExactParameterCount
// A blueprint that does not state its parameter count cannot be listed.
#include <string_view>

#include <kasmina/blueprints/cnn.hpp>

struct Unlucky {
    static constexpr std::string_view name = "unlucky";
    static constexpr kasmina::Topology topology = kasmina::Topology::cnn;
    static constexpr kasmina::QuietBirth quiet_birth = kasmina::QuietBirth::built_in;
    using Needs = kasmina::Needs<>;
    struct Options {};
    template <class B>
    struct Module {};
    static constexpr void check(kasmina::Index, const Options& = {}) {}
#ifndef KASMINA_MUST_NOT_COMPILE
    static constexpr kasmina::Index parameter_count(kasmina::Index, const Options& = {}) {
        return 0;
    }
#endif
};

static_assert(kasmina::CnnBlueprints::with<Unlucky>::size == 9);
