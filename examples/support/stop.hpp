// Stopping a program that has something to save first, on Ctrl-C and SIGTERM.
#pragma once

#include <csignal>
#include <string>

namespace kasmina::examples {

/// The signal that asked the program to stop; 0 while none has.
inline volatile std::sig_atomic_t stop_signal = 0;

/// From now on these signals are noted. The second one ends the program as ever: who cannot wait
/// for a step to end need not.
inline void stop_on_signals() {
    struct sigaction action {};
    action.sa_handler = [](int signal) { stop_signal = signal; };
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
}

[[nodiscard]] inline bool stop_requested() noexcept {
    return stop_signal != 0;
}

[[nodiscard]] inline std::string name_of_stop() {
    return stop_signal == SIGINT ? "Ctrl-C" : "SIGTERM";
}

/// Thrown when the program has stopped where it stood, and all is saved.
struct Stopped {
    std::string sentence;
};

}  // namespace kasmina::examples
