// The JSON Lines schema as docs/telemetry.md has it in its tables, and a check of lines against it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace kasmina::test {

class Schema {
public:
    struct Field {
        std::string name{};
        std::string type{};
        bool may_be_null = false;
    };

    /// Reads the tables below the headings of the document.
    explicit Schema(const std::string& path) {
        std::ifstream file(path);
        if (!file) throw std::runtime_error("no " + path);
        std::string heading;
        for (std::string line; std::getline(file, line);) {
            if (line.starts_with("##")) heading = unquoted(line.substr(line.find(' ') + 1));
            if (line.starts_with("### `")) events_[heading];
            if (line.starts_with("| `")) add(heading, cells_of(line));
        }
    }

    /// Fields of every event.
    [[nodiscard]] const std::vector<Field>& common() const { return common_; }
    /// Fields of each event by its name.
    [[nodiscard]] const std::map<std::string, std::vector<Field>>& events() const {
        return events_;
    }
    /// What strings of a type may say, by the type's name.
    [[nodiscard]] const std::map<std::string, std::vector<std::string>>& types() const {
        return types_;
    }
    [[nodiscard]] const std::vector<std::string>& tags() const { return tags_; }

    /// What is wrong with an object as a line of the file; empty when nothing is.
    [[nodiscard]] std::string problem(const nlohmann::ordered_json& object) const {
        if (!object.is_object() || object.empty() || object.begin().key() != "event") {
            return "does not begin with event";
        }
        const auto event = events_.find(object.at("event").get<std::string>());
        if (event == events_.end()) return "unknown event";
        std::vector<Field> wanted = common_;
        wanted.insert(wanted.end(), event->second.begin(), event->second.end());
        auto item = std::next(object.begin());
        for (const Field& field : wanted) {
            if (item == object.end()) return field.name + " is missing";
            if (item.key() != field.name) return item.key() + " instead of " + field.name;
            if (!fits(field, *item)) return field.name + " is " + item->dump();
            ++item;
        }
        return item == object.end() ? "" : item.key() + " is not documented";
    }

private:
    [[nodiscard]] static std::string unquoted(std::string text) {
        std::erase(text, '`');
        return text;
    }

    [[nodiscard]] static std::vector<std::string> cells_of(const std::string& line) {
        std::vector<std::string> cells;
        std::istringstream rest(line.substr(1));
        for (std::string cell; std::getline(rest, cell, '|');) {
            const std::size_t begin = cell.find_first_not_of(' ');
            const std::size_t end = cell.find_last_not_of(' ');
            cells.push_back(begin == std::string::npos ? "" : cell.substr(begin, end - begin + 1));
        }
        return cells;
    }

    void add(const std::string& heading, const std::vector<std::string>& cells) {
        const std::string name = unquoted(cells.at(0));
        if (heading == "TensorBoard") {
            tags_.push_back(name);
        } else if (heading == "Types") {
            std::istringstream values(unquoted(cells.at(1)));
            for (std::string value; values >> value;) types_[name].push_back(value);
        } else if (heading == "Every event" || events_.contains(heading)) {
            auto& fields = events_.contains(heading) ? events_.at(heading) : common_;
            fields.push_back({name, cells.at(1), cells.at(3) != "never"});
        }
    }

    [[nodiscard]] bool fits(const Field& field, const nlohmann::ordered_json& value) const {
        if (value.is_null()) return field.may_be_null;
        if (field.type == "string") return value.is_string();
        if (field.type == "integer") return value.is_number_integer();
        if (field.type == "number") return value.is_number_float();
        if (field.type == "boolean") return value.is_boolean();
        if (field.type == "strings") {
            return value.is_array() &&
                   std::all_of(value.begin(), value.end(),
                               [](const auto& item) { return item.is_string(); });
        }
        const auto& known = types_.at(field.type);
        return value.is_string() &&
               std::find(known.begin(), known.end(), value.get<std::string>()) != known.end();
    }

    std::vector<Field> common_;
    std::map<std::string, std::vector<Field>> events_;
    std::map<std::string, std::vector<std::string>> types_;
    std::vector<std::string> tags_;
};

}  // namespace kasmina::test
