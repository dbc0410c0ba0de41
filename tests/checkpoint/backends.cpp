// What is saved on the oracle and on a device comes back in fresh objects to the last bit.
#include "checkpoint/comes_back.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::backends_test {
namespace {

TEMPLATE_TEST_CASE("a life on the oracle and on a device comes back to the last bit",
                   "[C-1][C-6][C-8][K]", test::Oracle, test::Device32) {
    test::check_all_comes_back<TestType>({11, 15});  // slow, and in the stages that these are in
}

}  // namespace
}  // namespace kasmina::backends_test
