// Story: what a run tells while it goes on, line by line, with a bar below on a terminal.
#pragma once

#include <chrono>
#include <string>

#include "progress.hpp"
#include "screen.hpp"

namespace kasmina::examples {

using Clock = std::chrono::steady_clock;

[[nodiscard]] inline double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Tells what happens, on a terminal with a bar below.
class Story {
public:
    /// Where `goes_on_unheard` is false, the run ends when nobody can hear of it any more.
    Story(Screen& screen, int total_epochs, bool goes_on_unheard)
        : screen_(&screen),
          progress_(screen, detect_terminal()),
          total_epochs_(total_epochs),
          goes_on_unheard_(goes_on_unheard) {}

    void line(const std::string& text) {
        progress_.line(text);
        if (!goes_on_unheard_) screen_->require_good();
    }

    void step(const char* label, double share) {
        progress_.update((epochs_done_ + share) / total_epochs_, seconds_since(start_), label);
    }
    void epoch_done() { ++epochs_done_; }
    /// To come, that nobody knew of.
    void add(int epochs) { total_epochs_ += epochs; }
    /// Of a run that goes on.
    void skip(int epochs) { epochs_done_ += epochs; }
    void finish() { progress_.clear(); }

private:
    Screen* screen_;
    Progress progress_;
    int total_epochs_;
    bool goes_on_unheard_;
    double epochs_done_ = 0.0;
    Clock::time_point start_ = Clock::now();
};

}  // namespace kasmina::examples
