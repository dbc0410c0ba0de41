// Error: the one base of everything that the library throws, in five answers.
#pragma once

#include <kasmina/requirements.hpp>

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

#include <kasmina/code_size.hpp>

namespace kasmina {

/// Base of all errors (spec E-2). Each says what happened, where, what was expected, what was
/// found and how to mend it; `what()` is these in one line. Objects are unchanged after a throw
/// unless a function documents otherwise.
class Error : public std::runtime_error {
public:
    /// Cold: what calls it is compiled small and apart from what is run.
    KASMINA_COLD Error(std::string_view what_happened, std::string_view where,
                       std::string_view expected, std::string_view got, std::string_view mend)
        : std::runtime_error(in_one_line({where, ": ", what_happened, "; expected ", expected,
                                          "; got ", got, "; to mend: ", mend})),
          what_happened_(what_happened),
          where_(where),
          expected_(expected),
          got_(got),
          mend_(mend) {}

    [[nodiscard]] const std::string& what_happened() const noexcept { return what_happened_; }
    [[nodiscard]] const std::string& where() const noexcept { return where_; }
    [[nodiscard]] const std::string& expected() const noexcept { return expected_; }
    [[nodiscard]] const std::string& got() const noexcept { return got_; }
    [[nodiscard]] const std::string& mend() const noexcept { return mend_; }

private:
    [[nodiscard]] static std::string in_one_line(std::initializer_list<std::string_view> parts) {
        std::string line;
        for (const std::string_view part : parts) line += part;
        return line;
    }

    std::string what_happened_;
    std::string where_;
    std::string expected_;
    std::string got_;
    std::string mend_;
};

/// A name for messages, which would not show an empty one.
[[nodiscard]] inline std::string name_or_none(std::string_view name) {
    return name.empty() ? "an empty name" : std::string(name);
}

/// A step that the lifecycle does not allow.
class LifecycleError : public Error {
public:
    using Error::Error;
};

/// A gate that is missing, or asked at the wrong time.
class GateError : public Error {
public:
    using Error::Error;
};

/// An alpha schedule that cannot be set now, or not like this.
class AlphaError : public Error {
public:
    using Error::Error;
};

/// Extents that do not fit each other.
class ShapeError : public Error {
public:
    using Error::Error;
};

/// An option outside its range, or options that contradict each other.
class OptionError : public Error {
public:
    using Error::Error;
};

/// A name that nothing goes by; `expected()` lists the available ones.
class UnknownNameError : public Error {
public:
    using Error::Error;
};

/// A name that two things go by; `got()` says which two.
class DuplicateNameError : public Error {
public:
    using Error::Error;
};

/// A data file that is missing, truncated or malformed.
class DataError : public Error {
public:
    using Error::Error;
};

/// Memory, threads or another thing of the system's that cannot be had; `got()` has the cause.
class ResourceError : public Error {
public:
    using Error::Error;
};

/// A tape that is used out of order.
class TapeError : public Error {
public:
    using Error::Error;
};

/// Something that is used after its end: it was moved from, or what it refers to has gone.
class LifetimeError : public Error {
public:
    using Error::Error;
};

/// A number that is not finite, or not in its range, where it must be.
class NumericError : public Error {
public:
    using Error::Error;
};

/// A stored state that contradicts itself, or does not fit where it is restored.
class StateError : public Error {
public:
    using Error::Error;
};

/// A checkpoint that cannot be read or written.
class CheckpointError : public Error {
public:
    using Error::Error;
};

}  // namespace kasmina
