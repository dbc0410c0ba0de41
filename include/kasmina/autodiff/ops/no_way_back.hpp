// NoWayBack: the backward half of an operation that runs only where nothing is recorded.
#pragma once

#include <kasmina/autodiff/tape.hpp>
#include <kasmina/error.hpp>

namespace kasmina::ops {

/// Recorded nowhere; it says so where it is all the same.
struct NoWayBack {
    template <class B>
    void pullback(Tape<B>&, Upstream<B>&) {
        throw TapeError("an operation has no way back", "ops::NoWayBack",
                        "a tape that does not record", "one that does",
                        "make the tape as Tape(context, Recording::none)");
    }
};

}  // namespace kasmina::ops
