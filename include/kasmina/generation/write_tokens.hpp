// write_tokens: a network goes on with a text, token by token.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>

#include <kasmina/generation/next_logits.hpp>
#include <kasmina/generation/sampler.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::generation {

/// Calls `tell(token)` with each of `count` tokens that follow `prompt`. Errors: those of
/// NextLogits and Sampler; OptionError for a negative count.
template <class Model, std::invocable<std::int32_t> Tell>
void write_tokens(NextLogits<Model>& logits, Sampler& sampler, std::span<const std::int32_t> prompt,
                  Index count, Generator& random, Tell&& tell) {
    static_cast<void>(checked_size("generation::write_tokens", "count", count, 0));
    if (count == 0) return;
    auto next = logits.start(prompt);
    for (Index done = 0;;) {
        const std::int32_t token = sampler(next, random);
        tell(token);
        if (++done == count) return;
        next = logits.next(token);
    }
}

}  // namespace kasmina::generation
