// run_program: the frame of a program that grows a network, with what it ends with.
#pragma once

#include <csignal>
#include <exception>
#include <iostream>
#include <new>
#include <variant>

#include "failures.hpp"
#include "run_options.hpp"
#include "screen.hpp"
#include "stop.hpp"

namespace kasmina::examples {

/// What the program ends with.
enum EndsWith : int {
    success = 0,
    refused = 2,    ///< or stopped: files of other runs are as they were
    not_whole = 3,  ///< training is over, and something could not be written
    stopped = 4,    ///< by a signal, and all is saved
};

/// `parse(screen)` reads the command line, to an Exit or to what `run(line, screen)` takes, which
/// returns what went wrong when training was over. Returns the program's exit code.
template <class Parse, class Run>
[[nodiscard]] int run_program(const char* name, Parse&& parse, Run&& run) {
    hold_standard_streams();
    // A reader that has gone, and a file that may not grow, are failed writes with a cause.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    Screen screen;
    const auto complain = [name](const auto& what) { std::cerr << name << ": " << what << '\n'; };
    try {
        const auto parsed = parse(screen);
        screen.require_good();
        if (const auto* exit = std::get_if<Exit>(&parsed)) return exit->code;
        const Failures failures = run(std::get<0>(parsed), screen);
        for (const std::string& cause : failures.causes()) complain(cause);
        return failures.causes().empty() ? success : not_whole;
    } catch (const Stopped& end) {
        screen << end.sentence << std::endl;
        return stopped;
    } catch (const std::bad_alloc&) {
        complain(no_memory);
        return refused;
    } catch (const std::exception& error) {
        complain(error.what());
        return refused;
    }
}

}  // namespace kasmina::examples
