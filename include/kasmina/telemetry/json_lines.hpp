// JsonLinesSink: one JSON object per event and line, flushed at once.
#pragma once

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include <kasmina/error.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/telemetry/events.hpp>

namespace kasmina::telemetry {

namespace detail {

template <class Value>
[[nodiscard]] nlohmann::ordered_json to_json(const Value& value) {
    return value;
}
template <class Value>
[[nodiscard]] nlohmann::ordered_json to_json(const std::optional<Value>& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

/// Adds the fields of a struct under their names, and in the place of a seed's context its fields.
template <class Struct>
void add_fields(nlohmann::ordered_json& object, const Struct& fields) {
    reflect::for_each_field(fields,
                            [&object]<class Field>(std::string_view name, const Field& field) {
                                if constexpr (reflect::Reflected<Field>) {
                                    add_fields(object, field);
                                } else {
                                    object[std::string(name)] = to_json(field);
                                }
                            });
}

}  // namespace detail

/// {"event": name, ...the seed's context..., ...the event's own fields...}; absent values are
/// null, values that are not finite too (JSON has no NaN).
[[nodiscard]] inline nlohmann::ordered_json to_json(const Event& event) {
    return std::visit(
        [](const auto& typed) {
            nlohmann::ordered_json object;
            object["event"] = typed.name;
            detail::add_fields(object, typed);
            return object;
        },
        event);
}

/// Writes events to a new file; one that was there is replaced. Bytes that are not UTF-8, as a
/// user's own names may hold, become U+FFFD. Errors: DataError when the file cannot be opened or
/// written.
class JsonLinesSink {
public:
    explicit JsonLinesSink(std::filesystem::path path)
        : path_(std::move(path)), file_(path_, std::ios::binary | std::ios::trunc) {
        check("the telemetry file cannot be opened");
    }

    void emit(const Event& event) {
        constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;
        file_ << to_json(event).dump(-1, ' ', false, replace) << '\n' << std::flush;
        check("the telemetry file cannot be written");
    }

private:
    void check(const char* what) {
        if (file_) return;
        throw DataError(what, "JsonLinesSink", "a writable file", path_.string(),
                        "create the folder, free the disk or choose another path");
    }

    std::filesystem::path path_;
    std::ofstream file_;
};

}  // namespace kasmina::telemetry
