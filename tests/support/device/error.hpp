// What goes wrong on the test device, as an error of its own type.
#pragma once

#include <kasmina/error.hpp>

namespace kasmina::test {

/// Work that failed after it was queued (thrown by the next wait), or work that was given a pointer
/// which is not the device's (thrown by the call).
class DeviceError : public Error {
public:
    using Error::Error;
};

}  // namespace kasmina::test
