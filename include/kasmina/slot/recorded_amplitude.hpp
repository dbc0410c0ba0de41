// RecordedAmplitude: a seed's amplitude in device memory, where recorded steps read it.
#pragma once

#include <kasmina/backend/recording.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina::slot_detail {

/// A number that is an argument of a kernel is part of a recording, and a ramp would need another
/// recording for each of its steps. Between 0 and 1 steps read the amplitude here instead, so that
/// one recording serves a whole ramp; at 0 a seed is skipped and at 1 it needs no blend, so these
/// are steps of their own. It is a copy of the slot's alpha, which stays the only one that decides
/// what is here is used while both are equal, and no longer.
template <class B>
class RecordedAmplitude {
public:
    static constexpr bool is_used = false;
};

template <class B>
    requires RecordingBackend<B>
class RecordedAmplitude<B> {
public:
    static constexpr bool is_used = true;

    /// Orders that steps from here on read `alpha`, if it is between 0 and 1. Not while work is
    /// recorded.
    void set(typename B::Context& context, double alpha) {
        if (alpha <= 0.0 || alpha >= 1.0 || value_ == alpha) return;
        if (memory_.empty()) memory_ = Tensor<B>::persistent(context, {1});
        memory_.fill(context, static_cast<typename B::Scalar>(alpha));
        value_ = alpha;
    }

    /// Where `alpha` is; null when it was not set.
    [[nodiscard]] const Tensor<B>* find(double alpha) const noexcept {
        return value_ == alpha ? &memory_ : nullptr;
    }

private:
    Tensor<B> memory_{};
    double value_ = -1.0;  ///< none
};

}  // namespace kasmina::slot_detail
