// Every error of the library is an Error with five answers (E-2).
#include <string>
#include <type_traits>

#include <kasmina/error.hpp>

#include "support/catch.hpp"

namespace kasmina::error_test {
namespace {

TEMPLATE_TEST_CASE("every error has one base, and says what, where, expected, got and the mend",
                   "[E-2]", LifecycleError, GateError, AlphaError, ShapeError, OptionError,
                   UnknownNameError, DataError, TapeError, NumericError, CheckpointError) {
    static_assert(std::is_base_of_v<Error, TestType>);
    static_assert(!std::is_same_v<Error, TestType>);
    try {
        throw TestType("no water", "the kitchen", "tea", "dust", "open the tap");
    } catch (const Error& error) {
        CHECK(error.what_happened() == "no water");
        CHECK(error.where() == "the kitchen");
        CHECK(error.expected() == "tea");
        CHECK(error.got() == "dust");
        CHECK(error.mend() == "open the tap");
        CHECK(std::string(error.what()) ==
              "the kitchen: no water; expected tea; got dust; to mend: open the tap");
    }
}

}  // namespace
}  // namespace kasmina::error_test
