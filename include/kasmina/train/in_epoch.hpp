// InEpoch: a trainer's knowledge that an epoch is under way, when nothing else may be asked of it.
#pragma once

#include <string>
#include <string_view>

#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>

namespace kasmina::train {

/// A member of what has epochs. What is on its way of a step belongs to no state, so that a state
/// that a callback takes in the middle of an epoch would go on differently.
class InEpoch {
public:
    /// An epoch is under way as long as this lives.
    class Scope {
    public:
        explicit Scope(InEpoch& owner) noexcept : is_(owner.is_) { is_ = true; }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;
        ~Scope() { is_ = false; }

    private:
        bool& is_;
    };

    /// Errors: StateError while an epoch is under way.
    void refuse(std::string_view where, std::string_view asked) const {
        if (is_) throw_in_epoch(where, asked);
    }

private:
    KASMINA_COLD [[noreturn]] static void throw_in_epoch(std::string_view where,
                                                         std::string_view asked) {
        throw StateError(std::string(asked) + " is asked for in the middle of an epoch",
                         std::string(where), "a call between epochs, or where one was stopped",
                         "one from a callback while an epoch is under way",
                         "call it in on_epoch, or stop with epoch_until and call it then");
    }

    bool is_ = false;
};

}  // namespace kasmina::train
