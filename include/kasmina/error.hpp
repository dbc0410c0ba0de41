// Error: the one base of everything that the library throws, in five answers.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace kasmina {

/// Base of all errors (spec E-2). Each says what happened, where, what was expected, what was
/// found and how to mend it; `what()` is these in one line. Objects are unchanged after a throw
/// unless a function documents otherwise.
class Error : public std::runtime_error {
public:
    Error(std::string what_happened, std::string where, std::string expected, std::string got,
          std::string mend)
        : std::runtime_error(where + ": " + what_happened + "; expected " + expected + "; got " +
                             got + "; to mend: " + mend),
          what_happened_(std::move(what_happened)),
          where_(std::move(where)),
          expected_(std::move(expected)),
          got_(std::move(got)),
          mend_(std::move(mend)) {}

    [[nodiscard]] const std::string& what_happened() const noexcept { return what_happened_; }
    [[nodiscard]] const std::string& where() const noexcept { return where_; }
    [[nodiscard]] const std::string& expected() const noexcept { return expected_; }
    [[nodiscard]] const std::string& got() const noexcept { return got_; }
    [[nodiscard]] const std::string& mend() const noexcept { return mend_; }

private:
    std::string what_happened_;
    std::string where_;
    std::string expected_;
    std::string got_;
    std::string mend_;
};

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

/// A tape that is used out of order.
class TapeError : public Error {
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
