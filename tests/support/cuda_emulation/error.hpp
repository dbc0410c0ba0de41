// What a kernel does wrong on the emulated card, as an error of its own type.
#pragma once

#include <kasmina/error.hpp>

namespace kasmina::test {

/// A barrier or shuffle that not all threads reach, memory out of range; `where()` is the kernel.
class EmulationError : public Error {
public:
    using Error::Error;
};

}  // namespace kasmina::test
