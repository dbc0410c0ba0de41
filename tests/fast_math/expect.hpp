// expect: a check that says what failed, without a test framework, which has flags of its own.
#pragma once

#include <cstdio>
#include <limits>

#if !defined(__FINITE_MATH_ONLY__) || !__FINITE_MATH_ONLY__
#error "this test is about -ffast-math and -Ofast"
#endif

namespace kasmina::test {

/// NaN and infinity as they come out of arithmetic: nothing that the compiler knows.
template <class T>
[[nodiscard]] T unknown_to_the_compiler(T value) {
    volatile T hidden = value;
    return hidden;
}

template <class T>
inline const T a_nan = unknown_to_the_compiler(std::numeric_limits<T>::quiet_NaN());
template <class T>
inline const T an_infinity = unknown_to_the_compiler(std::numeric_limits<T>::infinity());

/// Counts what did not hold.
class Expectations {
public:
    void expect(bool holds, const char* what) {
        if (holds) return;
        std::printf("FAILED: %s\n", what);
        ++failed_;
    }
    /// What main returns.
    [[nodiscard]] int result() const { return failed_ == 0 ? 0 : 1; }

private:
    int failed_ = 0;
};

}  // namespace kasmina::test
