// Host values: whether a host is drawn anew, or keeps the values that it has.
#pragma once

#include <optional>
#include <vector>

#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/model/model_options.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/reflect/check_enumerator.hpp>

namespace kasmina {

/// Whether the values of a host with these parameters are to be drawn: as `wanted` says, and if it
/// says nothing, where none of the weights has values. Errors: OptionError where some weights have
/// values and others have not, and for a wish that does not exist.
template <class B>
[[nodiscard]] KASMINA_RARE bool are_drawn(std::optional<HostValues> wanted,
                                          const std::vector<nn::NamedParameter<B>>& parameters) {
    if (wanted) {
        reflect::check_enumerator(*wanted, "host", "MorphogeneticModel");
        return *wanted == HostValues::drawn;
    }
    const nn::NamedParameter<B>* with = nullptr;
    const nn::NamedParameter<B>* without = nullptr;
    for (const nn::NamedParameter<B>& named : parameters) {
        if (named.parameter->state()->drawn || named.parameter->value().assigned()) {
            with = &named;
        } else if (named.parameter->shape().rank() > 1) {  // norms and biases may start constant
            without = &named;
        }
    }
    if (with != nullptr && without != nullptr) {
        throw OptionError("some of the host's weights have values and others have not",
                          "MorphogeneticModel",
                          "a host with all of its values, or a new one whose values are drawn",
                          with->name + " with values and " + without->name + " without",
                          "say ModelOptions{.host = HostValues::kept} to begin with what is there, "
                          "or HostValues::drawn to draw all anew");
    }
    return with == nullptr;
}

}  // namespace kasmina
