// ConvHeavy as it is born without a scale per channel.
#pragma once

#include <string_view>

#include <kasmina/blueprints/blueprint.hpp>
#include <kasmina/blueprints/cnn/conv_heavy.hpp>

namespace kasmina::growth {

struct LoudOptions {
    bool layer_scale = false;

    using Fields = reflect::List<&LoudOptions::layer_scale>;
};

/// ConvHeavy without its scale per channel: it shakes the host from the first step of its ramp.
struct LoudConvHeavy : cnn::ConvHeavy {
    static constexpr std::string_view name = "loud_conv_heavy";
    static constexpr QuietBirth quiet_birth = QuietBirth::own_start;

    using Options = LoudOptions;

    static constexpr void check(Index width, const Options& = {}) { cnn::ConvHeavy::check(width); }

    static constexpr Index parameter_count(Index width, const Options& options = {}) {
        return cnn::ConvHeavy::parameter_count(width, {.layer_scale = options.layer_scale});
    }

    template <class B>
    struct Module : cnn::ConvHeavy::Module<B> {
        Module(typename B::Context& context, Index width, const Options& options,
               Generator& generator)
            : cnn::ConvHeavy::Module<B>(context, width, {.layer_scale = options.layer_scale},
                                        generator) {}
    };
};

}  // namespace kasmina::growth
