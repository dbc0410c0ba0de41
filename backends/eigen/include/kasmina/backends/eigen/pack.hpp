// Pack: a register of numbers, as pointwise callables see it.
#pragma once

#include <cmath>
#include <cstddef>
#include <type_traits>

#include <Eigen/Core>

#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/pointwise/dual.hpp>

namespace kasmina::backends::eigen_detail {

/// `lanes<T>` numbers on which arithmetic works at once. Elementary functions are Eigen's
/// vectorised ones where it has them, else the standard library's, lane by lane.
template <class T>
struct Pack {
    Vector<T> lanes_of;

    Pack() = default;
    explicit Pack(Vector<T> vector) : lanes_of(vector) {}

    /// All lanes the same.
    template <Constant C>
    explicit Pack(C value) : lanes_of(Vector<T>{} + static_cast<T>(value)) {}

    [[nodiscard]] static Pack load_from(const T* from) { return Pack(load<Vector<T>>(from)); }
    void store_to(T* to) const { store(to, lanes_of); }

    /// Sum of all lanes, in lane order.
    [[nodiscard]] T sum() const {
        T values[static_cast<std::size_t>(lanes<T>)];
        store_to(values);
        T total = 0;
        for (const T value : values) total += value;
        return total;
    }

    friend Pack operator-(const Pack& a) { return Pack(-a.lanes_of); }
    friend Pack operator+(const Pack& a, const Pack& b) { return Pack(a.lanes_of + b.lanes_of); }
    friend Pack operator-(const Pack& a, const Pack& b) { return Pack(a.lanes_of - b.lanes_of); }
    friend Pack operator*(const Pack& a, const Pack& b) { return Pack(a.lanes_of * b.lanes_of); }
    friend Pack operator/(const Pack& a, const Pack& b) { return Pack(a.lanes_of / b.lanes_of); }

    template <Constant C>
    friend Pack operator+(const Pack& a, C b) {
        return a + Pack(b);
    }
    template <Constant C>
    friend Pack operator+(C a, const Pack& b) {
        return Pack(a) + b;
    }
    template <Constant C>
    friend Pack operator-(const Pack& a, C b) {
        return a - Pack(b);
    }
    template <Constant C>
    friend Pack operator-(C a, const Pack& b) {
        return Pack(a) - b;
    }
    template <Constant C>
    friend Pack operator*(const Pack& a, C b) {
        return a * Pack(b);
    }
    template <Constant C>
    friend Pack operator*(C a, const Pack& b) {
        return Pack(a) * b;
    }
    template <Constant C>
    friend Pack operator/(const Pack& a, C b) {
        return a / Pack(b);
    }
    template <Constant C>
    friend Pack operator/(C a, const Pack& b) {
        return Pack(a) / b;
    }

    friend Pack exp_of(const Pack& x) {
        return through_eigen(x, [](const auto& array) { return array.exp(); });
    }
    friend Pack log_of(const Pack& x) {
        return through_eigen(x, [](const auto& array) { return array.log(); });
    }
    friend Pack sqrt_of(const Pack& x) {
        return through_eigen(x, [](const auto& array) { return array.sqrt(); });
    }
    friend Pack tanh_of(const Pack& x) {
        return through_eigen(x, [](const auto& array) { return array.tanh(); });
    }
    friend Pack erf_of(const Pack& x) {
        Pack result = x;
        for (Index lane = 0; lane < lanes<T>; ++lane) {
            result.lanes_of[lane] = std::erf(x.lanes_of[lane]);
        }
        return result;
    }
    friend Pack max_of(const Pack& a, const Pack& b) {
        return Pack(a.lanes_of > b.lanes_of ? a.lanes_of : b.lanes_of);
    }
    friend Pack relu_of(const Pack& x) { return max_of(x, Pack(0)); }
    friend Pack clamp_of(const Pack& x, double low, double high) {
        const Vector<T> least = Pack(low).lanes_of;
        const Vector<T> most = Pack(high).lanes_of;
        const Vector<T> raised = x.lanes_of < least ? least : x.lanes_of;
        return Pack(raised > most ? most : raised);
    }
    friend Pack select_equal_of(const Pack& key, double value, const Pack& equal,
                                const Pack& other) {
        return Pack(key.lanes_of == Pack(value).lanes_of ? equal.lanes_of : other.lanes_of);
    }

private:
    template <class F>
    static Pack through_eigen(const Pack& x, F&& function) {
        using Array = Eigen::Array<T, static_cast<int>(lanes<T>), 1>;
        Array argument;
        x.store_to(argument.data());
        const Array result = function(argument);
        return load_from(result.data());
    }
};

}  // namespace kasmina::backends::eigen_detail
