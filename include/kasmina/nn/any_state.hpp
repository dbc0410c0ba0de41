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

/// `Of<B, T>` for each element type that every backend stores.
template <class B, template <class, class> class Of>
using AnyElement =
    std::conditional_t<std::same_as<typename B::Scalar, double>,
                       std::variant<Of<B, double>, Of<B, std::int32_t>, Of<B, std::int64_t>>,
                       std::variant<Of<B, typename B::Scalar>, Of<B, double>, Of<B, std::int32_t>,
                                    Of<B, std::int64_t>>>;

template <class B, class T>
using SharedTensor = std::shared_ptr<Tensor<B, T>>;

}  // namespace detail

/// A tensor of any element type.
template <class B>
using AnyTensor = detail::AnyElement<B, Tensor>;

/// A state of any element type. A handle: it shares the state with the module that owns it, and
/// stays valid when the module moves.
template <class B>
class AnyState {
public:
    using Context = typename B::Context;

    template <class T>
    explicit AnyState(const State<B, T>& state) : value_(state.shared()) {}

    /// Calls `f(Tensor<B, T>&)` with its value.
    template <class F>
    decltype(auto) visit(F&& f) const {
        return std::visit([&f](const auto& value) -> decltype(auto) { return f(*value); }, value_);
    }

    [[nodiscard]] const Shape& shape() const {
        return visit([](const auto& value) -> const Shape& { return value.shape(); });
    }

    /// Number of values.
    [[nodiscard]] Index size() const {
        return visit([](const auto& value) { return value.size(); });
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

    /// Overwrites `values` with its own, on the backend. Errors: as for `copy_from`.
    void copy_to(Context& context, AnyTensor<B>& values) const {
        visit([&]<class T>(const Tensor<B, T>& value) {
            std::get<Tensor<B, T>>(values).copy_from(context, value);
        });
    }

    /// Whether both are the same state.
    friend bool operator==(const AnyState&, const AnyState&) noexcept = default;

private:
    detail::AnyElement<B, detail::SharedTensor> value_;
};

}  // namespace kasmina::nn
