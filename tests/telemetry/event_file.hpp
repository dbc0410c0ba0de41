// A reader of TensorBoard event files that shares no code with the writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace kasmina::test::event_file {

/// The file, or a message in it, is not what the formats say.
struct Broken : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Value {
    std::string tag{};
    std::optional<float> scalar{};
    std::optional<std::string> text{};
    std::string plugin{};
};

struct LoggedEvent {
    double wall_time = 0.0;
    std::int64_t step = 0;
    std::string file_version{};
    std::vector<Value> values{};
};

inline std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Bit by bit, from the definition.
inline std::uint32_t masked_checksum(std::string_view bytes) {
    std::uint32_t crc = ~0U;
    for (const char byte : bytes) {
        crc ^= static_cast<unsigned char>(byte);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82F63B78U * (crc & 1U));
    }
    crc = ~crc;
    return ((crc >> 15) | (crc << 17)) + 0xA282EAD8U;
}

/// Takes `count` bytes off the front.
inline std::string_view take(std::string_view& rest, std::uint64_t count, const char* what) {
    if (rest.size() < count) throw Broken(std::string("cut short: ") + what);
    const std::string_view taken = rest.substr(0, static_cast<std::size_t>(count));
    rest.remove_prefix(static_cast<std::size_t>(count));
    return taken;
}

template <class Number>
Number number(std::string_view bytes) {
    Number value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

/// The data of all records. Errors: Broken for a checksum that differs or a record cut short.
inline std::vector<std::string> records(std::string_view rest) {
    std::vector<std::string> found;
    const auto checked = [&rest](std::uint64_t count, const char* what) {
        const std::string_view data = take(rest, count, what);
        if (number<std::uint32_t>(take(rest, 4, "checksum")) != masked_checksum(data)) {
            throw Broken(std::string("checksum of ") + what);
        }
        return data;
    };
    while (!rest.empty()) {
        const auto length = number<std::uint64_t>(checked(8, "length"));
        found.emplace_back(checked(length, "data"));
    }
    return found;
}

/// One protobuf field: the bytes of its value, or the number that a varint is.
struct Field {
    unsigned number = 0;
    unsigned wire_type = 0;
    std::uint64_t varint = 0;
    std::string_view bytes{};
};

inline std::uint64_t take_varint(std::string_view& rest) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const auto byte = static_cast<unsigned char>(take(rest, 1, "varint")[0]);
        value |= std::uint64_t{byte & 0x7FU} << shift;
        if (byte < 0x80U) return value;
    }
    throw Broken("a varint without end");
}

inline std::vector<Field> fields(std::string_view rest) {
    std::vector<Field> found;
    while (!rest.empty()) {
        const std::uint64_t key = take_varint(rest);
        Field field{static_cast<unsigned>(key >> 3), static_cast<unsigned>(key & 7U)};
        switch (field.wire_type) {
            case 0: field.varint = take_varint(rest); break;
            case 1: field.bytes = take(rest, 8, "double"); break;
            case 2: field.bytes = take(rest, take_varint(rest), "bytes"); break;
            case 5: field.bytes = take(rest, 4, "float"); break;
            default: throw Broken("wire type");
        }
        found.push_back(field);
    }
    return found;
}

/// The fields of a message that has just these, each with this wire type.
inline std::vector<Field> fields(std::string_view bytes,
                                 std::vector<std::pair<unsigned, unsigned>> known) {
    std::vector<Field> found = fields(bytes);
    for (const Field& field : found) {
        bool fits = false;
        for (const auto& [number, type] : known) {
            fits = fits || (number == field.number && type == field.wire_type);
        }
        if (!fits) throw Broken("field " + std::to_string(field.number));
    }
    return found;
}

/// tensorflow.TensorProto of one string without extents.
inline std::string string_tensor(std::string_view bytes) {
    std::optional<std::string> text;
    bool is_string = false;
    for (const Field& field : fields(bytes, {{1, 0}, {2, 2}, {8, 2}})) {
        if (field.number == 1) is_string = field.varint == 7;
        if (field.number == 2 && !field.bytes.empty()) throw Broken("a tensor with extents");
        if (field.number == 8) text = field.bytes;
    }
    if (!is_string || !text) throw Broken("not a string tensor");
    return *text;
}

inline Value value(std::string_view bytes) {
    Value value;
    for (const Field& field : fields(bytes, {{1, 2}, {2, 5}, {8, 2}, {9, 2}})) {
        if (field.number == 1) value.tag = field.bytes;
        if (field.number == 2) value.scalar = number<float>(field.bytes);
        if (field.number == 8) value.text = string_tensor(field.bytes);
        if (field.number == 9) {
            for (const Field& data : fields(field.bytes, {{1, 2}})) {
                for (const Field& name : fields(data.bytes, {{1, 2}})) value.plugin = name.bytes;
            }
        }
    }
    return value;
}

inline LoggedEvent event(std::string_view bytes) {
    LoggedEvent event;
    for (const Field& field : fields(bytes, {{1, 1}, {2, 0}, {3, 2}, {5, 2}})) {
        if (field.number == 1) event.wall_time = number<double>(field.bytes);
        if (field.number == 2) event.step = static_cast<std::int64_t>(field.varint);
        if (field.number == 3) event.file_version = field.bytes;
        if (field.number == 5) {
            for (const Field& one : fields(field.bytes, {{1, 2}})) {
                event.values.push_back(value(one.bytes));
            }
        }
    }
    return event;
}

/// All events of a file, the one with the version first.
inline std::vector<LoggedEvent> read(const std::filesystem::path& path) {
    std::vector<LoggedEvent> events;
    for (const std::string& data : records(bytes_of(path))) events.push_back(event(data));
    return events;
}

}  // namespace kasmina::test::event_file
