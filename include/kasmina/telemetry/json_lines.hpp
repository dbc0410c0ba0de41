// JsonLinesSink: one JSON object per event and line, flushed at once.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include <kasmina/reflect/fields.hpp>
#include <kasmina/telemetry/events.hpp>
#include <kasmina/telemetry/output_file.hpp>

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

/// Writes events to a new file; one that was there is replaced, where it is a file (OutputFile).
/// Bytes that are not UTF-8, as a user's own names may hold, become U+FFFD. A line is written whole
/// or not at all, and after a failure the next one is tried again. Errors: DataError with the cause
/// when the file cannot be opened or written.
class JsonLinesSink {
public:
    explicit JsonLinesSink(std::filesystem::path path)
        : file_(OutputFile::replace(std::move(path), "JsonLinesSink")) {}

    void emit(const Event& event) {
        constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;
        file_.write(to_json(event).dump(-1, ' ', false, replace) + '\n');
    }

private:
    OutputFile file_;
};

}  // namespace kasmina::telemetry
