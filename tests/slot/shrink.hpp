// shrink: the shortest and simplest sequence that still fails, by delta debugging.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace kasmina::test {

namespace shrink_detail {

/// Leaves out runs of elements, long ones first, as long as what is left fails. True when anything
/// could be left out.
template <class T, class Fails>
bool remove_chunks(std::vector<T>& sequence, const Fails& fails) {
    bool removed = false;
    for (std::size_t length = std::max<std::size_t>(sequence.size() / 2, 1); length > 0;
         length /= 2) {
        std::size_t begin = 0;
        while (begin < sequence.size()) {
            const std::size_t end = std::min(begin + length, sequence.size());
            std::vector<T> shorter = sequence;
            shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(begin),
                          shorter.begin() + static_cast<std::ptrdiff_t>(end));
            if (fails(shorter)) {
                sequence = std::move(shorter);
                removed = true;
            } else {
                begin = end;
            }
        }
    }
    return removed;
}

/// Puts simpler elements in the place of others as long as the sequence fails.
template <class T, class Fails, class Simpler>
bool simplify_elements(std::vector<T>& sequence, const Fails& fails, const Simpler& simpler) {
    bool simplified = false;
    for (std::size_t i = 0; i < sequence.size(); ++i) {
        for (const T& candidate : simpler(sequence[i])) {
            std::vector<T> other = sequence;
            other[i] = candidate;
            if (!fails(other)) continue;
            sequence = std::move(other);
            simplified = true;
            break;
        }
    }
    return simplified;
}

}  // namespace shrink_detail

/// `sequence` fails: `fails(sequence)` is true. `simpler(element)` lists simpler ones. The result
/// fails too, and no single element of it can be left out.
template <class T, class Fails, class Simpler>
[[nodiscard]] std::vector<T> shrink(std::vector<T> sequence, const Fails& fails,
                                    const Simpler& simpler) {
    // A bound in place of a proof that `simpler` comes to an end.
    for (int round = 0; round < 50; ++round) {
        while (shrink_detail::remove_chunks(sequence, fails)) {
        }
        if (!shrink_detail::simplify_elements(sequence, fails, simpler)) break;
    }
    while (shrink_detail::remove_chunks(sequence, fails)) {
    }
    return sequence;
}

}  // namespace kasmina::test
