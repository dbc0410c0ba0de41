// above_standard_streams: a file's descriptor that is never the number of a standard stream.
#pragma once

#include <kasmina/requirements.hpp>

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace kasmina {

/// `descriptor`, under a number above those of the standard streams: where a program was started
/// without one of these, the system gives its number to the next file, and what the program prints
/// would end in that. Takes the descriptor over. A negative one is returned as it is; -1 and errno
/// when there is no number left.
[[nodiscard]] inline int above_standard_streams(int descriptor) noexcept {
    if (descriptor < 0 || descriptor > STDERR_FILENO) return descriptor;
    const int higher = ::fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int cause = errno;
    ::close(descriptor);
    errno = cause;
    return higher;
}

}  // namespace kasmina
