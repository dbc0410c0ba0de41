// check_all_comes_back: what is saved of a life is in fresh objects, to the last bit.
#pragma once

#include <vector>

#include <kasmina/checkpoint/checkpoint.hpp>

#include "checkpoint/file/support.hpp"
#include "checkpoint/life.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::test {

/// After each of these epochs.
template <class B>
void check_all_comes_back(const std::vector<int>& epochs) {
    using Saved = Life<B, optim::SgdRule>;
    typename B::Context context;
    const TemporaryFolder folder;
    Saved life(context);
    for (const int epoch : epochs) {
        CAPTURE(epoch);
        life.grow(epoch);
        checkpoint::save(folder / "first", life.model, life.trainer, life.diary);
        Saved fresh(context, 99);
        checkpoint::load(folder / "first", fresh.model, fresh.trainer, fresh.diary);
        CHECK(fresh.trainer.epochs_done() == epoch);
        CHECK(fresh.diary == life.diary);
        CHECK(state_of(fresh.model) == state_of(life.model));
        checkpoint::save(folder / "second", fresh.model, fresh.trainer, fresh.diary);
        CHECK(get(folder / "first") == get(folder / "second"));
    }
}

}  // namespace kasmina::test
