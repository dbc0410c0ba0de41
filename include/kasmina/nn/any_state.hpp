// AnyState and AnyTensor: states and tensors of whatever element type, as one type each.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

#include <kasmina/autodiff/state.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina::nn {
namespace detail {

/// Which element type a state has: what every backend stores, and its own scalar.
enum class Element : std::uint8_t { scalar, float64, int32, int64 };

template <class B, class T>
inline constexpr Element element_of = std::same_as<T, typename B::Scalar> ? Element::scalar
                                      : std::same_as<T, double>           ? Element::float64
                                      : std::same_as<T, std::int32_t>     ? Element::int32
                                                                          : Element::int64;

/// What is done with states of all element types, compiled for those alone that a program has.
template <class B>
struct StateCalls {
    Element element;
    const Shape& (*shape)(const void* tensor);
    std::shared_ptr<void> (*duplicate)(typename B::Context&, const void* tensor);
    void (*copy)(typename B::Context&, const void* from, void* to);
};

template <class B, class T>
struct StateCallsOf {
    static const Shape& shape(const void* tensor) {
        return static_cast<const Tensor<B, T>*>(tensor)->shape();
    }
    static std::shared_ptr<void> duplicate(typename B::Context& context, const void* tensor) {
        return std::make_shared<Tensor<B, T>>(
            static_cast<const Tensor<B, T>*>(tensor)->clone(context));
    }
    static void copy(typename B::Context& context, const void* from, void* to) {
        static_cast<Tensor<B, T>*>(to)->copy_from(context, *static_cast<const Tensor<B, T>*>(from));
    }
    static constexpr StateCalls<B> all{element_of<B, T>, &shape, &duplicate, &copy};
};

}  // namespace detail

/// A tensor of any element type that every backend stores.
template <class B>
using AnyTensor = std::conditional_t<
    std::same_as<typename B::Scalar, double>,
    std::variant<Tensor<B, double>, Tensor<B, std::int32_t>, Tensor<B, std::int64_t>>,
    std::variant<Tensor<B, typename B::Scalar>, Tensor<B, double>, Tensor<B, std::int32_t>,
                 Tensor<B, std::int64_t>>>;

/// A state of any element type. A handle: it shares the state with the module that owns it, and
/// stays valid when the module moves.
template <class B>
class AnyState {
public:
    using Context = typename B::Context;

    template <class T>
    explicit AnyState(const State<B, T>& state)
        : value_(state.shared()), calls_(&detail::StateCallsOf<B, T>::all) {}

    /// Calls `f(Tensor<B, T>&)` with its value.
    template <class F>
    decltype(auto) visit(F&& f) const {
        switch (calls_->element) {
            case detail::Element::float64: return f(as<double>());
            case detail::Element::int32: return f(as<std::int32_t>());
            case detail::Element::int64: return f(as<std::int64_t>());
            case detail::Element::scalar: break;
        }
        return f(as<typename B::Scalar>());
    }

    [[nodiscard]] const Shape& shape() const { return calls_->shape(value_.get()); }

    /// Number of values.
    [[nodiscard]] Index size() const {
        return visit([](const auto& value) { return value.size(); });
    }

    /// A state of its own with a copy of the values, made on the backend.
    [[nodiscard]] AnyState duplicate(Context& context) const {
        return AnyState(calls_->duplicate(context, value_.get()), calls_);
    }

    /// Overwrites its values with those of a duplicate, on the backend.
    void copy_from(Context& context, const AnyState& duplicate) const {
        calls_->copy(context, duplicate.value_.get(), value_.get());
    }

    /// A copy of its values, made on the backend.
    [[nodiscard]] AnyTensor<B> clone(Context& context) const {
        return visit([&context](const auto& value) { return AnyTensor<B>(value.clone(context)); });
    }

    /// Overwrites its values, on the backend. Errors: ShapeError when the shapes differ,
    /// std::bad_variant_access when the element types do; nothing is changed then.
    void copy_from(Context& context, const AnyTensor<B>& values) const {
        visit([&]<class T>(Tensor<B, T>& value) {
            value.copy_from(context, std::get<Tensor<B, T>>(values));
        });
    }

    /// Whether `other` has the same element type and shape.
    [[nodiscard]] bool is_like(const AnyState& other) const {
        return calls_->element == other.calls_->element && shape() == other.shape();
    }

    /// Whether both are the same state.
    friend bool operator==(const AnyState& a, const AnyState& b) noexcept {
        return a.value_ == b.value_;
    }

private:
    AnyState(std::shared_ptr<void> value, const detail::StateCalls<B>* calls) noexcept
        : value_(std::move(value)), calls_(calls) {}

    template <class T>
    [[nodiscard]] Tensor<B, T>& as() const noexcept {
        return *static_cast<Tensor<B, T>*>(value_.get());
    }

    std::shared_ptr<void> value_;
    const detail::StateCalls<B>* calls_;
};

}  // namespace kasmina::nn
