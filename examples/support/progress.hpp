// A progress bar with the time left on a terminal, and silence elsewhere.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <ostream>
#include <string>
#include <string_view>

#include <sys/ioctl.h>
#include <unistd.h>

#include <kasmina/finite.hpp>

namespace kasmina::examples {

/// What is known of the place that output goes to.
struct Terminal {
    bool interactive = false;
    std::size_t width = 80;
};

/// Asks about a file descriptor: 1 is the standard output.
inline Terminal detect_terminal(int descriptor = STDOUT_FILENO) {
    Terminal terminal{isatty(descriptor) == 1, 80};
    winsize size{};
    if (terminal.interactive && ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        terminal.width = size.ws_col;
    }
    return terminal;
}

/// Seconds as people say them: 8s, 2m05s, 1h03m.
inline std::string duration(double seconds) {
    const long whole = std::lround(std::clamp(seconds, 0.0, 3.6e8));
    char text[32];
    if (whole < 60) {
        std::snprintf(text, sizeof text, "%lds", whole);
    } else if (whole < 3600) {
        std::snprintf(text, sizeof text, "%ldm%02lds", whole / 60, whole % 60);
    } else {
        std::snprintf(text, sizeof text, "%ldh%02ldm", whole / 3600, whole / 60 % 60);
    }
    return text;
}

/// One bar at the foot of the output. Where output is no terminal it writes whole lines only, so
/// that logs hold neither bars nor carriage returns. The time comes from the caller.
class Progress {
public:
    Progress(std::ostream& out, Terminal terminal) : out_(&out), terminal_(terminal) {}
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress() { clear(); }

    /// Shows `done` in [0, 1] of the whole work after `elapsed` seconds of it.
    void update(double done, double elapsed, std::string_view label) {
        if (!terminal_.interactive) return;
        std::string text = render(done, elapsed, label);
        if (text == shown_) return;
        *out_ << '\r' << text;
        if (text.size() < shown_.size()) *out_ << std::string(shown_.size() - text.size(), ' ');
        out_->flush();
        shown_ = std::move(text);
    }

    /// Writes a line above the bar.
    void line(std::string_view text) {
        clear();
        *out_ << text << '\n';
        out_->flush();
    }

    /// Takes the bar away.
    void clear() {
        if (shown_.empty()) return;
        *out_ << '\r' << std::string(shown_.size(), ' ') << '\r';
        out_->flush();
        shown_.clear();
    }

private:
    [[nodiscard]] std::string render(double done, double elapsed, std::string_view label) const {
        done = is_finite(done) ? std::clamp(done, 0.0, 1.0) : 0.0;
        char percent[8];
        std::snprintf(percent, sizeof percent, "%3.0f%%", 100.0 * done);
        // Before there is anything to extrapolate from, no time left is claimed.
        const std::string left =
            done > 0.0 ? duration(elapsed * (1.0 - done) / done) + " left" : "";
        const std::string head = std::string(label) + ' ' + percent + ' ';
        // The last column stays free: some terminals wrap when it is written.
        const std::size_t room = terminal_.width > 1 ? terminal_.width - 1 : 1;
        const std::size_t taken = head.size() + 3 + left.size();
        if (taken + 5 > room) return (head + left).substr(0, room);
        const std::size_t cells = std::min<std::size_t>(room - taken, 40);
        const auto full = static_cast<std::size_t>(done * static_cast<double>(cells));
        return head + '[' + std::string(full, '=') + std::string(cells - full, ' ') + "] " + left;
    }

    std::ostream* out_;
    Terminal terminal_;
    std::string shown_;
};

}  // namespace kasmina::examples
