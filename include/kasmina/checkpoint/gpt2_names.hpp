// Gpt2Names: where the values of a transformer host are in the common public files of GPT-2.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <kasmina/checkpoint/weights.hpp>

namespace kasmina::weights {

/// For `weights::load(path, context, host, Gpt2Names{})` into a hosts::Transformer of the same
/// sizes, made with `Gelu::tanh`: files by the names of Hugging Face's "gpt2", "wte.weight",
/// "h.0.attn.c_attn.weight", whose linear layers have their matrices as (in, out). Later files put
/// "transformer." in front. What they hold of masks ("h.0.attn.bias") and of the head, which is the
/// token embedding once more, is left unused.
struct Gpt2Names {
    std::string prefix{};

    [[nodiscard]] InFile operator()(std::string_view name) const {
        // What ours begin with, or hold behind "blocks.<i>.", and what they are called there.
        static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> outside{
            {{"tokens.", "wte."}, {"positions.", "wpe."}, {"norm.", "ln_f."}}};
        static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> inside{
            {{"norm1.", "ln_1."},
             {"attention.qkv.", "attn.c_attn."},
             {"attention.proj.", "attn.c_proj."},
             {"norm2.", "ln_2."},
             {"mlp.fc1.", "mlp.c_fc."},
             {"mlp.fc2.", "mlp.c_proj."}}};
        constexpr std::string_view blocks = "blocks.";
        if (!name.starts_with(blocks)) return {prefix + translated(name, outside)};
        const std::size_t dot = name.find('.', blocks.size());
        if (dot == std::string_view::npos) return {prefix + std::string(name)};
        const std::string_view rest = name.substr(dot + 1);
        const bool matrix = rest.ends_with(".weight") && !rest.starts_with("norm");
        return {prefix + "h." + std::string(name.substr(blocks.size(), dot + 1 - blocks.size())) +
                    translated(rest, inside),
                matrix};
    }

private:
    template <class Table>
    [[nodiscard]] static std::string translated(std::string_view name, const Table& table) {
        for (const auto& [ours, theirs] : table) {
            if (name.starts_with(ours)) {
                return std::string(theirs) + std::string(name.substr(ours.size()));
            }
        }
        return std::string(name);
    }
};

}  // namespace kasmina::weights
