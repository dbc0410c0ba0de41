// Schemas: which form of a struct a record holds, and the typed way from an older one.
#pragma once

#include <kasmina/requirements.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace kasmina::checkpoint::record {

/// A struct whose form in a checkpoint has a number: `static constexpr int schema`, with what has
/// changed from one to the next beside it. Such a struct carries the number in the file; one
/// without is of the form that the number of the struct around it means.
template <class Struct>
concept Versioned = requires { requires std::same_as<decltype(Struct::schema), const int>; };

/// A struct that was something else before: `using Before = ` the struct of the schema below, and
/// `static Struct migrated(Before&&)`.
template <class Struct>
concept Migrated = Versioned<Struct> && requires(typename Struct::Before&& before) {
    requires Versioned<typename Struct::Before>;
    requires Struct::Before::schema + 1 == Struct::schema;
    { Struct::migrated(std::move(before)) } -> std::same_as<Struct>;
};

/// The number of a struct's form; 0 for one without.
template <class Struct>
[[nodiscard]] consteval int schema_of() {
    if constexpr (Versioned<Struct>) {
        static_assert(Struct::schema > 0, "schemas are numbered from 1 on");
        return Struct::schema;
    } else {
        return 0;
    }
}

}  // namespace kasmina::checkpoint::record
