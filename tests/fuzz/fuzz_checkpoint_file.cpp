// libFuzzer's way into the file layer: any bytes are a file that is refused or read rightly.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

#include "checkpoint/file/accepted.hpp"
#include "checkpoint/file/mutator.hpp"

extern "C" {

// libFuzzer's own names, and AddressSanitizer's.
std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

/// What costs time at every allocation and finds nothing here: what is allocated is filled, where
/// it was is noted, and much that was freed is kept from use.
const char* __asan_default_options() {
    return "max_malloc_fill_size=0:malloc_context_size=0:quarantine_size_mb=1:"
           "thread_local_quarantine_size_kb=16:detect_stack_use_after_return=0";
}

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto require = [](bool holds, const char* what) {
        if (holds) return;
        std::fprintf(stderr, "does not hold: %s\n", what);
        std::abort();
    };
    // To write a file takes much longer than to read it.
    const bool write_again = size % 16 == 0;
    kasmina::test::read_hostile(std::as_bytes(std::span(data, size)), require, write_again);
    return 0;
}

/// Half of the time libFuzzer's changes of bytes, else ours of structure; some inputs begin anew.
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                    unsigned seed) {
    if (seed % 2 == 0) return LLVMFuzzerMutate(data, size, max_size);
    kasmina::test::Mutator mutator(seed);
    const std::string file = seed % 64 == 1 || size < 10
                                 ? mutator.valid_file()
                                 : std::string(reinterpret_cast<const char*>(data), size);
    const std::string changed = mutator.mutated(file);
    const std::size_t length = std::min(changed.size(), max_size);
    std::memcpy(data, changed.data(), length);
    return length;
}

}  // extern "C"
