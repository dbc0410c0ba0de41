// Standard output whose failures are noticed.
#include <locale>
#include <string>

#include <fcntl.h>

#include "screen.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::examples::screen_test {
namespace {

using test::error_text;
using test::mentions;

TEST_CASE("what is printed arrives at once", "[examples]") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    Screen screen(ends[1]);
    screen << "text " << 1 << '\n';
    char heard[16] = {};
    CHECK(::read(ends[0], heard, sizeof heard) == 7);
    CHECK(std::string(heard) == "text 1\n");
    screen.require_good();
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_CASE("the first failure is kept with its cause, and what follows is quiet", "[examples]") {
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    Screen screen(full);
    screen.require_good();
    screen << "text";
    screen << "more" << '\n';
    ::close(full);
    CHECK(
        mentions(error_text<DataError>([&] { screen.require_good(); }), "No space left on device"));
}

/// Groups digits by threes.
struct Grouped : std::numpunct<char> {
    std::string do_grouping() const override { return "\3"; }
    char do_thousands_sep() const override { return '.'; }
};

TEST_CASE("numbers are printed alike in every locale", "[examples]") {
    const std::locale before = std::locale::global(std::locale(std::locale(), new Grouped));
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    Screen screen(ends[1]);
    screen << 1234567;
    std::locale::global(before);
    char heard[16] = {};
    CHECK(::read(ends[0], heard, sizeof heard) == 7);
    ::close(ends[0]);
    ::close(ends[1]);
}

}  // namespace
}  // namespace kasmina::examples::screen_test
