// Recording: the capability to take down work once, and to order all of it again at one go.
#pragma once

#include <kasmina/requirements.hpp>

#include <concepts>
#include <cstdint>

#include <kasmina/random/generator.hpp>

/// \file
/// For devices on which each call costs the host more than the device. From `begin_recording` to
/// `end_recording` what is ordered on the context is taken down, with its arguments, and not done;
/// `replay` orders it. Memory that such work acquires and gives back is kept for recordings, so
/// that nobody else's values are in it when it is replayed. What cannot be done again is counted by
/// `unrepeatable`, and must not be recorded: copies from and to the host, whose memory may have
/// changed by then, and random words, but for those of the one stream that `draw_from` names: these
/// are as many words further on when they are drawn again as `replay` says. Whatever else is
/// recorded keeps its addresses: whoever replays sees to it that they are still what they were.
namespace kasmina {

template <class B>
concept RecordingBackend = requires(typename B::Context& context, typename B::Recording recording,
                                    const Generator::State& random, std::uint64_t words) {
    requires std::movable<typename B::Recording>;
    requires std::default_initializable<typename B::Recording>;
    B::begin_recording(context);
    // Holds nothing (false) when it acquired memory that it did not give back.
    { B::end_recording(context) } -> std::same_as<typename B::Recording>;
    { static_cast<bool>(recording) };
    B::draw_from(context, random);
    B::replay(context, recording, words);
    // How many calls so far could not be taken down.
    { B::unrepeatable(context) } -> std::convertible_to<std::uint64_t>;
};

}  // namespace kasmina
