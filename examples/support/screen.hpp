// Standard output whose failures are noticed, and standard streams that are really there.
#pragma once

#include <cerrno>
#include <cstddef>
#include <locale>
#include <ostream>
#include <streambuf>

#include <fcntl.h>
#include <unistd.h>

#include <kasmina/system_message.hpp>

#include "outputs.hpp"

namespace kasmina::examples {

/// Call it first in a program. Where a standard stream is closed, its number is taken by one that
/// cannot be used, so that no file is opened by that number, and what is printed is a failure and
/// does not end in the file.
inline void hold_standard_streams() noexcept {
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(standard, F_GETFD) >= 0) continue;
        // The lowest free number is what open gives: that one.
        static_cast<void>(::open("/dev/null", standard == STDIN_FILENO ? O_WRONLY : O_RDONLY));
    }
}

/// Writes to a descriptor at once, and keeps the cause of the first failure.
class DescriptorBuffer final : public std::streambuf {
public:
    explicit DescriptorBuffer(int descriptor) noexcept : descriptor_(descriptor) {}

    /// As errno has it; 0 while all is well.
    [[nodiscard]] int failure() const noexcept { return failure_; }

protected:
    std::streamsize xsputn(const char* text, std::streamsize count) override {
        if (failure_ == 0 && !write_all(descriptor_, {text, static_cast<std::size_t>(count)})) {
            failure_ = errno;
        }
        return failure_ == 0 ? count : 0;
    }
    int_type overflow(int_type character) override {
        if (traits_type::eq_int_type(character, traits_type::eof())) return 0;
        const char text = traits_type::to_char_type(character);
        return xsputn(&text, 1) == 1 ? character : traits_type::eof();
    }

private:
    int descriptor_;
    int failure_ = 0;
};

/// The standard output as a stream, in the locale "C". After a failure it takes no more.
class Screen : public std::ostream {
public:
    explicit Screen(int descriptor = STDOUT_FILENO) : std::ostream(nullptr), buffer_(descriptor) {
        rdbuf(&buffer_);
        imbue(std::locale::classic());
    }

    /// Errors: DataError with the cause of the first failure.
    void require_good() const {
        if (buffer_.failure() == 0) return;
        throw DataError("what is printed gets lost", "standard output", "a place to print to",
                        system_message(buffer_.failure()), "keep it open, and free its disk");
    }

private:
    DescriptorBuffer buffer_;
};

}  // namespace kasmina::examples
