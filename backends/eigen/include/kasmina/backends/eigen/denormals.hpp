// Flush-to-zero for a scope: tiny numbers must not make the arithmetic a hundred times slower.
#pragma once

#include <cstdint>

#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/requirements.hpp>

#if defined(__SSE2__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// While it lives, the calling thread treats denormal numbers as zero, read and written. The
/// register belongs to a thread, so every worker needs its own guard. Costs some ten nanoseconds;
/// does nothing on processors it does not know.
class FlushDenormals {
public:
#if defined(__SSE2__) || defined(_M_X64)
    FlushDenormals() noexcept : previous_(_mm_getcsr()) { _mm_setcsr(previous_ | 0x8040U); }
    ~FlushDenormals() { _mm_setcsr(previous_); }
#elif defined(__aarch64__)
    FlushDenormals() noexcept {
        asm volatile("mrs %0, fpcr" : "=r"(previous_));
        asm volatile("msr fpcr, %0" : : "r"(previous_ | (std::uint64_t{1} << 24)));
    }
    ~FlushDenormals() { asm volatile("msr fpcr, %0" : : "r"(previous_)); }
#else
    FlushDenormals() noexcept {}
    ~FlushDenormals() {}
#endif
    FlushDenormals(const FlushDenormals&) = delete;
    FlushDenormals& operator=(const FlushDenormals&) = delete;

private:
#if defined(__SSE2__) || defined(_M_X64)
    unsigned previous_;
#elif defined(__aarch64__)
    std::uint64_t previous_;
#endif
};

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
