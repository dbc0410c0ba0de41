// Numbers in texts: few digits, all that tell a number apart, and the same in every locale.
#include <cmath>
#include <limits>
#include <locale>
#include <string>

#include <kasmina/gates/message.hpp>
#include <kasmina/number_text.hpp>

#include "support/catch.hpp"

namespace kasmina::number_text_test {
namespace {

/// A comma for the point, and a point between thousands.
struct German : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
};

TEST_CASE("a number is written in the fewest digits that tell it from others of its type",
          "[E-2]") {
    CHECK(number_text(0.1) == "0.1");
    CHECK(number_text(0.1F) == "0.1");
    CHECK(number_text(1e-12) == "1e-12");
    CHECK(number_text(std::nextafter(1.0, 0.0)) == "0.9999999999999999");
    CHECK(number_text(-2.0) == "-2");
    CHECK(number_text(std::numeric_limits<double>::quiet_NaN()) == "nan");
    CHECK(number_text(-std::numeric_limits<double>::infinity()) == "-inf");
    CHECK(number_text(std::numeric_limits<long double>::lowest()).size() < 64);
}

TEST_CASE("of many digits the first are written where that is asked for", "[E-2]") {
    CHECK(number_text(1.0 / 3.0, 6) == "0.333333");
    CHECK(number_text(123456789.0, 6) == "1.23457e+08");
    CHECK(number_text(0.2, 6) == "0.2");
}

TEST_CASE("a gate's verdict reads alike in every locale", "[G-8][E-2]") {
    const std::locale before = std::locale::global(std::locale(std::locale(), new German));
    GateResult result(Gate::g2);
    result.require_at_least("improvement", 1234.5, 2000.25);
    const std::string message = message_of(result);
    std::locale::global(before);
    CHECK(message == "G2 refused: improvement 1234.5 (bound 2000.25)");
}

}  // namespace
}  // namespace kasmina::number_text_test
