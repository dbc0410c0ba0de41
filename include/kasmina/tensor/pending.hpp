// Pending: values on their way from a backend to the host.
#pragma once

#include <span>
#include <string>
#include <utility>

#include <kasmina/error.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// A read that has been ordered and need not be over: the program goes on, and waits only when it
/// asks for the values. It shows the values as they were at the moment of the call that gave it,
/// whatever became of the tensor since. Move-only.
template <class B, class T = typename B::Scalar>
class [[nodiscard]] Pending {
public:
    using Value = T;

    /// Starts to read `count` values from the backend's memory.
    Pending(typename B::Context& context, const T* from, Index count)
        : count_(count), reading_(B::template read<T>(context, from, count)) {}

    [[nodiscard]] Index size() const noexcept { return count_; }

    /// Waits until they are here. They live as long as this object. Errors: those of the work that
    /// the values come from.
    [[nodiscard]] std::span<const T> values() & { return reading_.get(); }
    std::span<const T> values() && = delete;  // they would not live to be looked at

    /// The same for a single value. Errors: ShapeError when there is more or less than one.
    [[nodiscard]] T get() {
        if (count_ != 1) {
            throw ShapeError("get() needs a single value", "Pending::get", "one element",
                             std::to_string(count_) + " elements", "use values()");
        }
        return values()[0];
    }

private:
    Index count_;
    typename B::template Reading<T> reading_;
};

}  // namespace kasmina
