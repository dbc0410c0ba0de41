// MovedFrom: an object's knowledge that it was moved from, so that using it then is an error.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <kasmina/error.hpp>

namespace kasmina {

/// A member of things that are nothing any more once they were moved from.
class MovedFrom {
public:
    MovedFrom() = default;
    MovedFrom(MovedFrom&& other) noexcept : moved_(std::exchange(other.moved_, true)) {}
    MovedFrom& operator=(MovedFrom&& other) noexcept {
        if (this != &other) moved_ = std::exchange(other.moved_, true);
        return *this;
    }
    MovedFrom(const MovedFrom&) = default;
    MovedFrom& operator=(const MovedFrom&) = default;
    ~MovedFrom() = default;

    /// Errors: LifetimeError when the object that it is of, "a learner", was moved from.
    void check(std::string_view object) const {
        if (moved_) refuse(object);
    }

    [[noreturn]] KASMINA_COLD static void refuse(std::string_view object) {
        throw LifetimeError(std::string(object) + " is used after it was moved from",
                            std::string(object), "one that still is what it was",
                            "one that was moved from", "use the one that it was moved to");
    }

private:
    bool moved_ = false;
};

}  // namespace kasmina
