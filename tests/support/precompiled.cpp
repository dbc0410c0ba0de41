// Nothing of its own: CMake wants a source to carry a precompiled header.
