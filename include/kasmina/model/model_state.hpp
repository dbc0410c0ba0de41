// ModelState: everything that a model is beside its tensors, as plain structs (spec C-1, C-8).
#pragma once

#include <string>
#include <vector>

#include <kasmina/random/generator.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/slot/slot_state.hpp>

namespace kasmina {

/// What is true of one parameter of a host beside its values.
struct HostParameterFlags {
    std::string name{};     ///< "host/..."
    bool trainable = true;  ///< it learns
    bool warm = false;      ///< a second backward pass has reached it (I-7)

    using Fields = reflect::List<&HostParameterFlags::name, &HostParameterFlags::trainable,
                                 &HostParameterFlags::warm>;
    friend bool operator==(const HostParameterFlags&, const HostParameterFlags&) = default;
};

/// What a model is to be made of, but for its values and what the program that makes it brings:
/// the host's shape, policies and their options.
struct ModelState {
    Generator::State random{};               ///< that initial values of seeds are drawn from
    std::vector<HostParameterFlags> host{};  ///< all of the host's parameters, each once
    std::vector<SlotState> slots{};          ///< in execution order

    using Fields = reflect::List<&ModelState::random, &ModelState::host, &ModelState::slots>;
    friend bool operator==(const ModelState&, const ModelState&) = default;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;
};

}  // namespace kasmina
