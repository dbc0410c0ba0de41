// ContextReference: a context that is referred to, and the news that it has gone.
#pragma once

#include <memory>

#include <kasmina/error.hpp>

namespace kasmina {

/// A member of a context, by which those who refer to it find out that it has gone. Contexts show
/// it as `std::weak_ptr<const void> lifetime() const`; one that has none is believed to outlive
/// whatever refers to it.
class ContextLifetime {
public:
    ContextLifetime() : token_(std::make_shared<char>()) {}
    ContextLifetime(const ContextLifetime&) = delete;
    ContextLifetime& operator=(const ContextLifetime&) = delete;
    ~ContextLifetime() = default;

    [[nodiscard]] std::weak_ptr<const void> watch() const noexcept { return token_; }

private:
    std::shared_ptr<const char> token_;
};

/// Refers to a context that somebody else owns. While that ends, no other thread may use this.
template <class Context>
class ContextReference {
public:
    ContextReference() = default;
    // Implicit: it stands where a pointer would.
    ContextReference(Context* context)  // NOLINT(google-explicit-constructor)
        : context_(context) {
        if constexpr (watched) {
            if (context != nullptr) lifetime_ = context->lifetime();
        }
    }

    /// Errors: LifetimeError when the context has gone.
    [[nodiscard]] KASMINA_APART Context& get() const {
        if constexpr (watched) {
            if (lifetime_.expired()) refuse();
        }
        return *context_;
    }

    /// Whether it refers to any.
    [[nodiscard]] explicit operator bool() const noexcept { return context_ != nullptr; }

private:
    static constexpr bool watched = requires(const Context& context) { context.lifetime(); };

    [[noreturn]] KASMINA_COLD static void refuse() {
        throw LifetimeError("a context is used after its end", "ContextReference",
                            "a context that outlives the tapes and models that were made on it",
                            "one that was destroyed",
                            "make the context first, so that it is destroyed last");
    }

    Context* context_ = nullptr;
    std::weak_ptr<const void> lifetime_{};
};

}  // namespace kasmina
