// TensorBoard's Event messages as bytes: the few protobuf fields it needs, and TFRecord framing.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <kasmina/telemetry/crc32c.hpp>

namespace kasmina::telemetry::tensorboard {

namespace detail {

template <class Unsigned>
void append_little_endian(std::string& bytes, Unsigned value) {
    for (std::size_t i = 0; i < sizeof(Unsigned); ++i) {
        bytes.push_back(static_cast<char>(static_cast<unsigned char>(value >> (8 * i))));
    }
}

/// Length of the well-formed UTF-8 sequence at the start of `text`, 0 where there is none (no
/// overlong form, no surrogate, nothing above U+10FFFF).
[[nodiscard]] constexpr std::size_t utf8_length(std::string_view text) noexcept {
    const auto at = [text](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const auto continues = [&at](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
    const unsigned lead = at(0);
    if (lead < 0x80U) return 1;
    if (lead >= 0xC2U && lead <= 0xDFU) return continues(1) ? 2 : 0;
    if ((lead & 0xF0U) == 0xE0U) {
        const bool second = (lead != 0xE0U || at(1) >= 0xA0U) && (lead != 0xEDU || at(1) < 0xA0U);
        return second && continues(1) && continues(2) ? 3 : 0;
    }
    if (lead >= 0xF0U && lead <= 0xF4U) {
        const bool second = (lead != 0xF0U || at(1) >= 0x90U) && (lead != 0xF4U || at(1) < 0x90U);
        return second && continues(1) && continues(2) && continues(3) ? 4 : 0;
    }
    return 0;
}

}  // namespace detail

/// The text with each byte that is not UTF-8 replaced by U+FFFD: one such byte in a tag would make
/// the whole file unreadable.
[[nodiscard]] inline std::string valid_utf8(std::string_view text) {
    std::string valid;
    valid.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = detail::utf8_length(text);
        valid += length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, length);
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return valid;
}

/// A protobuf message under construction. Field numbers are below 16, so that a key is one byte.
class Message {
public:
    Message& varint(unsigned field, std::uint64_t value) {
        key(field, 0);
        append_varint(value);
        return *this;
    }
    Message& float64(unsigned field, double value) {
        key(field, 1);
        detail::append_little_endian(bytes_, std::bit_cast<std::uint64_t>(value));
        return *this;
    }
    Message& text(unsigned field, std::string_view value) {
        key(field, 2);
        append_varint(value.size());
        bytes_ += value;
        return *this;
    }
    Message& message(unsigned field, const Message& value) { return text(field, value.bytes_); }
    Message& float32(unsigned field, float value) {
        key(field, 5);
        detail::append_little_endian(bytes_, std::bit_cast<std::uint32_t>(value));
        return *this;
    }

    [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

private:
    void key(unsigned field, unsigned wire_type) {
        bytes_.push_back(static_cast<char>((field << 3) | wire_type));
    }
    void append_varint(std::uint64_t value) {
        for (; value >= 0x80U; value >>= 7) {
            bytes_.push_back(static_cast<char>(0x80U | (value & 0x7FU)));
        }
        bytes_.push_back(static_cast<char>(value));
    }

    std::string bytes_;
};

/// tensorflow.Summary: values, each under a tag.
class Summary {
public:
    /// A point of a curve. TensorBoard keeps it in single precision.
    void scalar(std::string_view tag, double value) {
        summary_.message(1,
                         Message().text(1, valid_utf8(tag)).float32(2, static_cast<float>(value)));
    }

    /// Text for the text page: a string tensor without extents, marked as that page's.
    void text(std::string_view tag, std::string_view text) {
        constexpr std::uint64_t string_type = 7;
        Message tensor;
        tensor.varint(1, string_type).message(2, Message()).text(8, valid_utf8(text));
        Message metadata;
        metadata.message(1, Message().text(1, "text"));
        summary_.message(
            1, Message().text(1, valid_utf8(tag)).message(8, tensor).message(9, metadata));
    }

    [[nodiscard]] const Message& message() const noexcept { return summary_; }

private:
    Message summary_;
};

/// tensorflow.Event: the first of a file, which names its format.
[[nodiscard]] inline std::string file_version_event(double wall_time) {
    return Message().float64(1, wall_time).text(3, "brain.Event:2").bytes();
}

/// tensorflow.Event with a summary; `wall_time` is in seconds since 1970.
[[nodiscard]] inline std::string summary_event(double wall_time, std::int64_t step,
                                               const Summary& summary) {
    return Message()
        .float64(1, wall_time)
        .varint(2, static_cast<std::uint64_t>(step))
        .message(5, summary.message())
        .bytes();
}

/// A TFRecord: length, its checksum, the data, their checksum.
[[nodiscard]] inline std::string record(std::string_view data) {
    std::string framed;
    framed.reserve(data.size() + 16);
    const std::uint64_t size = data.size();
    detail::append_little_endian(framed, size);
    detail::append_little_endian(framed, masked_crc32c(framed));
    framed += data;
    detail::append_little_endian(framed, masked_crc32c(data));
    return framed;
}

}  // namespace kasmina::telemetry::tensorboard
