// all_of: the bytes of everything in a life, to be compared with what they are later.
#pragma once

#include <string>

#include <kasmina/checkpoint/save.hpp>

#include "checkpoint/file/support.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::test {

template <class Life>
[[nodiscard]] std::string all_of(Life& life, const TemporaryFolder& folder) {
    checkpoint::save(folder / "all_of", life.model, life.trainer, life.diary);
    return get(folder / "all_of");
}

}  // namespace kasmina::test
